"""Writers that come between: each write replaces a whole document, and says truly what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brubeck.documents import repository
from brubeck.queryset import Queryset
from brubeck.storage import Outcome, Storage, StorageError, Write
from tests.queryset.models import Todo


@pytest.fixture
def queryset(storage: Storage, name: str) -> Queryset:
    """Return an empty queryset on each storage."""
    return Queryset(storage, name)


class Between:
    """A stream in which something happens just before each of a number of writes."""

    def __init__(self, stream: Any, deed: Callable[[], object], times: int = 1) -> None:
        self._stream = stream
        self._deed = deed
        self._times = times
        self.tokens: list[str] = []

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Let it happen, and write."""
        self.tokens += [write.token for write in writes]
        if self._times:
            self._times -= 1
            self._deed()
        outcomes: list[Outcome] = self._stream.write(writes)
        return outcomes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def between(queryset: Queryset, deed: Callable[[Queryset], object], times: int = 1) -> Between:
    """Have another writer do something just before the next write."""
    other = Queryset(queryset.storage, queryset.name)
    found = Between(queryset.stream, lambda: deed(other), times)
    queryset._opened["stream"] = found
    return found


OLD, NEW, OTHER = (Todo(id="a", title=title) for title in ("old", "new", "other"))


def test_creating_what_another_creates_meanwhile_replaces_it(queryset: Queryset) -> None:
    """And says that it was there."""
    between(queryset, lambda other: other.create(OTHER))
    assert queryset.create(NEW).status == queryset.MSG_UPDATED
    assert queryset.read("a").datum["title"] == "new"


@pytest.mark.parametrize("call", ["create", "update"])
def test_writing_what_another_writes_again_and_again(queryset: Queryset, call: str) -> None:
    """One write, by one token, however often it is tried."""
    queryset.create(OLD)
    watched = between(queryset, lambda other: other.update(OTHER), times=5)
    assert getattr(queryset, call)(NEW).status == queryset.MSG_UPDATED
    assert queryset.read("a").datum["title"] == "new"
    assert len(watched.tokens) == 6
    assert len(set(watched.tokens)) == 1


class BetweenEach(Between):
    """A stream in which something happens before the second write of all, also in one batch."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write one by one."""
        outcomes = []
        for write in writes:
            self.tokens.append(write.token)
            if len(self.tokens) == 2:
                self._deed()
            outcomes += self._stream.write([write])
        return outcomes


def test_the_last_of_several_of_one_id_stays_whatever_others_do(queryset: Queryset) -> None:
    """The second is not tried before the first is done."""
    queryset.create(OLD)
    other = Queryset(queryset.storage, queryset.name)
    queryset._opened["stream"] = BetweenEach(queryset.stream, lambda: other.destroy("a"))
    queryset.create([OTHER, NEW])
    assert queryset.read("a").datum["title"] == "new"


def test_updating_what_another_destroys_meanwhile_creates_it(queryset: Queryset) -> None:
    """And says so."""
    queryset.create(OLD)
    between(queryset, lambda other: other.destroy("a"))
    assert queryset.update(NEW).status == queryset.MSG_CREATED
    assert queryset.read("a").datum["title"] == "new"


def test_what_is_destroyed_is_what_was_there(queryset: Queryset) -> None:
    """Not what was there a moment before."""
    queryset.create(OLD)
    between(queryset, lambda other: other.update(OTHER))
    assert queryset.destroy("a").datum["title"] == "other"
    assert queryset.read("a").status == queryset.MSG_FAILED


def test_what_another_destroys_meanwhile_is_not_found(queryset: Queryset) -> None:
    """One destroys it, not two."""
    queryset.create(OLD)
    between(queryset, lambda other: other.destroy("a"))
    assert queryset.destroy("a") == (queryset.MSG_NOTFOUND, "a")


@pytest.mark.parametrize("call", ["update", "destroy"])
def test_who_is_always_overtaken_says_so(
    queryset: Queryset, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """In the end; the others of the same call are done."""
    monkeypatch.setattr(repository, "MAX_ATTEMPTS", 5)
    queryset.create([OLD, Todo(id="b", title="calm")])
    between(queryset, lambda other: other.update(OTHER), times=99)
    given: list[Any] = [NEW, Todo(id="b", title="new")] if call == "update" else ["a", "b"]
    hurried, calm = getattr(queryset, call)(given)
    assert (hurried.status, calm.status) == (queryset.MSG_FAILED, queryset.MSG_UPDATED)
    assert hurried.datum == given[0]
    assert isinstance(hurried.error, StorageError)
    assert queryset.read("a").datum["title"] == "other"


def test_of_many_writers_each_is_told_the_truth(queryset: Queryset) -> None:
    """One creates, all others update, and what is left is one writer's last word."""
    others = [Queryset(queryset.storage, queryset.name) for _ in range(4)]

    def work(writer: int) -> list[str]:
        todos = (Todo(id="a", title=f"{writer}", order=n) for n in range(10))
        return [others[writer].update(todo).status for todo in todos]

    with ThreadPoolExecutor(4) as pool:
        statuses = [status for found in pool.map(work, range(4)) for status in found]
    assert sorted(statuses) == ["Created"] + 39 * ["Updated"]
    assert queryset.read("a").datum["order"] == 9


def test_of_many_who_destroy_one_does(queryset: Queryset) -> None:
    """And has what was there."""
    for _ in range(5):
        queryset.create(OLD)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: queryset.destroy("a"), range(4)))
        assert sorted(status for status, _ in found) == 3 * ["Not Found"] + ["Updated"]
