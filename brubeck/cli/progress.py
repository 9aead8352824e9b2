"""The progress of a long command: a line on the terminal, which goes when the command ends."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from brubeck.cli.output import console

if TYPE_CHECKING:
    from rich import progress

_SECONDS: Final = 0.2
"""Seconds between two looks of a progress."""


class Progress:
    """Counts items and bytes, and shows them where the standard error is a terminal.

    Of a ``file`` that is read, the part that is done and the time that is left are shown, too. A
    ``quiet`` one only counts.
    """

    def __init__(self, verb: str, file: BinaryIO | None = None, *, quiet: bool = False) -> None:
        self.items = 0
        self.bytes = 0
        self._verb = verb
        self._file = file
        self._next = 0.0
        self._quiet = quiet
        self._shown: progress.Progress | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            self._shown = _display(self._verb, _size_of(self._file))
            self._shown.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown is not None:
            self._show(self._shown)
            self._shown.stop()

    def add(self, items: int, size: int = 0) -> None:
        """Count items and bytes."""
        self.items += items
        self.bytes += size
        if self._shown is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            self._show(self._shown)

    def _show(self, shown: progress.Progress) -> None:
        done = self.bytes if _size_of(self._file) is None or not self._file else self._file.tell()
        counted = f"{self.items:,} items " if self.items else ""
        shown.update(shown.task_ids[0], completed=done, description=f"{counted}{self._verb}")
        shown.refresh()


def _size_of(file: BinaryIO | None) -> int | None:
    """Return the bytes of a file; None for a pipe, which does not tell."""
    if file is None:
        return None
    state = os.fstat(file.fileno())
    return state.st_size if stat.S_ISREG(state.st_mode) else None


def _display(verb: str, total: int | None) -> progress.Progress:
    """Return a line with a task of some bytes."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        FileSizeColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    whole = (DownloadColumn(), BarColumn(), TimeRemainingColumn())
    columns = (FileSizeColumn(), TimeElapsedColumn()) if total is None else whole
    # Drawn by the command itself: it has no other thread that could.
    text = TextColumn("{task.description}", markup=False)
    line = Progress(text, *columns, console=console(err=True), auto_refresh=False)
    line.add_task(verb, total=total)
    return line
