"""What documents let through is what every storage keeps: nothing else comes to be written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.auth import Account
from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    DateTimeField,
    DecimalField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    LongField,
    StringField,
    URLField,
    UUIDField,
)
from brubeck.storage import check_canonical
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.private_fields import read_visible
from brubeck.testing import Client


class Inner(EmbeddedDocument):
    """A part of a thing."""

    text = StringField()
    more = DictField()


class Thing(StreamedDocument):
    """Fields of each kind that there is."""

    text = StringField()
    whole = IntField()
    long = LongField()
    part = FloatField()
    decimal = DecimalField()
    when = DateTimeField()
    url = URLField()
    uuid = UUIDField()
    any = BaseField()
    object = DictField()
    texts = ListField(StringField())
    values = ListField(BaseField())
    inner = EmbeddedDocumentField(Inner)
    inners = ListField(EmbeddedDocumentField(Inner))


_NUMBERS = st.one_of(
    st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 2**64, 10**400, -1, 0]),
    st.floats(),
    st.integers(),
)
_TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["\0", "a\0b", "\ud800", "\udfff x", "2026-01-01T00:00:00Z", "http://a.example/"]
    ),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_DEEP = st.integers(28, 36).map(lambda depth: json.loads("[" * depth + "]" * depth))
_MEMBERS = st.dictionaries(st.sampled_from(sorted(Thing._fields)), _VALUES | _DEEP, max_size=4)


@given(_MEMBERS)
def test_what_is_read_is_canonical(members: dict[str, Any]) -> None:
    """However hostile the JSON is: numbers, texts, depth, and members of every kind of field."""
    try:
        document = read_visible(Thing, json.dumps(members).encode(), frozenset())
    except ShieldException:
        return
    check_canonical(document.encode())


@given(_MEMBERS)
def test_what_a_hook_leaves_is_canonical(members: dict[str, Any]) -> None:
    """Whatever it sets, since it is validated afterwards."""
    document = Thing(id="a", created_at=1)
    try:
        for name, value in members.items():
            setattr(document, name, value)
        document.validate(validate_all=True)
        body = document.encode()
    except (ShieldException, ValueError, TypeError):
        return
    check_canonical(body)


@given(_MEMBERS, st.booleans())
def test_a_write_is_canonical_or_refused(members: dict[str, Any], changed: bool) -> None:
    """Over HTTP, also as a change of what is there, and by a hook that sets it all."""

    class Hooked(StreamHandler):
        """A hook that sets what a caller sent in a header."""

        model = Thing
        path = "/things"

        def before_create(self, _context: Any, document: Any) -> None:
            for name, value in members.items():
                if name not in ("id", "created_at"):
                    setattr(document, name, value)

    class Plain(StreamHandler):
        """No hook at all."""

        model = Thing
        path = "/plain"

    app = Brubeck(streams=[Hooked, Plain])
    client = Client(app)
    client.post("/things", json={})
    client.put("/plain/a", json={})
    if changed:
        patch = json.dumps(members)
        client.patch(
            "/plain/a", body=patch, headers={"Content-Type": "application/merge-patch+json"}
        )
    else:
        client.post("/plain", body=json.dumps(members))
    for path in ("/things", "/plain"):
        for item in client.get(path).json()["data"]:
            check_canonical(json.dumps(item).encode())


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_no_caller_has_a_name_that_cannot_be_stored(name: str) -> None:
    """Nothing is written for one."""

    class Note(OwnedDocument):
        """Somebody's."""

    class Notes(AuthStreamHandler):
        """Notes of one."""

        model = Note
        path = "/notes"

        def get_current_user(self, _context: Any) -> Account:  # type: ignore[override]  # a caller
            return Account(id=name)

    client = Client(Brubeck(streams=[Notes]))
    assert client.post("/notes", json={}).status == 500
