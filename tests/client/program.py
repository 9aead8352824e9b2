"""Streams for the client: an open one, a protected one, one that takes short lists alone."""

from __future__ import annotations

import sys

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.auth.accounts import Account, Grant
from brubeck.auth.tokens import PREFIX, digest
from brubeck.dictshield.fields import DateTimeField, FloatField, StringField
from brubeck.http import Response
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler, following
from tests.passwords import CHEAP

if "pytest" not in sys.modules:  # where tests import it, it is theirs
    following.RETRY_MS = 20  # a test does not wait as long as a person may

TOKEN = f"{PREFIX}of-a-test"
RIGHTS = {"active": True}
LINE = CHEAP.hash("secret")


class Note(StreamedDocument):
    """A note."""

    kind = StringField(max_length=20)
    text = StringField()
    size = FloatField()
    when = DateTimeField()


class Notes(StreamHandler):
    """Notes, with filters of several kinds."""

    model = Note
    path = "/notes"
    filters = ("kind", "kind__in", "size__gte", "when__gte")


class Short(Notes):
    """Takes lists of at most seven."""

    path = "/short"
    max_batch = 7


def _account() -> Account:
    return Account("1", "ella", LINE, frozenset({"notes"}), active=RIGHTS["active"])


class Locked(AuthStreamHandler):
    """Notes for one user, who comes with a password or a token."""

    model = Note
    path = "/locked"
    schemes = (
        BearerAuth(lookup=lambda sent: Grant(_account()) if sent == digest(TOKEN) else None),
        BasicAuth(lookup=lambda name: _account() if name == "ella" else None),
    )


class Control(WebMessageHandler):
    """Changes the program while it runs: ``/control/new-era``, ``/control/revoke``."""

    def post(self, what: str) -> Response:
        """Begin a new era, or take the user's rights away."""
        if what == "new-era":
            self.application.store().new_era()
        RIGHTS["active"] = what != "revoke"
        return Response(b"{}", headers={"Content-Type": "application/json"})


app = Brubeck(
    handler_tuples=[("^/control/(?P<what>[a-z-]+)$", Control)], streams=[Notes, Short, Locked]
)
