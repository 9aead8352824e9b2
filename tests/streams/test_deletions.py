"""Deleting several items in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.http import Problem
from brubeck.storage import Delete, Put
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client


class Notes(StreamHandler):
    """Notes, of which one is kept."""

    model = StreamedDocument
    path = "/notes"

    def before_delete(self, _context: Any, document: Any) -> None:
        """Keep the note that is called so."""
        if document.id == "kept":
            raise Problem(403, "This one is kept.")


@pytest.fixture
def app() -> Brubeck:
    """Return a program with ten notes."""
    made = Brubeck(streams=[Notes])
    client = Client(made)
    for name in (*"abcdefgh", "kept", "moving"):
        assert client.put(f"/notes/{name}", json={}).status == 201
    return made


def statuses(app: Brubeck, path: str, **headers: str) -> list[int]:
    """Return what became of each item of a request to delete."""
    reply = Client(app).delete(path, headers=headers)
    return [each["status"] for each in reply.json()["data"]]


def test_all_are_deleted_by_one_write(app: Brubeck, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each is told what became of it, whatever became of its neighbours."""
    queryset = app.stream(Notes).records()
    write, sizes = queryset.write, list[int]()

    def counted(writes: Sequence[Any]) -> Any:
        sizes.append(len(writes))
        return write(writes)

    monkeypatch.setattr(queryset, "write", counted)
    assert statuses(app, "/notes/a,b,kept,none,c") == [200, 200, 403, 404, 200]
    assert sizes == [3]
    left = {each["id"] for each in Client(app).get("/notes").json()["data"]}
    assert left == {*"defgh", "kept", "moving"}


def test_one_that_is_named_twice_is_deleted_once(app: Brubeck) -> None:
    """The second time it is gone."""
    assert statuses(app, "/notes/a,a,b") == [200, 410, 200]


def test_one_that_moves_meanwhile_is_deleted_as_it_is_then(
    app: Brubeck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that another deletes meanwhile is told to be gone."""
    queryset = app.stream(Notes).records()
    write = queryset.write

    def late(writes: Sequence[Any]) -> Any:
        monkeypatch.undo()
        (moving,) = queryset.get(["moving"])
        body = getattr(moving, "body", b"")
        position = getattr(moving, "position", 0)
        write([Put(id="moving", created_at=1, body=body, token="m", expected=position)])
        (gone,) = queryset.get(["b"])
        write([Delete(id="b", token="g", expected=getattr(gone, "position", 0))])
        return write(writes)

    monkeypatch.setattr(queryset, "write", late)
    assert statuses(app, "/notes/a,moving,b") == [200, 200, 410]


def test_a_key_makes_it_the_same_request(app: Brubeck) -> None:
    """Its answer is the first one, where one write has one token and one outcome."""
    for _ in range(2):
        assert statuses(app, "/notes/a,a,b", **{"Idempotency-Key": "k"}) == [200, 200, 200]
