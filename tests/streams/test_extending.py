"""Formats and rules of a program's own, and streams that are read inside of it."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.auth import Caller
from brubeck.dictshield.fields import StringField
from brubeck.http import Response
from brubeck.storage import LostCursor, Record, Storage
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import ProtectedAccess
from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import Collection, Representation
from brubeck.streams.items import Items
from brubeck.streams.local import LocalStream
from brubeck.streams.pages import PageView
from brubeck.testing import Client

TEXT = {"Accept": "text/plain"}


class Note(StreamedDocument):
    """A note with a private field."""

    text = StringField()
    secret = StringField(default="hush")

    _private_fields = ("secret",)


def lines(_context: Context, page: PageView) -> bytes:
    """Return the items, one a line."""
    return b"".join(b"%b\n" % body for body in page.bodies)


class Lines(Collection):
    """A collection with one format more."""

    representations = dict(Collection.representations) | {
        "text/plain": Representation("lines", lines, "text/plain; charset=utf-8")
    }


class Counted(Items):
    """Items whose answers name their class."""

    def get(self, ids: str) -> Response:
        """Return the item, with a header more."""
        response = super().get(ids)
        response.headers["X-Resource"] = type(self).__name__
        return response


class Silent(ChangeFeed):
    """Changes that nobody may follow."""

    get = None  # type: ignore[assignment]


def program(storage: Storage, **declared: Any) -> tuple[Client, LocalStream, str]:
    """Return a client of a program with one stream, the stream and its path."""
    path = f"/n{uuid4().hex[:8]}"
    made: type[StreamHandler] = type(
        "Notes", (StreamHandler,), {"model": Note, "path": path, **declared}
    )
    app = Brubeck(streams=[made], storage={"default": storage})
    return Client(app), app.stream(made), path


def test_another_format_of_a_collection(any_storage: Storage) -> None:
    """It is negotiated, tagged and projected as those that are built in."""
    client, _, path = program(any_storage, collection=Lines)
    client.post(path, json=[{"id": "a", "text": "x"}, {"id": "b"}])
    reply = client.get(path, params={"fields": "text"}, headers=TEXT)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.text == '{"id":"b"}\n{"id":"a","text":"x"}\n'
    assert "hush" not in client.get(path, headers=TEXT).text
    again = client.get(
        path, params={"fields": "text"}, headers=TEXT | {"If-None-Match": reply.headers["ETag"]}
    )
    assert again.status == 304
    assert client.get(path).json()["data"][0]["id"] == "b"
    plain, _, other = program(any_storage)
    assert plain.get(other, headers=TEXT).status == 406


def test_a_resource_of_its_own_answers_at_its_url_alone(any_storage: Storage) -> None:
    """The other two are the ones that are built in."""
    client, _, path = program(any_storage, items=Counted, changes=Silent)
    client.post(path, json={"id": "a"})
    assert client.get(f"{path}/a").headers["X-Resource"] == "NotesCounted"
    assert "X-Resource" not in client.get(path).headers
    refused = client.get(f"{path}/changes")
    assert (refused.status, refused.headers["Allow"]) == (405, "OPTIONS")


class EditorsToo(ProtectedAccess):
    """Editors change the items of others."""

    def check_change(self, context: Context, record: Record) -> None:
        """Ask for the owner where the caller is no editor."""
        if not context.caller.may("edit"):
            super().check_change(context, record)


class Articles(AuthStreamHandler):
    """Articles of many authors."""

    model = OwnedDocument
    access = EditorsToo

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller that a header names."""
        name = context.request.header("x-name")
        scopes = frozenset({"edit"} if name == "editor" else ())
        return Caller(name, name, scopes) if name else None


@pytest.mark.parametrize(
    ("name", "status"), [("ann", 204), ("bob", 403), ("editor", 204), (None, 401)]
)
def test_a_rule_of_its_own(any_storage: Storage, name: str | None, status: int) -> None:
    """It is asked for each change, and all other rules stand."""
    path = f"/a{uuid4().hex[:8]}"
    stream: Any = type("Own", (Articles,), {"path": path})
    client = Client(Brubeck(streams=[stream], storage={"default": any_storage}))
    made = client.post(path, json={}, headers={"X-Name": "ann"}).json()["data"]
    headers = {"X-Name": name} if name else {}
    assert client.delete(f"{path}/{made['id']}", headers=headers).status == status


def test_items_and_changes_inside_the_program(any_storage: Storage) -> None:
    """Documents with their private fields; every change once, in order, from any cursor."""
    client, stream, path = program(any_storage)
    client.post(path, json=[{"id": f"n{number:04}"} for number in range(700)])
    client.delete(f"{path}/n0003")
    ids = [each.id for each in stream.items(oldest_first=True)]
    assert ids == [f"n{number:04}" for number in range(700) if number != 3]
    assert {each.secret for each in stream.items() if isinstance(each, Note)} == {"hush"}
    changes = list(stream.follow(wait=0))
    assert [each.id for each in changes] == [*ids, "n0003"]
    assert changes[-1].document is None
    assert [each.id for each in stream.follow(changes[-2].cursor, wait=0)] == ["n0003"]
    assert list(stream.follow(changes[-1].cursor, wait=0)) == []


def test_a_program_waits_for_changes(any_storage: Storage) -> None:
    """As a consumer does; what comes meanwhile is yielded at once."""
    client, stream, path = program(any_storage)
    client.post(path, json={"id": "a"})
    changes = stream.follow()
    assert next(changes).id == "a"
    writer = threading.Timer(0.05, client.post, [path], {"json": {"id": "b"}})
    writer.start()
    assert next(changes).id == "b"
    writer.join()


@pytest.mark.parametrize("cursor", ["", "-1", "x", "1~", "5 ", "1~E"])
def test_what_is_no_cursor_is_refused(any_storage: Storage, cursor: str) -> None:
    """With a `ValueError`, before anything is read."""
    _, stream, _ = program(any_storage)
    with pytest.raises(ValueError, match="not a cursor"):
        next(stream.follow(cursor))


def test_a_cursor_of_another_era_is_lost(any_storage: Storage) -> None:
    """The consumer has to start over, and is told so."""
    client, stream, path = program(any_storage)
    client.post(path, json={"id": "a"})
    (change,) = stream.follow(wait=0)
    position = change.cursor.partition("~")[0]
    with pytest.raises(LostCursor):
        next(stream.follow(f"{position}~other", wait=0))
