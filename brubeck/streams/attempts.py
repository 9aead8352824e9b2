"""``Idempotency-Key``: a request that is sent again, and carried out once.

The key and a digest of the request are recorded before anything is written, together with the
values chosen for its writes; the answer is recorded when there is one. A client that sends the
same request again gets the first answer again; if there is none, because the first server died or
its storage went away, the request is finished with the recorded values. The header is that of the
IETF's draft (draft-ietf-httpapi-idempotency-key-header): a text in quotes; one without quotes is
accepted, too.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from brubeck.http import Headers, Problem, Request, Response
from brubeck.storage import Storage, StorageError

KEEP: Final = 86_400.0
"""Seconds for which a key is kept."""
MAX_BODY: Final = 4 << 20
"""How many bytes a request with a key may have: its answer is about as long, and kept for a day."""
LEASE: Final = 5.0
"""Seconds after which a request that has not been answered is carried out when it is sent again.

A killed worker blocks a retry for no longer. One that is only slow may then be carried out twice at
the same time, which is harmless: both follow the plan that was recorded.
"""

KEY: Final = re.compile(r'[!#-\[\]-~]{1,255}|"[ -!#-\[\]-~]{1,255}"')
"""The syntax of a key."""
_SAID: Final = ("content-type", "if-match", "if-none-match")
"""The headers that identify a request beside its body."""


class _Answer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


_decode = msgspec.msgpack.Decoder(_Answer).decode


class Begun:
    """One attempt at a request: its recorded plan, and its answer once there is one."""

    def __init__(self, plan: bytes, answer: Response | None) -> None:
        self.plan = plan
        self.answer: Response | None = answer


class Attempts:
    """The requests of one caller to one resource."""

    def __init__(self, store: Storage, whose: str) -> None:
        self._store = store
        self._whose = whose

    @contextmanager
    def begin(self, key: str, request: Request, plan: bytes) -> Iterator[Begun]:
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
        name = _digest(self._whose, key.strip('"')).hex()
        said = [request.header(each) or "" for each in _SAID]
        digest = _digest("\0".join(said), request.body)
        known = self._store.attempt(name, digest, plan, lease=LEASE, keep=KEEP)
        if known.digest != digest:
            raise Problem(422, "This Idempotency-Key was already used with a different request.")
        if known.answer is not None:
            yield Begun(known.plan, _read(known.answer))
            return
        if not known.ours:
            detail = "The first request with this Idempotency-Key is still being carried out."
            raise Problem(409, detail, headers={"Retry-After": "1"})
        begun = Begun(known.plan, None)
        try:
            yield begun
        finally:
            self._conclude(name, begun.answer)

    def _conclude(self, name: str, answer: Response | None) -> None:
        """Record an answer below 500; after any other the request may be sent again."""
        final = answer is not None and answer.status < 500
        with suppress(StorageError):  # what was done is done; the lease ends by itself
            self._store.conclude(name, _written(answer) if answer and final else None)


def _digest(whose: str, what: bytes | str) -> bytes:
    data = what.encode() if isinstance(what, str) else what
    return hashlib.blake2b(whose.encode() + b"\0" + data, digest_size=20).digest()


def _written(answer: Response) -> bytes:
    kept = _Answer(answer.status, list(answer.headers.pairs()), answer.body)
    return zlib.compress(msgspec.msgpack.encode(kept), 1)


def _read(kept: bytes) -> Response:
    answer = _decode(zlib.decompress(kept))
    headers = Headers()
    for name, value in answer.headers:
        headers.add(name, value)
    return Response(answer.body, answer.status, headers=headers)
