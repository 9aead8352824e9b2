"""An export that goes on where it broke off: its file until then, and the place in the timeline.

The lines that are there are ``FILE.part``; what they are of is in ``FILE.part.json``. The place is
that of the last whole line: items come in the order of their times and ids.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec

from brubeck.cli.beside import open_beside, write_beside
from brubeck.cli.output import json_line
from brubeck.cli.programs import ended_in_order
from brubeck.errors import BrubeckError, ConfigError

_BLOCK = 1 << 16
LONGEST_LINE: Final = 8 << 20
"""How many bytes a line of an export may have; an item has at most 1 MiB."""


class LastItem(NamedTuple):
    """The time (in milliseconds) and the id of an item."""

    created_at: int
    id: str


class _Line(msgspec.Struct):
    """The members of an item that say where it stands."""

    created_at: int
    id: str


def behind(last: LastItem, chunks: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """Yield the lines of an export behind a place; those up to it are few, at one time.

    Raises `BrubeckError` for lines that no stream sends, and for an end in the middle of one.
    """
    rest = bytearray()
    with closing(chunks):
        for chunk in chunks:
            searched = len(rest)
            rest += chunk
            start = 0
            while (end := rest.find(b"\n", max(start, searched))) >= 0:
                if _place(rest[start:end]) > last:
                    yield bytes(rest[start:])
                    yield from chunks
                    return
                start = end + 1
            del rest[:start]
            if len(rest) > LONGEST_LINE:
                raise BrubeckError(f"The server sent a line of more than {LONGEST_LINE} bytes.")
    if rest:
        raise BrubeckError("The export has ended in the middle of a line.")


def _place(line: bytearray) -> tuple[int, str]:
    """Return the place in the timeline of an item in one line of JSON."""
    try:
        place = msgspec.json.decode(line, type=_Line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as reason:
        raise BrubeckError(f"The server sent a line that is no item: {reason}.") from reason
    return place.created_at, place.id


class ResumableFile:
    """The file of a resumable export; ``names`` are its target, its stream and its filters."""

    def __init__(self, output: str, names: Mapping[str, Any]) -> None:
        self._path, self._part = Path(output), Path(f"{output}.part")
        self._note = Path(f"{output}.part.json")
        self._names = dict(names)
        self.last: LastItem | None = None
        """The last item that is there already."""

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file behind its last whole line, and rename it when it is complete.

        Raises `ConfigError` for one that is of another export, or damaged.
        """
        with ended_in_order():
            try:
                with open_beside(self._part, "ab+") as file:
                    self._lock(file)
                    self._check_names()
                    self.last = self._last(file)
                    yield file
                self._part.replace(self._path)
                self._note.unlink(missing_ok=True)
            except OSError as reason:
                text = f"{self._path} cannot be written: {reason.strerror}."
                raise BrubeckError(text) from reason

    def _lock(self, file: IO[bytes]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrubeckError(f"{self._part} is being written by another export.") from None

    def _check_names(self) -> None:
        if self._part.stat().st_size == 0:
            write_beside(self._note, json_line(self._names))
            return
        try:
            with open_beside(self._note, "rb") as note:
                found = json.load(note)
        except (OSError, ValueError):
            found = None
        if found != self._names:
            raise ConfigError(f"{self._part} is of another export; remove it to start again.")

    def _last(self, file: IO[bytes]) -> LastItem | None:
        """Cut off a part of a line at the end, and return the item of the last whole one."""
        end = file.seek(0, os.SEEK_END)
        line, start = b"", end
        while start and line.count(b"\n") < 2:
            start = max(0, start - _BLOCK)
            file.seek(start)
            line = file.read(end - start)
        whole = line.rfind(b"\n") + 1
        file.truncate(start + whole)
        file.seek(0, os.SEEK_END)
        last = line[:whole].rstrip(b"\n").rpartition(b"\n")[2]
        if not last:
            return None
        try:
            item = json.loads(last)
            return LastItem(int(item["created_at"]), str(item["id"]))
        except (KeyError, TypeError, ValueError) as reason:
            raise ConfigError(f"{self._part} is damaged; remove it to start again.") from reason
