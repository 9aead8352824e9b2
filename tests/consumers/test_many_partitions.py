"""Consumers of very many partitions: tracks of their own, and no work where nothing changes."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from brubeck.consumers import catch_up
from brubeck.consumers.connection import runners
from brubeck.consumers.runner import Runner
from brubeck.consumers.stopping import Stop
from brubeck.consumers.track import Track, TrackState, track_id
from brubeck.storage import Head, Storage, open_storage
from tests.consumers.test_consumers import delivered, program

ROOMS = 60


def test_two_partitions_have_no_track_in_common() -> None:
    """With six bytes of a digest these two had, and one hid the changes of the other."""
    names = ("rooms:r910067", "rooms:rfbd28f")
    assert len({track_id("Collects", name) for name in names}) == 2
    assert all(len(track_id("C", name)) >= 2 + 2 * 16 for name in names)


def test_two_rooms_with_one_short_digest_are_both_read(tmp_path: Path) -> None:
    """Strangers find such names in half a minute."""
    storage = open_storage(f"sqlite:///{tmp_path}/rooms.db")
    app, rooms, seen = program(storage, path="/rooms/<room>", start="beginning")
    for number in range(3):
        for room in ("rfbd28f", "r910067"):
            rooms.insert({"id": f"{room}{number}", "text": room}, partition=room)
        catch_up(app)
    ids = sorted(each.id for each in seen)
    assert ids == sorted(f"{room}{n}" for room in ("r910067", "rfbd28f") for n in range(3))


def test_a_track_with_a_former_id_goes_on_where_it_was(any_storage: Storage) -> None:
    """Unless it is that of another partition."""
    app, notes, seen = program(any_storage, start="beginning")
    notes.insert({"id": "a", "text": "x"})
    catch_up(app)
    track = Track("Collects", notes, "")
    place = track.read()
    assert place is not None
    for stream, ids in ((track.path, ["b"]), ("/another", ["a", "b"])):
        track.remove()
        former = Track("Collects", notes, "")
        former.id = former._former_id
        former.remove()
        former.read()
        state = TrackState(id=former.id, consumer="Collects", stream=stream, cursor=place.cursor)
        former._write(state, None)
        notes.insert({"id": "b", "text": "x"})
        seen.clear()
        catch_up(app)
        assert [each.id for each in seen] == ids
        notes.delete("b")
        catch_up(app)


def test_a_look_at_partitions_that_stand_still_reads_none_of_them(any_storage: Storage) -> None:
    """Each cost three commands every half second, however long nothing had changed."""
    app, rooms, seen = program(any_storage, path=f"/{uuid4().hex}/<room>", start="beginning")
    for number in range(ROOMS):
        rooms.insert({"id": "a", "text": "x"}, partition=f"r{number}")
    (consumer,) = app.consumers
    read: list[str] = []

    class Noting(Runner):
        def _read(self, partition: str, head: Head | None, turn: float) -> int:
            read.append(partition)
            return super()._read(partition, head, turn)

    runner = Noting(app, consumer, rooms, Stop())
    assert runner.catch_up() == ROOMS
    runner.catch_up()
    read.clear()
    assert runner.catch_up() == 0
    assert read == []
    rooms.insert({"id": "b", "text": "y"}, partition="r7")
    rooms.insert({"id": "b", "text": "y"}, partition="new")
    seen.clear()
    assert runner.catch_up() == 2
    assert {each.partition for each in seen} == {"r7", "new"}
    assert len(set(read)) == 2


def test_a_track_that_is_moved_is_read_again(any_storage: Storage) -> None:
    """By another process, or by the command, while nothing is written."""
    app, rooms, seen = program(any_storage, path=f"/{uuid4().hex}/<room>", start="beginning")
    for room in ("a", "b"):
        rooms.insert({"id": "x", "text": room}, partition=room)
    (runner,) = runners(app, Stop())
    for _ in range(3):
        runner.catch_up()
    seen.clear()
    assert Track("Collects", rooms, "b").move("0")
    assert runner.catch_up() == 1
    assert delivered(seen) == [("put", "x", "b")]
    assert runner.catch_up() == 0


def test_a_new_era_is_a_change_of_every_partition() -> None:
    """Its places are lost, though nothing was written."""
    app, rooms, _ = program(open_storage("memory://"), path="/rooms/<room>", start="beginning")
    for room in ("a", "b"):
        rooms.insert({"id": "x", "text": room}, partition=room)
    (runner,) = runners(app, Stop())
    assert [runner.catch_up() for _ in range(3)] == [2, 0, 0]
    rooms.store.new_era()
    assert [runner.catch_up() for _ in range(3)] == [2, 0, 0]
