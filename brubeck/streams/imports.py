"""Imports: items one a line (NDJSON), written in bounded batches, answered one result a line.

The body is read line by line from wherever the connection keeps it, and the answer goes out while
the rest is still being written: neither is ever held whole. Each line is an item by itself, so a
bad one stops nothing. A client that gets no result for a line may send the line again: if the item
has an id and was written, the second answer is a 409.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from brubeck import green
from brubeck.canonical import MAX_BYTES
from brubeck.http import Problem, Response, StreamingResponse
from brubeck.streams.negotiation import negotiate
from brubeck.streams.parameters import no_parameters
from brubeck.streams.writing import Drafts, Result, Writer, too_long

MEDIA_TYPE: Final = "application/x-ndjson"

MAX_BATCH: Final = 500
"""How many items are written at a time, at the most."""
BATCH_BYTES: Final = 1 << 20
"""How many bytes of lines a batch has before it is written."""
LINES_PER_TURN: Final = 10_000
"""How many lines, however empty, are read before others get their turn."""
RECHECK_SECONDS = 2.0
"""Seconds after which the caller's access is checked again."""
_END: Final = b"\n"

Line = tuple[int, bytes | None]
"""A line's number, from 1, and its bytes; None where it is longer than an item may be."""


def import_lines(writer: Writer) -> Response:
    """Create an item of each line of the body."""
    request = writer.context.request
    negotiate(request, MEDIA_TYPE)
    no_parameters(request.query_pairs)
    request.require_plain_body()
    answers = _written(writer, batches(lines(request.open_body())))
    # The first batch is written before the answer begins, so that what stops it has a status.
    first = next(answers, None)
    if first is None:
        raise Problem(422, "The body contains no items.")
    headers = writer.context.spec.headers.copy()
    headers["Content-Type"] = MEDIA_TYPE
    return StreamingResponse(_after(first, answers), headers=headers)


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a file that have something on them, never more of one than an item has."""
    number = 0
    while line := file.readline(MAX_BYTES + 2):
        number += 1
        if number % LINES_PER_TURN == 0:
            green.sleep(0)
        if not line.endswith(_END) and len(line) > MAX_BYTES:
            while line and not line.endswith(_END):
                green.take_turn()
                line = file.readline(MAX_BYTES)
            yield number, None
        elif bare := line.strip():
            yield number, bare


def batches(numbered: Iterator[Line]) -> Iterator[list[Line]]:
    """Yield lines by as many as are written at a time."""
    batch: list[Line] = []
    size = 0
    for number, line in numbered:
        batch.append((number, line))
        size += len(line or b"")
        if len(batch) == MAX_BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _written(writer: Writer, numbered: Iterator[list[Line]]) -> Iterator[bytes]:
    """Write one batch after another, and yield the encoded results of its lines."""
    try:
        yield from _answers(writer, numbered)
    finally:
        writer.context.end()


def _answers(writer: Writer, numbered: Iterator[list[Line]]) -> Iterator[bytes]:
    asked = time.monotonic()
    for batch in numbered:
        if time.monotonic() - asked >= RECHECK_SECONDS:
            writer.context.recheck()
            asked = time.monotonic()
        writer.context.plan = None
        drafts = Drafts(writer)
        for _, line in green.fairly(batch):
            if line is None:
                drafts.refuse(too_long("more"))
            else:
                drafts.add(line)
        results = drafts.write()
        told = green.fairly(zip(batch, results, strict=True))
        answers = [_answer(at, found) for (at, _), found in told]
        yield b"".join(answers)


def _answer(number: int, result: Result) -> bytes:
    members: dict[str, object] = {"line": number, "status": result.status}
    if result.id:
        members["id"] = result.id
    if result.problem is not None:
        members |= result.problem.to_dict()
    return msgspec.json.encode(members) + _END
