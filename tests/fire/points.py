"""Every moment between two commands of a write: the writer is held there, and the world goes on.

A *victim* does one write, and stands still at a *point*: before or after a command of a number.
Meanwhile others write some tens of items, and followers read to the head and note their place. Then
the victim goes on, or is killed there, or loses its connection and the reply with it. In the end
the followers must have seen everything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, Literal

import msgspec

from brubeck.storage import Record, RecordStream, Storage
from tests.fire.crew import STREAM
from tests.fire.grounds import Ground
from tests.fire.journal import entries
from tests.fire.nursery import Child, Nursery
from tests.fire.proxy import Framing, Proxy, When
from tests.fire.reader import Follower
from tests.fire.verdict import Reading, judge
from tests.fire.writer import SPAN, START
from tests.fire.writes import SCHEMA, Sent, fresh, open_under_fire, send
from tests.servers import wait_until

Operation = Literal["create", "update", "delete", "recreate", "batch"]
OPERATIONS: Final[tuple[Operation, ...]] = ("create", "update", "delete", "recreate", "batch")
How = Literal["release", "kill", "drop"]
WHENS: Final[tuple[When, ...]] = ("before", "after")
HASTE: Final = 0.3
PATIENCE: Final = 30.0
"""Seconds that a victim waits for an answer."""
HOWS: Final[tuple[How, ...]] = ("release", "kill", "drop")


@dataclass(frozen=True)
class Point:
    """A moment in a write, and what becomes of the writer there.

    ``meddled`` says that somebody else writes the same item meanwhile. A writer that is
    ``impatient`` has sent the same write again, and been answered, before what is held goes on.
    """

    operation: Operation
    at: int
    when: When
    how: How
    meddled: bool = False
    impatient: bool = False

    def __str__(self) -> str:
        more = "-meddled" * self.meddled + "-impatient" * self.impatient
        return f"{self.operation}-{self.when}-{self.at}-{self.how}{more}"


@dataclass
class Victim:
    """A writer at its point."""

    point: Point
    child: Child
    proxy: Proxy
    path: Path
    sent: list[Sent]
    commands: list[str] = field(default_factory=list)

    def stands(self) -> bool:
        """Whether it is held, or has come to its end before."""
        return self.proxy.held.is_set() or self.child.poll() is not None

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.child.poll() is not None

    def learn(self) -> None:
        """Take note of what it was told, as far as it lived to note that."""
        for entry in entries(self.path):
            if "answered" in entry:
                self.sent = msgspec.convert(entry["answered"], list[Sent])


class Points:
    """A stream, what is done to it at points, and two who follow it meanwhile."""

    def __init__(
        self,
        nursery: Nursery,
        ground: Ground,
        framing: Framing,
        directory: Path,
        dice: random.Random,
    ) -> None:
        self.nursery = nursery
        self.ground = ground
        self.framing = framing
        self.directory = directory
        self.dice = dice
        self.sent: list[Sent] = []
        self.stood: dict[str, int] = {}  # how often somebody was held at a point
        self._number = 0
        self._storages: list[Storage] = []
        self.stream = self._open()
        self.followers = [Follower(self._open(), limit=limit) for limit in (200, 17)]
        self.readings = [Reading((), name=f"follower{number}") for number in range(2)]
        self.others(1)  # a server that has not seen a script yet is told it

    def _open(self) -> RecordStream:
        storage = open_under_fire(self.ground.url)
        self._storages.append(storage)
        return storage.records(STREAM, SCHEMA)

    def close(self) -> None:
        """Close what is open."""
        for each in self._storages:
            each.close()

    # What is written.

    def prepare(self, point: Point) -> list[Sent]:
        """Write what has to be there before, and return what the victim is to write."""
        self._number += 1
        name = f"{point}-{self._number}"
        if point.operation == "batch":
            return [fresh("create", f"{name}-{n}", created_at=self._moment()) for n in range(3)]
        creation = fresh("create", name, created_at=self._moment())
        if point.operation == "create":
            return [creation]
        self.do(creation)
        if point.operation == "delete":
            return [fresh("delete", name)]
        if point.operation == "recreate":
            self.do(fresh("delete", name))
            return [fresh("create", name, created_at=self._moment())]
        made = creation.position
        return [fresh("update", name, created_at=creation.created_at, expected=made)]

    def do(self, *writes: Sent) -> None:
        """Write something that must succeed, if nobody else is there."""
        send(self.stream, list(writes))
        self.sent += writes

    def others(self, count: int) -> None:
        """Write some other items, and some of those once more."""
        while count > 0:
            self._number += 1
            some = [
                fresh("create", f"other-{self._number}-{n}", created_at=self._moment())
                for n in range(self.dice.choice((1, 1, 5, 10)))
            ]
            self.do(*some)
            if self.dice.random() < 0.2:
                self.do(fresh("delete", some[0].id))
            count -= len(some)

    def meddle(self, victim: Victim) -> None:
        """Write what a victim is writing."""
        item_id = victim.sent[0].id
        (found,) = self.stream.get([item_id])
        if not isinstance(found, Record):
            self.do(fresh("create", item_id, created_at=self._moment()))
        elif victim.point.impatient or self.dice.random() < 0.5:
            self.do(fresh("delete", item_id))
        else:
            at = found.created_at
            self.do(fresh("update", item_id, created_at=at, expected=found.position))

    def _moment(self) -> int:
        return START + self.dice.randrange(SPAN)

    # Victims.

    def begin(self, points: Iterable[Point]) -> list[Victim]:
        """Bring victims to their points."""
        victims = []
        for point in points:
            sent = self.prepare(point)
            assert self.ground.server is not None
            proxy = Proxy(self.ground.server.port, self.framing)
            path = self.directory / f"victim{self._number}"
            writes = msgspec.json.encode(sent).decode()
            url = self.ground.through(proxy.port, HASTE if point.impatient else PATIENCE)
            child = self.nursery.start("victim", url, STREAM, path, f"{path}.go", writes)
            victims.append(Victim(point, child, proxy, path, sent))
        for victim in victims:
            wait_until(partial(entries, victim.path), seconds=30, what=self._said())
            victim.proxy.arm(victim.point.at, victim.point.when)
        for victim in victims:
            Path(f"{victim.path}.go").touch()
        for victim in victims:
            wait_until(victim.stands, seconds=30, what=f"{victim.point} never stood")
            if victim.point.impatient:
                wait_until(victim.has_ended, seconds=60, what=f"{victim.point} never ended")
            if victim.proxy.held.is_set():
                self.stood[str(victim.point)] = self.stood.get(str(victim.point), 0) + 1
        return victims

    def _said(self) -> str:
        return self.nursery.log.read_text()[-3000:]

    def finish(self, victims: Iterable[Victim]) -> None:
        """Let victims go on, or end them, each as its point says."""
        for victim in victims:
            if victim.point.how == "kill":
                victim.child.kill()
            if victim.point.how == "release":
                victim.proxy.release()
            else:
                victim.proxy.drop()
        for victim in victims:
            wait_until(victim.has_ended, seconds=60, what=f"{victim.point} never ended")
            assert victim.child.status in (0, -9), self._said()
            victim.learn()
            victim.commands = list(victim.proxy.commands)
            self.sent += victim.sent

    def commands(self, operation: Operation) -> list[str]:
        """Return the commands that a write takes when nobody holds it."""
        (victim,) = victims = self.begin([Point(operation, 1 << 20, "before", "release")])
        self.finish(victims)
        victim.proxy.close()
        return victim.commands

    def round(self, points: Sequence[Point]) -> None:
        """Hold a victim at each point, have the world go on, and let them go again."""
        victims = self.begin(points)
        try:
            self.others(self.dice.randint(20, 50))
            for victim in victims:
                if victim.point.meddled:
                    self.meddle(victim)
            self.follow()
            self.finish(victims)
            self.others(1)
            self.follow()
        finally:
            for victim in victims:
                victim.child.kill()
                victim.proxy.close()

    def follow(self) -> None:
        """Have both followers read to the head."""
        for follower, reading in zip(self.followers, self.readings, strict=True):
            end = monotonic() + 30
            while True:
                step = follower.step()
                reading.take(step)
                if step.get("caught_up") and step["position"] >= self.stream.head().position:
                    break
                assert monotonic() < end, f"{reading.name} never comes to the head"

    def faults(self) -> list[str]:
        """Return every fault."""
        return judge(self.stream, self.sent, self.readings)
