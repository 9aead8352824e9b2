"""``brubeck import``: create an item of each line of a file, or of each feature of GeoJSON.

A file of any size takes constant memory. Each line is an item by itself: one that fails is reported
with its number and stops no other. The number of the last line with a result is kept in
``FILE.progress``, for ``--resume``. So is that of a feature.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import dropwhile
from pathlib import Path
from typing import BinaryIO, Final

import click
import msgspec

from brubeck.canonical import MAX_DEPTH, TOO_DEEP
from brubeck.cli import csv_documents, geojson_documents
from brubeck.cli.beside import open_beside, write_beside
from brubeck.cli.csv_documents import Document
from brubeck.cli.exporting import CSV, GEOJSON, format_of
from brubeck.cli.output import AS_JSON, json_line, print_line, print_text
from brubeck.cli.programs import FAILURE, plain_errors
from brubeck.cli.progress import Progress
from brubeck.cli.sinks import Outcome, Sink, opened_sink, outcomes
from brubeck.cli.targets import TARGET, credentials
from brubeck.errors import BrubeckError, ConfigError

BATCH: Final = 1000
"""The number of lines that are written at a time, at the most."""
_BATCH_BYTES: Final = 4 << 20
"""The bytes of lines after which a batch is written, about."""
_SIGNS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
"""The texts of a JSON text, in which brackets are text, and the brackets outside them."""

_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)


@click.command("import")
@click.argument("source", metavar="FILE")
@TARGET
@click.argument("stream")
@click.option("--resume", is_flag=True, help="Go on behind the last line with a result.")
@AS_JSON
@credentials
def import_command(
    source: str,
    target: str,
    stream: str,
    *,
    resume: bool,
    as_json: bool,
    user: str | None,
    token: str | None,
) -> None:
    """Create an item of each line of FILE: .ndjson, .jsonl, .csv; - is NDJSON from the input.

    Items keep their ids, and their times where the stream has accept_created_at. A line that fails
    is reported with its number and reason, the others go in, and the exit status is 1. Of .geojson
    each feature is an item; its coordinates go into the fields of the stream's geometry. STREAM is
    the path of a stream, such as quakes or users/ella/posts. With --json there is a line of JSON
    for each line that fails, and one for the whole: {"imported": …, "failed": …}.
    """
    media_type = format_of(source)
    if resume and source == "-":
        raise click.UsageError("--resume needs a file, which can be read again.")
    with plain_errors():
        unit = "feature" if media_type == GEOJSON else "line"
        place = ImportProgress(source, target, stream, unit)
        start = place.read() if resume else 0
        with _opened(source) as file, opened_sink(target, stream, user, token) as sink:
            numbered = _documents(file, media_type, sink)
            left = dropwhile(lambda each: each[0] <= start, numbered)
            report = partial(_print_failure if as_json else _say_failure, unit)
            importing = Importing(sink, place, report, resumed=resume)
            with Progress("imported", file) as progress:
                importing.run(left, progress)
        place.remove()
    _say_end(progress.items, importing.failures, unit, as_json=as_json)
    if importing.failures:
        sys.exit(FAILURE)


def _say_failure(unit: str, number: int, outcome: Outcome) -> None:
    print_text(f"{unit} {number}: {outcome.reason}", err=True)


def _print_failure(unit: str, number: int, outcome: Outcome) -> None:
    print_line({unit: number, "status": outcome.status, "reason": outcome.reason})


def _say_end(imported: int, failed: int, unit: str, *, as_json: bool) -> None:
    if as_json:
        print_line({"imported": imported, "failed": failed})
    else:
        print_text(f"{imported:,} items imported, {failed:,} {unit}s failed.", err=True)


def _documents(file: BinaryIO, media_type: str, sink: Sink) -> Iterator[Document]:
    """Return the documents of a file by its format."""
    if media_type == GEOJSON:
        return geojson_documents.documents(file, sink.geometry())
    return csv_documents.documents(file, sink.types()) if media_type == CSV else _lines(file)


class ImportProgress:
    """The number of the last line or feature with a result, in a file beside the imported one."""

    def __init__(self, source: str, target: str, stream: str, unit: str) -> None:
        self.last = 0
        """The number, as far as it is known."""
        self.unit = unit
        self._path = None if source == "-" else Path(f"{source}.progress")
        self._new = Path(f"{source}.progress.new")
        self._names = {"target": target, "stream": stream}

    def read(self) -> int:
        """Return the number; `ConfigError` where there is none, or one of another stream."""
        assert self._path is not None  # noqa: S101, the command refuses it
        try:
            with open_beside(self._path, "rb") as file:
                found = json.load(file)
            number, names = int(found.pop(self.unit)), found
        except FileNotFoundError:
            raise ConfigError(f"Nothing to resume: {self._path} does not exist.") from None
        except OSError as reason:
            raise BrubeckError(f"{self._path} cannot be read: {reason.strerror}.") from reason
        except (AttributeError, KeyError, TypeError, ValueError) as reason:
            raise ConfigError(f"{self._path} is damaged; import without --resume.") from reason
        if names != self._names:
            raise ConfigError(
                f"{self._path} is of an import to {names.get('target')} {names.get('stream')}."
            )
        self.last = number
        return number

    @property
    def is_kept(self) -> bool:
        """Return whether ``--resume`` finds a number."""
        return self._path is not None and self.last > 0

    def write(self, number: int) -> None:
        """Keep a number; where that is impossible, say so once, and go on without."""
        self.last = number
        if self._path is None:
            return
        try:
            write_beside(self._new, json_line({self.unit: number, **self._names}))
            self._new.replace(self._path)
        except OSError as reason:
            self._give_up(self._path, reason)

    def remove(self) -> None:
        """Forget it: the import is complete."""
        if self._path is not None:
            try:
                self._path.unlink(missing_ok=True)
            except OSError as reason:
                self._give_up(self._path, reason)

    def _give_up(self, path: Path, reason: OSError) -> None:
        """Keep no number any more, nor an old one, behind which items would be created again."""
        self._path = None
        for each in (self._new, path):
            with suppress(OSError):
                each.unlink(missing_ok=True)
        text = f"{path} cannot be written: {reason.strerror}; --resume will not be possible."
        print_text(f"brubeck: {text}", err=True)


class Importing:
    """One import: batches of documents, and the lines that failed."""

    def __init__(
        self,
        sink: Sink,
        place: ImportProgress,
        report: Callable[[int, Outcome], None],
        *,
        resumed: bool,
    ) -> None:
        self.failures = 0
        self._sink = sink
        self._place = place
        self._report = report
        # Of the batch that was being written when an import ended, some may have been created.
        self._may_be_there = resumed

    def run(self, numbered: Iterator[Document], progress: Progress) -> None:
        """Write all documents, and report and count the lines that fail."""
        for batch in self._resumable(_batches(_checked(numbered))):
            before = self.failures
            self._write(batch)
            progress.add(len(batch) - (self.failures - before))

    def _resumable(self, batches: Iterator[list[Document]]) -> Iterator[list[Document]]:
        """Yield batches; the error of a file says how to go on when it is repaired."""
        try:
            yield from batches
        except BrubeckError as reason:
            if not self._place.is_kept:
                raise
            last = f"{self._place.unit} {self._place.last}"
            text = f"{reason} Once it is repaired, --resume goes on behind {last}."
            raise BrubeckError(text) from reason

    def _write(self, batch: list[Document]) -> None:
        from brubeck.client import ClientError

        whole = [(number, each) for number, each in batch if isinstance(each, bytes)]
        broken = {number: each for number, each in batch if isinstance(each, str)}
        error: ClientError | None = None
        try:
            results = self._sink.write([each for _, each in whole]) if whole else []
        except ClientError as reason:
            error, results = reason, outcomes(reason.results)
        by_line = {number: each for (number, _), each in zip(whole, results, strict=False)}
        last = 0
        for number, _ in batch:
            if number not in by_line and number not in broken:
                break  # the request of this line has no result
            self._note(number, by_line.get(number) or Outcome(422, broken[number]))
            last = number
        if last:
            self._place.write(last)
        if error is not None:
            hint = " (--resume goes on from there)" if self._place.is_kept else ""
            raise BrubeckError(f"{error}{hint}") from error
        self._may_be_there = False

    def _note(self, number: int, outcome: Outcome) -> None:
        """Report the line of an outcome that is a failure."""
        if 200 <= outcome.status < 300 or (outcome.status == 409 and self._may_be_there):
            return
        self.failures += 1
        self._report(number, outcome)


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(source).open("rb"))
        except OSError as reason:
            raise BrubeckError(f"{source} cannot be read: {reason.strerror}.") from reason
        yield file


def _lines(file: BinaryIO) -> Iterator[Document]:
    """Yield the documents of the lines that have something on them."""
    from brubeck.streams.imports import lines

    for number, line in lines(file):
        if line is None:
            yield number, "The line is longer than an item may be."
            continue
        try:
            _members.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
            is_json = isinstance(reason, msgspec.ValidationError)
            fault = "an object of JSON." if is_json else f"JSON: {reason}"
            yield number, f"The line is not {fault}"
            continue
        yield number, line


def _checked(numbered: Iterable[Document]) -> Iterator[Document]:
    """Yield documents, and a sentence in place of one that is nested too deeply.

    It stands in a list with its neighbours when it is sent, and would have all of them refused.
    """
    for number, each in numbered:
        is_deep = isinstance(each, bytes) and _depth(each) > MAX_DEPTH
        yield number, TOO_DEEP if is_deep else each


def _depth(body: bytes) -> int:
    """Return how many objects and lists stand in each other in a valid JSON text, at the most."""
    brackets = body.count(b"[") + body.count(b"{")
    if brackets <= MAX_DEPTH:
        return brackets
    deepest = depth = 0
    for sign in _SIGNS.findall(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    return deepest


def _batches(numbered: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents by as many as are written at a time; those before an error are not lost."""
    batch: list[Document] = []
    size = 0
    fault: BrubeckError | None = None
    try:
        for number, each in numbered:
            batch.append((number, each))
            size += len(each)
            if len(batch) == BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except BrubeckError as reason:
        fault = reason
    if batch:
        yield batch
    if fault is not None:
        raise fault
