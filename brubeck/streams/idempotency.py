"""``Idempotency-Key``: a request that is sent again, and carried out once.

The key and a digest of the request are recorded before anything is written, together with the plan
of its writes: their moment, ids and tokens. The answer is recorded when there is one. A client that
sends the same request again gets the first answer again; if there is none, because the first server
died or its storage went away, the request is finished by the recorded plan, and items that were
written already are known by their tokens. The header is that of the IETF's draft
(draft-ietf-httpapi-idempotency-key-header): a text in quotes; one without quotes is accepted, too.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from math import inf
from typing import Final, Protocol

import msgspec

from brubeck import green
from brubeck.http import Headers, Problem, Request, Response
from brubeck.storage import Storage, StorageError
from brubeck.storage.ids import new_id, uuid7

KEEP: Final = 86_400.0
"""Seconds for which a key is kept."""
MAX_BODY: Final = 4 << 20
"""How many bytes a request with a key may have: its answer is about as long, and kept for a day."""
ANSWER_ROOM: Final = 1 << 16
"""How many bytes longer than its request the kept answer to a PATCH may be.

A patch of a few bytes is answered with the whole item: of a longer answer the body is not kept, and
the item is read again when the request is sent again.
"""
LEASE: Final = 5.0
"""Seconds after which a request that has not been answered is carried out when it is sent again.

A killed worker blocks a retry for no longer. One that is only slow may then be carried out twice at
the same time, which is harmless: both follow the plan that was recorded.
"""

KEY: Final = re.compile(r'[!#-\[\]-~]{1,255}|"[ -!#-\[\]-~]{1,255}"')
"""The syntax of a key."""
_IDENTIFYING: Final = ("content-type", "if-match", "if-none-match")
"""The headers that identify a request beside its query and its body."""
_SLICE: Final = 1 << 16
"""How many bytes of an answer are compressed before others may have a turn."""
_STEP_BITS = 32
_START_BITS = 72


class WritePlan(Protocol):
    """The values chosen for a request's writes."""

    now: int
    """The moment of the writes, in milliseconds since the epoch."""
    resumed: bool
    """Whether an earlier attempt may have started to carry it out."""

    def new_id(self) -> str:
        """Return the id of the next new item that brings none."""

    def is_new_id(self, item_id: str) -> bool:
        """Return whether `new_id` has returned an id."""

    def token(self, write: str) -> str:
        """Return the token of one of the request's writes; ``write`` is its name in the request."""


class FreshPlan:
    """The values of a request that is not sent again."""

    resumed = False

    def __init__(self, now: int) -> None:
        self.now = now
        self._tokens = count()
        self._prefix = secrets.token_hex(12)

    def new_id(self) -> str:
        """Return a new id."""
        return new_id()

    def is_new_id(self, _item_id: str) -> bool:
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
    """The values of a request with an ``Idempotency-Key``, derived from a few recorded bytes."""

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

    def is_new_id(self, item_id: str) -> bool:
        """Return whether an id is of this plan, and so of no other writer."""
        return item_id in self._made

    def token(self, write: str) -> str:
        """Return the token of a write."""
        return self._digest(f"token {write}").hex()

    def _digest(self, what: str) -> bytes:
        return hashlib.blake2b(what.encode(), digest_size=16, key=self._seed).digest()


class _Answer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    lacks_body: bool = False


_decode_answer = msgspec.msgpack.Decoder(_Answer).decode


class IdempotentRequest:
    """One attempt at a request: its recorded plan, and its answer once there is one."""

    def __init__(self, plan: bytes, answer: Response | None, *, lacks_body: bool = False) -> None:
        self.plan = plan
        self.answer: Response | None = answer
        self.lacks_body = lacks_body


class IdempotencyStore:
    """The requests of one caller to one resource.

    ``may_read`` says whether the answers have what only a reader may see: with other rights a
    request is another one, whose answer is not given out.
    """

    def __init__(self, store: Storage, caller: str, *, may_read: bool = True) -> None:
        self._store = store
        self._caller = caller
        self._sight = [] if may_read else ["without reading"]

    @contextmanager
    def begin(self, key: str, request: Request, plan: bytes) -> Iterator[IdempotentRequest]:
        """Record a request and yield its attempt; the answer is recorded when the block ends.

        Raises a `Problem`: 400 for an invalid key, 413 for a body of more than `MAX_BODY` bytes,
        422 for a key that was used with another request, 409 while the first request is still
        being carried out.
        """
        if not KEY.fullmatch(key):
            detail = "An Idempotency-Key has 1 to 255 printable ASCII characters, in quotes."
            raise Problem(400, detail)
        if len(request.body) > MAX_BODY:
            most = f"A request with an Idempotency-Key has at most {MAX_BODY} bytes"
            raise Problem(413, f"{most}; send smaller lists.")
        name = _digest_of(self._caller, key.strip('"')).hex()
        identifying = [
            request.query,
            *self._sight,
            *(request.header(each) or "" for each in _IDENTIFYING),
        ]
        digest = _digest_of("\0".join(identifying), request.body)
        known = self._store.attempt(name, digest, plan, lease=LEASE, keep=KEEP)
        if known.digest != digest:
            raise Problem(422, "This Idempotency-Key was already used with a different request.")
        if known.answer is not None:
            kept = _decode_answer(_decompressed(known.answer))
            yield IdempotentRequest(known.plan, _read(kept), lacks_body=kept.lacks_body)
            return
        if not known.ours:
            detail = "The first request with this Idempotency-Key is still being carried out."
            raise Problem(409, detail, headers={"Retry-After": "1"})
        attempt = IdempotentRequest(known.plan, None)
        try:
            yield attempt
        finally:
            room = ANSWER_ROOM if request.method == "PATCH" else inf
            self._conclude(name, attempt.answer, len(request.body) + room)

    def _conclude(self, name: str, answer: Response | None, most: float) -> None:
        """Record an answer below 500; after any other the request may be sent again."""
        final = answer is not None and answer.status < 500
        with suppress(StorageError):  # what was done is done; the lease ends by itself
            self._store.conclude(name, _encoded(answer, most) if answer and final else None)


def _digest_of(caller: str, data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return hashlib.blake2b(caller.encode() + b"\0" + raw, digest_size=20).digest()


def _encoded(answer: Response, most: float) -> bytes:
    """Return an answer as it is kept; without a body of more than ``most`` bytes."""
    lacks_body = len(answer.body) > most
    body = b"" if lacks_body else answer.body
    kept = _Answer(answer.status, list(answer.headers.pairs()), body, lacks_body)
    return _compressed(msgspec.msgpack.encode(kept))


def _compressed(data: bytes) -> bytes:
    """Return compressed data, made a slice at a time."""
    coder, view = zlib.compressobj(1), memoryview(data)
    slices = (view[at : at + _SLICE] for at in range(0, len(data), _SLICE))
    return b"".join([*map(coder.compress, green.fairly(slices)), coder.flush()])


def _decompressed(data: bytes) -> bytes:
    """Return the data of `_compressed`, read a slice at a time."""
    coder = zlib.decompressobj()
    found = [coder.decompress(data, _SLICE)]
    while not coder.eof:
        green.take_turn()
        found.append(coder.decompress(coder.unconsumed_tail, _SLICE))
    return b"".join(found)


def _read(kept: _Answer) -> Response:
    headers = Headers()
    for name, value in kept.headers:
        headers.add(name, value)
    return Response(kept.body, kept.status, headers=headers)
