"""The crew: writers and readers at work, and whoever kills and stops them meanwhile."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from brubeck.storage import ChangesQuery, Head, RecordStream
from tests.fire.journal import last_entry
from tests.fire.nursery import Child, Nursery
from tests.fire.verdict import Reading, reading, sendings
from tests.fire.writes import Sent
from tests.servers import wait_until
from tests.servers.processes import Server

STREAM = "quakes"
EARLY: Final = 0.3
"""How often one is fired at that has done nothing yet: were it always, nobody would get anywhere
on a machine on which starting takes long."""


Home = tuple[Nursery, str]
"""Where a member lives: the nursery that starts it, and the URL by which it reaches the storage."""


@dataclass
class Member:
    """One program that is always running, one process of it after another."""

    program: str
    path: Path
    args: tuple[object, ...]
    home: Home
    group: str = ""
    child: Child | None = None
    resumes: float | None = None  # when it goes on, while it is stopped
    began: int = 0  # how long its journal was when the process of now was started

    @property
    def noted(self) -> int:
        """The length of its journal, in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0


@dataclass
class Tally:
    """What has been done to a crew."""

    kills: int = 0
    stops: int = 0
    seconds: float = 0
    changes: int = 0
    lost: list[str] = field(default_factory=list)


class Crew:
    """Writers and readers of one stream."""

    def __init__(
        self,
        nursery: Nursery,
        url: str,
        directory: Path,
        dice: random.Random,
        *,
        total: int,
        shared: int = 60,
        pace: float = 0,
        elsewhere: Home | None = None,
    ) -> None:
        """``elsewhere`` is where every other member lives."""
        self.url = url
        homes = [(nursery, url), elsewhere or (nursery, url)]
        self.stream = STREAM
        self.dice = dice
        self.tally = Tally()
        self.writers = [
            Member(
                "writer",
                directory / f"writer{number}",
                (f"w{number}", dice.random(), total // 4, shared, pace),
                homes[number % 2],
            )
            for number in range(4)
        ]
        self.readers = [
            Member(
                "reader", directory / f"reader{number}", (limit, group), homes[number % 2], group
            )
            for number, (limit, group) in enumerate(((500, ""), (23, ""), (100, "b")))
        ]

    def start(self, member: Member) -> None:
        """Start a member, or start it again."""
        nursery, url = member.home
        member.child = nursery.start(member.program, url, self.stream, member.path, *member.args)
        member.resumes = None
        member.began = member.noted

    def move(self, url: str) -> None:
        """Let all members reach the storage at another URL from their next start on."""
        self.url = url
        for member in self.everybody():
            member.home = (member.home[0], url)

    def everybody(self) -> list[Member]:
        """Return all the members."""
        return self.writers + self.readers

    def work(
        self,
        *,
        seconds: float,
        pause: tuple[float, float],
        stops: float = 0.4,
        lasts: float = 0,
        ends: Server | None = None,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        """Have the writers write all that they are to, under fire; ``also`` is done in between.

        ``pause`` is how long a writer is stopped, at the least and at the most; ``stops`` is the
        share of writers that are fired at and stopped, not killed. When it ``lasts`` so long, the
        writers are killed for good, however much they have written; a server that ``ends`` with
        them is killed first.
        """
        began = monotonic()
        for member in self.everybody():
            self.start(member)
        while not all(map(self._has_done, self.writers)):
            assert monotonic() < began + seconds, f"they are not done yet: {self.tally}"
            sleep(self.dice.uniform(0.02, 0.15))
            self._resume()
            self._fire(pause, stops)
            also()
            if lasts and monotonic() > began + lasts:
                if ends is not None:
                    ends.kill()
                for member in self.writers:
                    assert member.child is not None
                    member.child.kill()
                break
        self._resume(all_of_them=True)
        self.tally.seconds = monotonic() - began

    def _has_done(self, member: Member) -> bool:
        assert member.child is not None
        status = member.child.poll()
        if status is not None and status not in (0, -signal.SIGKILL):
            said = member.home[0].log.read_text()[-3000:]
            raise AssertionError(f"{member.path.stem} failed: {said}")
        if status == -signal.SIGKILL:
            self.start(member)
        return status == 0

    def _resume(self, *, all_of_them: bool = False) -> None:
        for member in self.everybody():
            if member.resumes is not None and (all_of_them or monotonic() > member.resumes):
                assert member.child is not None
                member.child.signal(signal.SIGCONT)
                member.resumes = None

    def _fire(self, pause: tuple[float, float], stops: float) -> None:
        member = self.dice.choice(self.everybody())
        assert member.child is not None
        if member.child.poll() is not None:
            return
        if member.noted == member.began and self.dice.random() > EARLY:
            return
        if member.program == "reader" or self.dice.random() > stops:
            member.child.kill()
            self.tally.kills += 1
            self.start(member)
        elif member.resumes is None:
            member.child.signal(signal.SIGSTOP)
            self.tally.stops += 1
            member.resumes = monotonic() + self.dice.uniform(*pause)

    def catch_up(self, stream: RecordStream, *, seconds: float = 60) -> None:
        """Wait until every reader has come to the head, and end them."""
        stream.changes(
            ChangesQuery(limit=1)
        )  # what the dead left half done is done by whoever reads
        head = stream.head()
        for member in self.readers:
            wait_until(
                partial(_has_come, member, head),
                seconds=seconds,
                what=f"{member.path.stem} never came to {head}",
            )
        self.end()

    def end(self) -> None:
        """End whoever still runs."""
        for member in self.everybody():
            if member.child is not None:
                member.child.kill()

    def sent(self) -> list[Sent]:
        """Return all that the writers have sent."""
        return [each for member in self.writers for each in sendings(member.path)]

    def readings(self) -> list[Reading]:
        """Return what the readers believe."""
        found = [reading(member.path, group=member.group) for member in self.readers]
        self.tally.changes = sum(len(each.seen) for each in found)
        self.tally.lost = [each for one in found for each in one.lost]
        return found


def _has_come(member: Member, head: Head) -> bool:
    last = last_entry(member.path, "position", "lost") or {}
    return last.get("era") == head.era and last.get("position", 0) >= head.position


def touched_once(sent: list[Sent]) -> float:
    """Return the share of writes that touch an id which nobody touches again."""
    last = {each.id: each for each in sent if not each.id.startswith("shared")}
    return len(last) / max(1, len(sent))
