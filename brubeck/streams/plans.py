"""The values chosen for a request before it writes anything: its moment, ids and tokens.

Those of a request with an ``Idempotency-Key`` are recorded first, so a second attempt, after a
crash in the middle, uses the same values: the items that were written already are known by their
tokens.
"""

from __future__ import annotations

import hashlib
import secrets
from itertools import count
from typing import Protocol

import msgspec

from brubeck.storage.ids import new_id, uuid7

_STEP_BITS = 32
_START_BITS = 72


class Plan(Protocol):
    """The values chosen for a request's writes."""

    now: int
    """The moment of the writes, in milliseconds since the epoch."""
    resumed: bool
    """Whether an earlier attempt may have started to carry it out."""

    def new_id(self) -> str:
        """Return the id of the next new item that brings none."""

    def made(self, item_id: str) -> bool:
        """Return whether an id is one of those."""

    def token(self, write: str) -> str:
        """Return the token of one of the request's writes, by a name that it has in the request."""


class FreshPlan:
    """The choices of a request that nobody will send again."""

    resumed = False

    def __init__(self, now: int) -> None:
        self.now = now
        self._tokens = count()
        self._prefix = secrets.token_hex(12)

    def new_id(self) -> str:
        """Return a new id."""
        return new_id()

    def made(self, _item_id: str) -> bool:
        """Return False: the ids of a plan that is not recorded are not looked up."""
        return False

    def token(self, _write: str) -> str:
        """Return a new token."""
        return f"{self._prefix}{next(self._tokens):x}"


class _Recorded(msgspec.Struct, frozen=True):
    now: int
    seed: bytes


_decode = msgspec.msgpack.Decoder(_Recorded).decode


class RecordedPlan:
    """Choices that follow from a few recorded bytes."""

    def __init__(self, record: bytes, *, resumed: bool) -> None:
        recorded = _decode(record)
        self.now = recorded.now
        self.resumed = resumed
        self._seed = recorded.seed
        self._made: set[str] = set()

    @staticmethod
    def record(now: int) -> bytes:
        """Return the bytes of a new plan."""
        return msgspec.msgpack.encode(_Recorded(now, secrets.token_bytes(16)))

    def new_id(self) -> str:
        """Return the next id; they ascend, so that items of a list sort as they came."""
        chosen = int.from_bytes(self._digest("id"), "big")
        step = 1 + chosen % (1 << _STEP_BITS)
        start = (chosen >> _STEP_BITS) % (1 << _START_BITS)
        item_id = uuid7(self.now, start + (len(self._made) + 1) * step)
        self._made.add(item_id)
        return item_id

    def made(self, item_id: str) -> bool:
        """Return whether an id was made here, and so can be nobody else's."""
        return item_id in self._made

    def token(self, write: str) -> str:
        """Return the token of a write."""
        return self._digest(f"token {write}").hex()

    def _digest(self, what: str) -> bytes:
        return hashlib.blake2b(what.encode(), digest_size=16, key=self._seed).digest()
