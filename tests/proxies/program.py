"""The program behind the proxies: an open stream, one with `cache`, a protected one, a log-in."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from brubeck import Brubeck, Problem, Response, StreamingResponse, WebMessageHandler
from brubeck.auth import BearerAuth, CookieAuth, same_site_only
from brubeck.dictshield.fields import StringField
from brubeck.models import StoredAccounts
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler

SESSION = CookieAuth(max_age=600)
PART = 100_000
"""The bytes of an export that breaks off."""


class Note(StreamedDocument):
    """A note."""

    text = StringField(max_length=5000)


class Notes(StreamHandler):
    """Notes that anyone reads and writes."""

    model = Note
    path = "/notes"


class Songs(StreamHandler):
    """Notes that are always the same, for pages and exports of a known length."""

    model = Note
    path = "/songs"


class Quakes(StreamHandler):
    """Notes that shared caches may keep for a second."""

    model = Note
    path = "/quakes"
    cache = "1s"
    cors = ("https://app.example",)


class Entry(OwnedDocument):
    """An entry of somebody."""

    text = StringField(max_length=80)


class Journal(AuthStreamHandler):
    """Entries that each caller has of its own."""

    model = Entry
    path = "/quakes/private"
    schemes = (BearerAuth(), SESSION)
    owned = True


class Seen(WebMessageHandler):
    """Answers with what the program sees of a request."""

    def get(self) -> Response:
        """Return the client's address, the URL, and the forwarding headers."""
        message = self.message
        headers = {
            name.lower(): value
            for name, value in message.headers.items()
            if name.lower().startswith(("x-forwarded", "forwarded", "x-request-id")) or "_" in name
        }
        url = f"{message.scheme}://{message.host}{message.prefix}{message.path}"
        seen = {"address": message.remote_addr, "url": url, "headers": headers}
        self.set_body(msgspec.json.encode(seen).decode())
        return self.render()


class LogIn(WebMessageHandler):
    """A form to log in."""

    @same_site_only
    def post(self) -> Response:
        """Begin a session."""
        name = self.get_argument("name", "") or ""
        password = self.get_argument("password", "") or ""
        accounts = self.application.accounts
        assert isinstance(accounts, StoredAccounts)
        user = accounts.log_in(name, password, self.message.remote_addr)
        if user is None:
            return self.render_error(401, "The name or the password is wrong.")
        SESSION.begin(self, user.account())
        return self.redirect("/")


class Report(WebMessageHandler):
    """A page behind a key in a header that no cache knows."""

    def prepare(self) -> None:
        """Refuse others."""
        if self.message.header("x-api-key") != "secret":
            raise Problem(403, "A key is required.")

    def get(self) -> Response:
        """Return the page."""
        self.set_body("the report")
        return self.render()


class Broken(WebMessageHandler):
    """Answers with an export that breaks off."""

    def get(self) -> Response:
        """Return a part, and fail."""
        return StreamingResponse(self._lines(), headers={"Content-Type": "application/x-ndjson"})

    def _lines(self) -> Iterator[bytes]:
        yield b'{"text": "%b"}\n' % (b"x" * PART)
        raise RuntimeError("the storage is lost")


app = Brubeck(
    handler_tuples=[
        (r"^/seen$", Seen),
        (r"^/login$", LogIn),
        (r"^/broken$", Broken),
        (r"^/report$", Report),
    ],
    streams=[Journal, Notes, Quakes, Songs],
    cookie_secret="a long random text",
)
