"""Streams for the commands that read and write: an open one, a protected one, partitions."""

from __future__ import annotations

import sys

from argon2 import PasswordHasher

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.auth.accounts import Account, Grant
from brubeck.auth.tokens import PREFIX, digest
from brubeck.dictshield.fields import (
    BooleanField,
    DecimalField,
    DictField,
    FloatField,
    ListField,
    StringField,
)
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler, following

if "pytest" not in sys.modules:  # where tests import it, it is theirs
    following.RETRY_MS = 20  # a test does not wait as long as a person may

TOKEN = f"{PREFIX}of-a-test"
# As of `tests.passwords`, which a copy of this program elsewhere could not import.
LINE = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")


class Note(StreamedDocument):
    """A note with fields of several kinds, one of them private."""

    kind = StringField(max_length=20)
    text = StringField()
    size = FloatField()
    done = BooleanField()
    tags = ListField(StringField())
    extra = DictField()
    price = DecimalField()
    secret = StringField()

    _private_fields = ("secret",)


class Notes(StreamHandler):
    """Notes, which an import brings with their times."""

    model = Note
    path = "/notes"
    filters = ("kind", "kind__in", "size__gte")
    accept_created_at = True


class Locked(AuthStreamHandler):
    """Notes for one user, who comes with a password or a token."""

    model = Note
    path = "/locked"
    accept_created_at = True
    schemes = (
        BearerAuth(lookup=lambda sent: Grant(_account()) if sent == digest(TOKEN) else None),
        BasicAuth(lookup=lambda name: _account() if name == "ella" else None),
    )


class Posts(StreamHandler):
    """A stream for each author."""

    model = Note
    path = "/users/<author>/posts"
    accept_created_at = True


def _account() -> Account:
    return Account("1", "ella", LINE, frozenset({"notes"}), active=True)


app = Brubeck(streams=[Notes, Locked, Posts])
