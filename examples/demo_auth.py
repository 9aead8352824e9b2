"""A handler that knows its user: one name and one password, written into the program.

    brubeck run examples.demo_auth:app

    $ curl -d 'username=dave' --data-urlencode 'password=take five' localhost:6767/brubeck
    dave logged in!

Without them the answer is 401. For users who are kept in a storage, sessions and tokens, see
``docs/auth.md``.
"""

from __future__ import annotations

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.auth import UserHandlingMixin, authenticated
from brubeck.auth.passwords import check_password

USERNAME = "dave"
# Made by brubeck.auth.passwords.hash_password; the password itself stands nowhere but above.
PASSWORD = (
    "$argon2id$v=19$m=65536,t=3,p=4$"
    "MI4pkN6/dIAIMilQ71mQXQ$1sTkXaaMDchF4OjMK/YzycQMB4isnMo00HoIXsfYFD0"
)


class DemoHandler(WebMessageHandler, UserHandlingMixin):
    """Answers only its user."""

    def get_current_user(self) -> str | None:
        """Return who asks; a wrong name takes as long to be found wrong as a wrong password."""
        name = self.get_argument("username")
        line = PASSWORD if name == USERNAME else ""
        right = check_password(self.get_argument("password", strip=False) or "", line)
        return name if right else None

    @authenticated
    def post(self) -> Response:
        """Greet the user."""
        self.set_body(f"{self.current_user} logged in!")
        return self.render()


app = Brubeck(handler_tuples=[(r"^/brubeck$", DemoHandler)])
