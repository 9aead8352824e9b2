"""Retention: what leaves, when, and that readers are told."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.storage import ChangesQuery, LostCursor, PageQuery
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams import retention as module
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock

DAY = 86_400_000_000
NOW = 1_700_000_000_000_000


class Note(StreamedDocument):
    """A note."""


def program(clock: HeldClock, **declared: Any) -> tuple[Brubeck, type[StreamHandler]]:
    """Make a program with one stream that retains."""
    attributes = {"model": Note, "path": "/notes", "accept_created_at": True, **declared}
    stream = type("Notes", (StreamHandler,), attributes)
    return Brubeck(streams=[stream], clock=clock), stream


def fill(app: Brubeck, clock: HeldClock, number: int) -> None:
    """Post notes, one a day up to now."""
    now = clock.micros() // 1000
    notes = [{"id": f"n{n}", "created_at": now - n * DAY // 1000} for n in range(number)]
    assert Client(app).post("/notes", json=notes).status == 201


def ids(app: Brubeck, stream: type[StreamHandler]) -> list[str]:
    """Return the ids of what is there."""
    return [record.id for record in app.stream(stream).records().page(PageQuery(limit=100)).records]


@pytest.mark.parametrize("retain", ["3d", 4])
def test_what_is_too_old_or_too_much_leaves_as_a_deletion(
    retain: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces; who follows is told of each."""
    monkeypatch.setattr("brubeck.documents.repository.RECORDS_AT_ONCE", 2)
    clock = HeldClock(NOW)
    app, stream = program(clock, retain=retain)
    fill(app, clock, 9)
    queryset = app.stream(stream).records()
    head = queryset.head()
    assert app.stream(stream).sweep().items == 5
    assert ids(app, stream) == ["n0", "n1", "n2", "n3"]
    found = queryset.changes(ChangesQuery(limit=99, after=head.position, era=head.era))
    assert [(each.id, each.record) for each in found.changes] == [
        (f"n{n}", None) for n in (8, 7, 6, 5, 4)
    ]
    assert app.stream(stream).sweep().items == 0


def test_a_look_ends_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much has to leave."""
    monkeypatch.setattr(module, "MOST", 3)
    clock = HeldClock(NOW)
    app, stream = program(clock, retain=2)
    fill(app, clock, 9)
    assert [app.stream(stream).sweep().items for _ in range(4)] == [3, 3, 1, 0]


def test_deletions_are_told_for_a_time_and_then_forgotten() -> None:
    """A reader who was away longer is told to start over; a wrong clock forgets nothing early."""
    clock = HeldClock(NOW)
    app, stream = program(clock, keep_deletions="7d")
    fill(app, clock, 2)
    queryset = app.stream(stream).records()
    head = queryset.head()
    here = ChangesQuery(limit=9, after=head.position, era=head.era)
    clock.advance(3_600_000_000)  # an hour ahead, and put right after the deletion
    assert Client(app).delete("/notes/n0").status == 204
    clock.advance(-3_600_000_000)
    clock.advance(7 * DAY)
    assert app.stream(stream).sweep().deletions == 0
    assert len(queryset.changes(here).changes) == 1
    clock.advance(3_600_000_001)
    assert app.stream(stream).sweep().deletions == 1
    with pytest.raises(LostCursor):
        queryset.changes(here)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"retain": "soon"}, "an age such as '30d' or a number"),
        ({"retain": 0}, "at least one"),
        ({"retain": True}, "an age such as"),
        ({"keep_deletions": "always"}, "keep_deletions must be a time"),
        ({"retian": "30d"}, 'Did you mean "retain"'),
    ],
)
def test_a_retention_that_means_nothing_is_refused(declared: dict[str, Any], said: str) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=said):
        program(HeldClock(NOW), **declared)
