"""Guards that nobody asked, and pages of one caller that another one was shown."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.models import AccountRefused, StoredAccounts
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import AuthStreamHandler, FeedEntry, StreamedDocument, StreamHandler
from brubeck.streams.access import OpenAccess, ProtectedAccess
from brubeck.streams.collection import Collection
from brubeck.streams.context import Context
from brubeck.streams.representations import Representation
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Todo(Document):
    """A document of an AutoAPI."""

    title = StringField()


class NotJoe(ProtectedAccess):
    """A rule of reading that shuts one caller out."""

    def may_read(self, context: Context) -> bool:
        """Let everybody but Joe."""
        return context.caller.id != "joe"


class Office(OpenAccess):
    """A rule of where from a stream is read."""

    def may_read(self, context: Context) -> bool:
        """Let one network."""
        return context.request.remote_addr.startswith("10.")


READING = ["/notes", "/notes/{id}", "/notes/changes", "/notes.csv", "/notes.ndjson", "/notes.atom"]


def client_of(stream: type[StreamHandler]) -> Client:
    """Return a client of a program with one stream."""
    return Client(Brubeck(streams=[stream], storage="memory://"))


@pytest.mark.parametrize("target", READING)
def test_a_rule_of_reading_guards_each_way_to_read(target: str) -> None:
    """It was asked for the answers to writes alone."""

    class Notes(AuthStreamHandler):
        model = Note
        path = "/notes"
        schemes = (Badge(),)
        access = NotJoe

    client = client_of(Notes)
    made = client.post("/notes", json={"text": "secret"}, headers=as_caller("ella"))
    target = target.format(id=made.json()["data"]["id"])
    assert client.get(target, headers=as_caller("ella")).status == 200
    refused = client.get(target, headers=as_caller("joe"))
    assert refused.status == 403
    assert "secret" not in refused.text


@pytest.mark.parametrize("target", READING)
def test_a_rule_of_reading_guards_a_stream_without_callers(target: str) -> None:
    """A caller without the right to read may write, and is not shown the item."""

    class Notes(StreamHandler):
        model = Note
        path = "/notes"
        access = Office

    client = client_of(Notes)
    made = client.post("/notes", json={"id": "one", "text": "secret"})
    assert made.status == 201
    assert client.get(target.format(id="one")).status == 403


def refuse(*_: Any) -> None:
    """Refuse everybody."""
    raise Problem(403, "Nobody.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("admit", refuse),
        ("before_create", refuse),
        ("before_update", refuse),
        ("before_delete", refuse),
        ("access", ProtectedAccess),
        ("rate", "2/minute"),
        ("partitions", r"[a-z]+"),
        ("login_required", True),
        ("permission_classes", [ProtectedAccess]),
        ("check_permissions", refuse),
        ("has_permission", refuse),
    ],
)
def test_an_autoapi_refuses_what_guards_elsewhere(name: str, value: Any) -> None:
    """Nobody asked it, and everybody was let in."""
    app = Brubeck(storage="memory://")
    with pytest.raises(ConfigError, match="protects nothing"):
        app.register_api(type("Todos", (AutoAPIBase,), {"model": Todo, name: value}))


def test_an_autoapi_may_ask_a_method_of_its_own() -> None:
    """A name that other frameworks know is one that `prepare` may call."""

    class Todos(AutoAPIBase):
        model = Todo
        check_permissions = refuse

        def prepare(self) -> None:
            """Ask."""
            self.check_permissions()

    app = Brubeck(storage="memory://")
    app.register_api(Todos)
    assert Client(app).get("/todo").status == 403


def test_scopes_are_no_text() -> None:
    """Each letter was a scope."""
    with pytest.raises(AccountRefused, match="not one text"):
        StoredAccounts(MemoryStorage()).users.create("ann", scopes="admin")


def greeting(context: Context, _view: object) -> bytes:
    """Return a page that greets its caller."""
    return f"Hello {context.caller.id}".encode()


@pytest.mark.parametrize("media_type", ["text/html", "text/plain"])
def test_a_page_of_an_own_renderer_is_compared_whole(media_type: str) -> None:
    """Its tag was that of the items: the next caller of a browser was shown the former one's."""
    own = Representation("own", greeting, media_type)

    class Shown(Collection):
        representations = {**Collection.representations, media_type: own}

    class Notes(AuthStreamHandler):
        model = Note
        path = "/notes"
        schemes = (Badge(),)
        collection = Shown

    _is_anothers_page(Notes, "/notes", {"Accept": media_type})


@pytest.mark.parametrize("target", ["/notes.atom", "/notes.feed.json"])
def test_a_feed_of_a_hook_is_compared_whole(target: str) -> None:
    """The text of an entry may depend on the caller."""

    class Notes(AuthStreamHandler):
        model = Note
        path = "/notes"
        schemes = (Badge(),)

        def feed_entry(self, context: Context, item: dict[str, Any]) -> FeedEntry:
            """Return an entry for the caller."""
            return FeedEntry(f"For {context.caller.id}", item["text"])

    _is_anothers_page(Notes, target, {})


def _is_anothers_page(stream: type[StreamHandler], target: str, headers: dict[str, str]) -> None:
    client = client_of(stream)
    assert client.post("/notes", json={"text": "x"}, headers=as_caller("ella")).status == 201
    first = client.get(target, headers={**headers, **as_caller("ella")})
    tag = {"If-None-Match": first.headers["ETag"], **headers}
    assert "ella" in first.text
    assert client.get(target, headers={**tag, **as_caller("ella")}).status == 304
    assert "joe" in client.get(target, headers={**tag, **as_caller("joe")}).text
