"""``memory://`` keeps the contract."""

from __future__ import annotations

from hypothesis import settings

from brubeck.storage import Delete, Storage
from brubeck.storage.change_cursor import CHANGES_PER_STEP, KEPT
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.conformance.base import HISTORIES, START
from brubeck.storage.conformance.machine import SCHEMA, put_new
from brubeck.storage.memory import MemoryStorage
from brubeck.timekeeping import Clock, HeldClock


class TestMemory(StorageConformance):
    """Every promise, in memory, where a history costs little."""

    histories = settings(StorageConformance.histories, max_examples=3 * HISTORIES)

    def make_storage(self, clock: Clock) -> Storage:
        """Return a new, empty storage."""
        return MemoryStorage(clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the same: nobody else sees it."""
        return storage


def test_what_ends_later_is_not_looked_at_each_time() -> None:
    """However many are counted and kept; and what has ended is let go all the same."""
    clock = HeldClock(1_700_000_000_000_000)
    storage = MemoryStorage(clock=clock)
    looks = 0
    for number in range(4 * CHANGES_PER_STEP):
        before = storage._hits, storage._attempts
        storage.hit(f"{number}", 60)
        storage.attempt(f"{number}", b"", b"", lease=1, keep=60)
        looks += (storage._hits is not before[0]) + (storage._attempts is not before[1])
    assert looks <= 4
    clock.advance(61_000_000)
    for number in range(4 * CHANGES_PER_STEP):
        storage.hit(f"again {number}", 60)
        storage.attempt(f"again {number}", b"", b"", lease=1, keep=60)
    assert "0" not in storage._hits
    assert "0" not in storage._attempts


def test_who_has_nothing_in_sight_any_more_is_forgotten() -> None:
    """Once nobody has to be told of it; else whoever names readers would fill the memory."""
    clock = HeldClock(START)
    storage = MemoryStorage(clock=clock)
    stream = storage.records("shared", SCHEMA)
    stream.write([put_new("a", 1, owner="ann", readers=["bob"])])
    stream.write([Delete(id="a", token="gone")])
    assert len(stream._visibility.viewers()) == 2
    stream.purge(stream.head().position)
    assert len(stream._visibility.viewers()) == 2, "their old places are lost, and they are told"
    clock.advance(2 * KEPT)
    stream.purge(stream.head().position)
    assert not stream._visibility.viewers()
