"""A stream inside its program: documents in and out, with the rules of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.auth import Caller
from brubeck.dictshield.fields import BooleanField, FloatField, StringField
from brubeck.storage import Change
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.local import LocalStream
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Quake(StreamedDocument):
    """An item with a field that no caller sees."""

    place = StringField(required=True)
    magnitude = FloatField(max_value=10)
    felt = BooleanField()
    note = StringField()

    _private_fields = ("note",)


class Quakes(StreamHandler):
    """A stream that only the program writes, with hooks."""

    model = Quake
    path = "/quakes"
    read_only = True
    max_batch = 7
    filters = ("magnitude__gte", "magnitude__in", "felt", "place")
    seen: list[str] = []

    def before_create(self, context: Context, document: Any) -> None:
        """Refuse one place, and complete the others."""
        if document.place == "Atlantis":
            raise Problem(422, "There is no such place.")
        document.note = f"at {context.partition or 'sea'}"

    def before_update(self, _context: Context, document: Any, stored: Any) -> None:
        """Refuse to shrink."""
        if (document.magnitude or 0) < (stored.magnitude or 0):
            raise Problem(409, "It has been stronger.")

    def before_delete(self, _context: Context, stored: Any) -> None:
        """Keep one item."""
        if stored.place == "Hilo":
            raise Problem(403, "Hilo stays.")

    def after_change(self, _context: Context, changes: Sequence[Change]) -> None:
        """Note what has changed."""
        type(self).seen += [each.id for each in changes]


@pytest.fixture(params=["memory://", "sqlite:///{}/quakes.db"])
def app(request: pytest.FixtureRequest, tmp_path: Any) -> Brubeck:
    """Return a program over a store."""
    Quakes.seen.clear()
    return Brubeck(streams=[Quakes], storage=request.param.format(tmp_path))


@pytest.fixture
def quakes(app: Brubeck) -> LocalStream:
    """Return its stream."""
    return app.stream(Quakes)


def test_an_item_has_its_whole_life(app: Brubeck, quakes: LocalStream) -> None:
    """As documents, with private fields, while HTTP shows the rest of it."""
    made: Any = quakes.insert({"place": "Elko", "magnitude": 4.5})
    assert isinstance(made, Quake)
    assert made.note == "at sea"
    assert Client(app).get(f"/quakes/{made.id}").json()["data"]["magnitude"] == 4.5
    assert quakes.get(made.id) == made
    changed: Any = quakes.update(made.id, {"magnitude": 5, "note": "mine", "felt": None})
    assert (changed.magnitude, changed.note, changed.created_at) == (5.0, "mine", made.created_at)
    quakes.delete(made.id)
    assert quakes.get(made.id) is None
    assert Client(app).get(f"/quakes/{made.id}").status == 410
    assert Quakes.seen == [made.id] * 3


def test_a_document_of_the_model_goes_in_as_it_is(quakes: LocalStream) -> None:
    """With the id and the times that the program gives it."""
    quake = Quake(id="q1", place="Elko", magnitude=1.5, created_at=1_000, note="kept by the hook")
    assert quakes.insert(quake).created_at == 1_000
    with pytest.raises(Problem, match="model"):
        quakes.insert(StreamedDocument(id="q2"))


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"magnitude": 1}, 422),
        ({"place": "x", "magnitude": 11}, 422),
        ({"place": "x", "unknown": 1}, 422),
        ({"place": "Atlantis"}, 422),
        ({"place": "x", "id": "/"}, 422),
        ({"place": object()}, 422),
        ({"place": "x", "id": "taken"}, 409),
    ],
)
def test_what_a_request_may_not_write_the_program_may_not(
    quakes: LocalStream, document: dict[str, Any], status: int
) -> None:
    """Validation and hooks are the same; one that fails does not hold up the others."""
    quakes.insert({"place": "Elko", "id": "taken"})
    with pytest.raises(Problem) as caught:
        quakes.insert(document)
    assert caught.value.status == status
    results = quakes.insert_many([{"place": "A"}, document, {"place": "B"}])
    assert [each.status for each in results] == [201, status, 201]


def test_many_are_written_some_at_a_time(quakes: LocalStream) -> None:
    """From an iterator, past the number that one request may bring."""
    results = quakes.insert_many(
        {"place": f"p{number}", "id": f"q{number}"} for number in range(40)
    )
    assert [each.id for each in results] == [f"q{number}" for number in range(40)]
    assert {each.id for each in quakes.items()} == {f"q{number}" for number in range(40)}
    assert quakes.count().total == 40


def test_items_are_found_by_time_and_by_declared_filters(quakes: LocalStream) -> None:
    """With the values of Python."""
    for number in range(10):
        quakes.insert(
            {"place": "p", "magnitude": number, "created_at": number * 1000, "felt": number > 7}
        )

    def found(**where: Any) -> list[float | None]:
        return [each.magnitude for each in quakes.items(oldest_first=True, **where)]  # type: ignore[attr-defined]

    assert found(magnitude__gte=8) == [8.0, 9.0]
    assert found(magnitude__in=[1, 3]) == [1.0, 3.0]
    assert found(felt=True) == [8.0, 9.0]
    assert found(since=datetime.fromtimestamp(8, UTC)) == [8.0, 9.0]
    assert found(since=7000, until="1970-01-01T00:00:09Z") == [7.0, 8.0]
    assert quakes.count(felt=True).total == 2
    assert next(iter(quakes.items())).magnitude == 9.0  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="note"):
        found(note="x")
    with pytest.raises(ValueError, match="since"):
        found(since="yesterday")


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_change_names_what_is_wrong(quakes: LocalStream, change: str) -> None:
    """No such item, one that is gone, one that has moved, one that a hook keeps."""
    made = quakes.insert({"place": "Hilo", "magnitude": 3})
    gone = quakes.insert({"place": "Elko"})
    quakes.delete(gone.id)

    def status(item_id: str | None, **more: Any) -> int:
        changes = [{"magnitude": 1}] if change == "update" else []
        with pytest.raises(Problem) as caught:
            getattr(quakes, change)(item_id, *changes, **more)
        return caught.value.status

    assert status("nowhere") == 404
    assert status("not an id") == 404
    assert status(gone.id) == 410
    assert status(made.id, expected=1) == 412
    assert status(made.id) == (409 if change == "update" else 403)


class Entry(OwnedDocument):
    """A diary entry."""

    text = StringField()


class Diary(AuthStreamHandler):
    """A stream of owners, one partition each."""

    model = Entry
    path = "/diaries/<owner>"
    schemes = (Badge(),)
    owned = True


def test_the_program_writes_for_an_owner() -> None:
    """Who then sees the item, as nobody else does."""
    app = Brubeck(streams=[Diary], storage="memory://")
    diary = app.stream(Diary)
    made: Any = diary.insert({"text": "dear"}, "ella", owner=Caller("ella", "Ella"))
    assert (made.owner_id, made.owner_username) == ("ella", "Ella")
    path = f"/diaries/ella/{made.id}"
    assert Client(app).get(path, headers=as_caller("ella")).json()["data"]["text"] == "dear"
    assert Client(app).get(path, headers=as_caller("max")).status in (403, 404)
    assert diary.get(made.id, "ella") == made
    assert diary.get(made.id, "max") is None
    changed: Any = diary.update(made.id, {"text": "dear diary"}, "ella")
    assert changed.owner_id == "ella"
