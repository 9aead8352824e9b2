"""Output of commands: tables for people, JSON for programs.

A table is plain text in aligned columns in a pipe, for `grep` and `awk`; on a terminal it fits the
width, and says by colours what stands out. `NO_COLOR` and `TERM=dumb` are respected.

Every command prints by the functions of this module. A text may come from a server or a stranger:
no sign of it moves the cursor, names the window, or reverses what stands beside it.
"""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from brubeck.plain_text import NOT_SHOWN, one_line, printable

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_GAP: Final = "  "
_LEAST: Final = 12
"""The width below which no column of a terminal is cut."""
_RAW_IN_JSON: Final = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""The controls of terminals and of directions that JSON leaves as they are."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f]")
"""The controls that no JSON has."""


def printable_json(text: str) -> str:
    """Return equal JSON with the controls of terminals escaped."""
    return _RAW_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class FullOutput(OSError):
    """The standard output takes no more: its disk is full."""


@contextmanager
def full_output() -> Iterator[None]:
    """Raise `FullOutput` for an error of writing to the standard output."""
    try:
        yield
    except OSError as reason:
        if reason.errno == errno.EPIPE:  # a reader that has had enough, such as `head`
            raise
        raise FullOutput(reason.errno, reason.strerror) from reason


def _echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    with full_output():
        # Above a progress, `sys.stderr` is its own.
        click.echo(text, file=sys.stderr if err else None, nl=nl)


def print_text(text: str, *, err: bool = False) -> None:
    """Print a text as one line."""
    _echo(one_line(text), err=err)


def print_lines(text: str, *, err: bool = False) -> None:
    """Print a text of several lines, of which none is a server's or a stranger's."""
    _echo(printable(text), err=err)


class ShownBytes:
    """JSON in UTF-8 that is written to a terminal, piece by piece, and is equal JSON there."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, piece: bytes) -> None:
        """Print a piece."""
        text = printable_json(self._decoder.decode(piece))
        _echo(_CONTROLS.sub(NOT_SHOWN, text), nl=False)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, fit: bool = False
) -> None:
    """Print rows in aligned columns below their headings.

    On a terminal a long cell goes on in the next line; with ``fit`` it is cut.
    """
    lines = [[_cell(each) for each in row] for row in (headings, *rows)]
    if sys.stdout.isatty():
        _print_rich_table(lines, fit=fit)
        return
    widths = [max(len(line[at]) for line in lines) for at in range(len(headings))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        _echo(_GAP.join(cells).rstrip())


def _print_rich_table(lines: Sequence[Sequence[str]], *, fit: bool) -> None:
    """Print a table to a terminal; its headings are the first line."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    screen = console()
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(lines[0]))]
    widths = _fitting(widths, screen.width)
    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for heading, width in zip(lines[0], widths, strict=True):
        overflow: OverflowMethod = "ellipsis" if fit else "fold"
        table.add_column(Text(heading), no_wrap=fit, overflow=overflow, width=width)
    for line in lines[1:]:
        table.add_row(*map(Text, line))
    # What does not fit a narrow terminal is broken by that, line by line.
    screen.width = max(screen.width, sum(widths) + len(_GAP) * len(widths))
    with full_output():
        screen.print(table, crop=False)


def _fitting(widths: list[int], total: int) -> list[int]:
    """Return the widths of columns, with the widest cut until the sum fits a total."""
    room = total - len(_GAP) * (len(widths) - 1)
    level = max(widths)
    if sum(widths) > room:
        level = max(_LEAST, min(level, room))
    while level > _LEAST and sum(min(each, level) for each in widths) > room:
        level -= 1
    fitted = [min(each, level) for each in widths]
    cut = [at for at, each in enumerate(widths) if each > level]
    for at in cut[len(cut) - max(0, min(len(cut), room - sum(fitted))) :]:
        fitted[at] += 1
    return fitted


def print_marked(mark: str, text: str, *, color: str) -> None:
    """Print a line that begins with a mark, which has a color on a terminal."""
    if not sys.stdout.isatty():
        print_text(f"{mark:5} {text}")
        return
    from rich.text import Text

    with full_output():
        console().print(Text.assemble((f"{mark:5} ", color), one_line(text)))


def console(*, err: bool = False) -> Console:
    """Return the terminal as `rich` writes to it."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False)


def report(value: object, text: str, *, as_json: bool) -> None:
    """Print the result of a command: as JSON, or as the line of text that says the same."""
    if as_json:
        print_json(value)
    else:
        print_text(text)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    is_ascii = not _is_utf_8(sys.stdout)
    _echo(printable_json(json.dumps(value, ensure_ascii=is_ascii, indent=2)))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    _echo(json_line(value, is_ascii=not _is_utf_8(sys.stdout)))
    sys.stdout.flush()


def json_line(value: object, *, is_ascii: bool = False) -> str:
    """Return a value as JSON without line ends; with ``is_ascii``, escapes for other letters."""
    return printable_json(json.dumps(value, ensure_ascii=is_ascii, separators=(",", ":")))


def print_document_table(documents: Sequence[Mapping[str, Any]]) -> None:
    """Print items as a table with a column for each field that any of them has."""
    names = list(dict.fromkeys(name for each in documents for name in each))
    rows = [[each.get(name, "") for name in names] for each in documents]
    print_table(names, rows, fit=True)


def _cell(value: object) -> str:
    """Return a value as one line of text."""
    text = value if isinstance(value, str) else json_line(value)
    return "".join(char if char.isprintable() else NOT_SHOWN for char in text)


def _open_standard_streams() -> None:
    """Open the standard streams that are closed, in order that no file of a store gets their place.

    The input is empty then, the standard output refuses what is written, and errors go nowhere.
    A character that the encoding of a stream has not is a question mark there.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), "r", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not _is_utf_8(stream):
            stream.reconfigure(errors="replace")


def _is_utf_8(stream: TextIO) -> bool:
    return codecs.lookup(stream.encoding or "ascii").name == "utf-8"


class Command(click.Group):
    """The whole command, which says in one sentence that its output cannot be written."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line, also where the shell has closed a standard stream."""
        _open_standard_streams()
        return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command of it; exit status 1 where the standard output takes no more."""
        try:
            return super().invoke(ctx)
        except FullOutput as reason:
            # What is left of it would fail again when the process ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            print_text(f"brubeck: The output cannot be written: {reason.strerror}.", err=True)
            sys.exit(1)
