"""People log in, have pages of their own, and log out again.

    brubeck user add examples.demo_login:app paul
    brubeck run examples.demo_login:app

Then go to http://localhost:6767/ with a browser. What is told of the log-in, and what of it is
checked by itself, is in docs/auth.md.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from brubeck import Brubeck
from brubeck.auth import CookieAuth, UserHandlingMixin, same_site_only, web_authenticated
from brubeck.http import Response
from brubeck.models import StoredAccounts
from brubeck.templating import Jinja2Rendering, load_jinja2_env

session = CookieAuth(max_age=86_400)


class Page(Jinja2Rendering, UserHandlingMixin):
    """A page that knows who asks, and of which no browser keeps a copy."""

    schemes = (session,)

    def prepare(self) -> None:
        """Let nobody who comes after the log-out go back to what was shown."""
        self.headers["Cache-Control"] = "no-store"


class Home(Page):
    """What is only for people who have logged in."""

    @web_authenticated
    def get(self, room: str) -> Response:
        """Show a room, or say first who it is for."""
        return self.render_template("home.html", name=self.current_user.username, room=room)


class LogIn(Page):
    """The way in: a form, and then the page that was wanted."""

    def get(self) -> Response:
        """Show the form."""
        return self.render_template("login.html", next=self.next_url())

    @same_site_only
    def post(self) -> Response:
        """Begin a session, or show the form once more, without saying which of both was wrong."""
        name = self.get_argument("name", "")
        password = self.get_argument("password", "", strip=False)
        user = StoredAccounts.of(self.application).log_in(name, password, self.message.remote_addr)
        if user is None:
            return self.render_template(
                "login.html", _status_code=422, next=self.next_url(), name=name, wrong=True
            )
        session.begin(self, user.account())
        return self.redirect(self.next_url(), 303)


class LogOut(Page):
    """The way out; by POST, so that no link leads there by mistake."""

    @same_site_only
    def post(self) -> Response:
        """End the session in this browser."""
        session.end(self)
        return self.redirect("/login", 303)


app = Brubeck(
    handler_tuples=[(r"^/login$", LogIn), (r"^/logout$", LogOut), (r"^/(rooms/\w+)?$", Home)],
    template_loader=load_jinja2_env(Path(__file__).parent / "templates" / "login"),
    login_url="/login",
    # Each process makes its own, and its end is that of all sessions: say yours in brubeck.toml.
    cookie_secret=secrets.token_urlsafe(),
    storage="sqlite:///login.db",
)
