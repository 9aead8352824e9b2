"""A program with a log-in: a stream of its members, one for everybody, and its own pages."""

from __future__ import annotations

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import BasicAuth, CookieAuth, UserHandlingMixin, same_site_only
from brubeck.dictshield.fields import StringField
from brubeck.http import Response
from brubeck.models import StoredAccounts
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler

session = CookieAuth()


class Post(StreamedDocument):
    """A post."""

    text = StringField()


class Posts(AuthStreamHandler):
    """Posts that members read."""

    model = Post
    path = "/posts"
    schemes = (session,)


class Machine(AuthStreamHandler):
    """Posts that no log-in leads to."""

    model = Post
    path = "/machine"
    schemes = (BasicAuth(),)


class News(StreamHandler):
    """Posts for everybody."""

    model = Post
    path = "/news"


class LogIn(WebMessageHandler, UserHandlingMixin):
    """The way in."""

    def get(self) -> Response:
        """Show a form, which the test posts by itself."""
        self.set_body(f"<form method=post><button>Enter</button>{self.next_url()}</form>")
        return self.render()

    @same_site_only
    def post(self) -> Response:
        """Begin the session of Ann."""
        user = StoredAccounts.of(self.application).users.get("ann")
        assert user is not None
        session.begin(self, user.account())
        return self.redirect(self.next_url(), 303)


class LogOut(WebMessageHandler):
    """The way out."""

    @same_site_only
    def post(self) -> Response:
        """End the session."""
        session.end(self)
        return self.redirect("/", 303)


class Broken(WebMessageHandler):
    """A handler that fails."""

    def get(self) -> Response:
        """Fail."""
        raise RuntimeError("a secret of the program")


app = Brubeck(
    handler_tuples=[("^/login$", LogIn), ("^/logout$", LogOut), ("^/broken$", Broken)],
    streams=[Posts, Machine, News],
    login_url="/login",
    logout_url="/logout",
    cookie_secret="a long random text",
)
StoredAccounts.of(app).users.create("ann", "take five, please")
