"""Consumers by themselves: declarations, partitions, failures, leases, lost places."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.consumers import ConsumedChange, Consumer, catch_up
from brubeck.consumers.connection import ConsumersConnection
from brubeck.consumers.track import LeaseLost, Track
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """Notes."""

    model = Note


class Collected(Consumer):
    """Collects what it is given; a subclass has the stream and a list."""

    seen: list[ConsumedChange]

    def changed(self, change: ConsumedChange) -> None:
        """Collect it."""
        self.seen.append(change)


def program(storage: Storage, **declared: Any) -> tuple[Brubeck, Any, list[ConsumedChange]]:
    """Return a program with a consumer, its stream, and the list of what it is given."""
    path = declared.pop("path", f"/n{uuid4().hex[:8]}")
    stream: Any = type("Own", (Notes,), {"model": Note, "path": path})
    seen: list[ConsumedChange] = []
    base = declared.pop("base", Collected)
    consumer = type("Collects", (base,), {"stream": stream, "seen": seen, **declared})
    app = Brubeck(streams=[stream], consumers=[consumer], storage={"default": storage})
    return app, app.stream(stream), seen


def delivered(seen: list[ConsumedChange]) -> list[tuple[str, str, str | None]]:
    """Return what was delivered: op, id and text."""
    return [(each.op, each.id, getattr(each.document, "text", None)) for each in seen]


@pytest.mark.parametrize(
    ("declared", "rule"),
    [
        ({"stream": Note}, "is a stream's class"),
        ({"stream": ()}, "is a stream's class"),
        ({"stream": "Notes"}, "is a stream's class"),
        ({"stream": Notes, "changed": Consumer.changed}, "defines no changed"),
        ({"stream": Notes, "name": "a b"}, "name is 1 to 64"),
        ({"stream": Notes, "start": "begining"}, 'Did you mean "beginning"'),
        ({"stream": Notes, "attempts": 0}, "attempts is a whole number"),
        ({"stream": Notes, "attempts": True}, "attempts is a whole number"),
        ({"stream": Notes, "backoff": "1s"}, "backoff is a number of seconds"),
        ({"stream": Notes, "timeout": 0}, "timeout is a number of seconds"),
        ({"stream": Notes, "attempt": 3}, 'Did you mean "attempts"'),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(declared: dict[str, Any], rule: str) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=rule):
        type("Wrong", (Collected,), declared)


def test_a_coroutine_is_refused() -> None:
    """It would never be awaited."""

    async def changed(_self: object, _change: object) -> None:
        """Do nothing."""

    with pytest.raises((ConfigError, TypeError), match=r"coroutine|async"):
        type("Wrong", (Collected,), {"stream": Notes, "changed": changed})


def test_changes_are_delivered_in_order_and_once(any_storage: Storage) -> None:
    """Creations, updates, deletions, from the beginning; the next time only what is new."""
    app, notes, seen = program(any_storage, start="beginning")
    first, second = notes.insert({"text": "a"}), notes.insert({"text": "b"})
    assert catch_up(app) == 2
    notes.update(first.id, {"text": "c"})
    notes.delete(second.id)
    assert catch_up(app) == 2
    assert catch_up(app) == 0
    assert delivered(seen) == [
        ("put", first.id, "a"),
        ("put", second.id, "b"),
        ("put", first.id, "c"),
        ("delete", second.id, None),
    ]
    assert len({each.key for each in seen}) == 4
    assert all(each.stream == notes.spec.path.template for each in seen)


def test_a_consumer_that_starts_now_is_given_what_comes_after(any_storage: Storage) -> None:
    """Its first run is where now is."""
    app, notes, seen = program(any_storage)
    notes.insert({"text": "before"})
    assert catch_up(app) == 0
    notes.insert({"text": "after"})
    assert catch_up(app) == 1
    assert [text for _, _, text in delivered(seen)] == ["after"]


def test_each_partition_has_its_place_and_a_new_one_is_read_from_its_beginning(
    any_storage: Storage,
) -> None:
    """Also where the consumer starts now: what is written before it is noticed is not missed."""
    app, notes, seen = program(any_storage, path=f"/u{uuid4().hex[:8]}/<user>/notes")
    notes.insert({"text": "before"}, partition="ann")
    assert catch_up(app) == 0
    notes.insert({"text": "one"}, partition="bob")
    notes.insert({"text": "two"}, partition="ann")
    assert catch_up(app) == 2
    found = sorted((each.partition, getattr(each.document, "text", "")) for each in seen)
    assert found == [("ann", "two"), ("bob", "one")]


def test_what_fails_is_tried_again_and_then_a_dead_letter(any_storage: Storage) -> None:
    """And what follows it is delivered."""

    class Fails(Collected):
        def changed(self, change: ConsumedChange) -> None:
            super().changed(change)
            if getattr(change.document, "text", "") == "bad":
                raise RuntimeError("no\0 \ud800 good")

    app, notes, seen = program(
        any_storage, base=Fails, start="beginning", attempts=3, backoff=0.001
    )
    notes.insert_many([{"text": "good"}, {"text": "bad"}, {"text": "good"}])
    assert catch_up(app) == 3
    assert [each.attempt for each in seen] == [1, 1, 2, 3, 1]
    assert len({each.key for each in seen}) == 3
    track = Track("Collects", notes, "")
    letters = list(track.letters())
    assert track.dead() == 1
    assert [(each.consumer, each.item, each.op) for each in letters] == [
        ("Collects", seen[1].id, "put")
    ]
    assert "RuntimeError: no" in letters[0].reason
    assert "in changed" in letters[0].traceback
    assert track.forget(letters[0].id)
    assert not track.forget(letters[0].id)


def test_a_place_that_is_lost_is_told_and_everything_comes_again(any_storage: Storage) -> None:
    """Never silently: deletions may have been forgotten."""
    lost: list[str] = []

    class Loses(Collected):
        def lost(self, stream: str) -> None:
            lost.append(stream)

    app, notes, seen = program(any_storage, base=Loses, start="beginning")
    kept = notes.insert({"text": "kept"})
    assert catch_up(app) == 1
    gone = notes.insert({"text": "gone"})
    notes.delete(gone.id)
    records = notes.records()
    records.purge(records.head().position)
    notes.insert({"text": "last"})
    catch_up(app)
    assert lost == [notes.spec.path.template]
    assert delivered(seen)[1:] == [("put", kept.id, "kept"), ("put", seen[-1].id, "last")]


def test_one_process_has_the_lease_and_another_takes_it_over(any_storage: Storage) -> None:
    """Who has lost it can save no position any more."""
    app, notes, _ = program(any_storage, start="beginning")
    notes.insert({"text": "a"})
    first = Track("Collects", notes, "", "first", 30)
    second = Track("Collects", notes, "", "second", 30)
    first.begin("0")
    assert first.acquire() is not None
    assert second.acquire() is None
    assert catch_up(app) == 0
    first.save("1~a", release=True)
    assert second.acquire() is not None
    with pytest.raises(LeaseLost):
        first.save("2~a")
    expired = Track("Collects", notes, "", "second", 0)
    assert expired.acquire() is not None
    assert first.acquire() is not None, "a lease that has run out is anybody's"


def test_a_store_that_only_the_server_sees_is_refused() -> None:
    """The worker would wait for ever."""
    consumer = type("Collects", (Collected,), {"stream": Notes, "seen": []})
    app = Brubeck(streams=[Notes], consumers=[consumer], storage="memory://")
    with pytest.raises(ConfigError, match="store that processes share"):
        ConsumersConnection(app)


def test_consumers_are_of_streams_that_are_served_and_have_names_of_their_own() -> None:
    """The names hold their places."""
    consumer = type("Collects", (Collected,), {"stream": Notes, "seen": []})
    with pytest.raises(ConfigError, match="does not serve"):
        catch_up(Brubeck(consumers=[consumer], storage="memory://"))
    other = type("Other", (Collected,), {"stream": Notes, "seen": [], "name": "Collects"})
    with pytest.raises(ConfigError, match="Two consumers are called Collects"):
        catch_up(Brubeck(streams=[Notes], consumers=[consumer, other], storage="memory://"))
