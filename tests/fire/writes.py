"""What the fire writes: plain descriptions that a journal can keep, and the writes they are.

The body of an item follows from its description, token and all, so that a write can be sent again
word for word by whoever reads the journal, and a body found in a stream says which write it is.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec

from brubeck.storage import (
    Delete,
    Outcome,
    Put,
    RecordSchema,
    RecordStream,
    Storage,
    Write,
    Written,
)
from brubeck.storage.opening import open_storage
from brubeck.storage.schema import FieldInfo
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

Operation = Literal["create", "update", "delete"]

SCHEMA: Final = RecordSchema({"group": FieldInfo("string", indexed=True, equality=True)})
"""One filter, so that indexes and former values are under fire, too."""
GROUPS: Final = ("a", "b", "c")
CLOCK_AHEAD: Final = "FIRE_CLOCK_AHEAD"
"""The environment variable that says by how many milliseconds a process's clock is ahead."""


class Sent(msgspec.Struct, omit_defaults=True):
    """A write that was sent: what, and what is left to do in the life of its item.

    ``number`` is its place in its writer's journal. ``outcome`` is "" as long as none is known, or
    ``written`` or the reason of a refusal.
    """

    id: str
    operation: Operation
    token: str
    created_at: int = 0
    expected: int | None = None
    then: str = ""
    number: int = 0
    outcome: str = ""
    position: int | None = None

    @property
    def group(self) -> str:
        """The value of the item's filter."""
        return GROUPS[int(self.token[:8], 16) % len(GROUPS)]

    @property
    def body(self) -> bytes:
        """The item's body."""
        item = {"id": self.id, "created_at": self.created_at, "group": self.group}
        return msgspec.json.encode(item | {"token": self.token})

    @property
    def digest(self) -> str:
        """The digest of what is there when this has been written; of a delete, nothing."""
        return "" if self.operation == "delete" else digest(self.body)

    def write(self) -> Write:
        """Return the write that this is."""
        if self.operation == "delete":
            return Delete(id=self.id, token=self.token, expected=self.expected)
        return Put(
            id=self.id,
            created_at=self.created_at,
            body=self.body,
            token=self.token,
            expected=self.expected,
        )

    def answered(self, outcome: Outcome) -> None:
        """Take note of the answer."""
        self.outcome = "written" if isinstance(outcome, Written) else outcome.reason
        self.position = outcome.position


def fresh(operation: Operation, item_id: str, **more: Any) -> Sent:
    """Return a new write."""
    return Sent(id=item_id, operation=operation, token=uuid4().hex, **more)


def send(stream: RecordStream, writes: list[Sent]) -> None:
    """Have writes done together, and take note of the answers."""
    for sent, outcome in zip(writes, stream.write([each.write() for each in writes]), strict=True):
        sent.answered(outcome)


def digest(body: bytes) -> str:
    """Return a short name of a body."""
    return hashlib.sha256(body).hexdigest()[:16]


def token_of(body: bytes) -> str:
    """Return the token of the write that a body came with."""
    return str(msgspec.json.decode(body)["token"])


class AheadClock:
    """A clock that is ahead of the machine's own by some milliseconds."""

    def __init__(self, millis: int) -> None:
        self._ahead = millis * 1000

    def micros(self) -> int:
        """Return the microseconds since the epoch, UTC."""
        return SYSTEM_CLOCK.micros() + self._ahead


def clock() -> Clock:
    """Return the clock of this process."""
    return AheadClock(int(os.environ.get(CLOCK_AHEAD, "0")))


def open_under_fire(url: str) -> Storage:
    """Return the storage at a URL; the deliberately wrong ones are here, too."""
    scheme, _, rest = url.partition("+")
    if scheme in ("early", "reserved"):
        from tests.fire.wrong import WRONG

        return WRONG[scheme].from_url(rest)
    return open_storage(url, clock=clock())
