"""Output of commands: tables for people, JSON for programs.

A table is plain text in aligned columns, in the same form on a terminal and in a pipe, so that what
a person sees is what `grep` and `awk` get.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_SECONDS: Final = 0.2
"""Seconds between two looks of a progress."""
_GAP: Final = "  "
_LEAST: Final = 12
"""The width below which no column is cut."""


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, fit: bool = False
) -> None:
    """Print rows in aligned columns below their headings.

    With ``fit`` long cells are cut so that a row fits the width of the terminal.
    """
    lines = [list(headings), *([_cell(each) for each in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(headings))]
    if fit:
        widths = _fitting(widths, shutil.get_terminal_size().columns)
    for line in lines:
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo(_GAP.join(cells).rstrip())


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    click.echo(json_line(value))
    sys.stdout.flush()


def json_line(value: object) -> str:
    """Return a value as JSON without line ends."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def print_document_table(documents: Sequence[Mapping[str, Any]]) -> None:
    """Print items as a table with a column for each field that any of them has."""
    names = list(dict.fromkeys(name for each in documents for name in each))
    rows = [[each.get(name, "") for name in names] for each in documents]
    print_table(names, rows, fit=True)


def _cell(value: object) -> str:
    """Return a value as one line of text."""
    text = value if isinstance(value, str) else json_line(value)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}\N{HORIZONTAL ELLIPSIS}"


def _fitting(widths: list[int], total: int) -> list[int]:
    """Return the widths of columns, with the widest cut until the sum fits a total."""
    room = total - len(_GAP) * (len(widths) - 1)
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > _LEAST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


class Progress:
    """The progress of a long command: a line on the terminal, and a summary at the end."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._is_shown = sys.stderr.isatty()
        self._next = 0.0
        self.items = 0
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_shown:
            self._show()
            click.echo(err=True)

    def add(self, items: int, size: int = 0) -> None:
        """Count items and bytes."""
        self.items += items
        self.bytes += size
        if self._is_shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SECONDS
            self._show()

    def _show(self) -> None:
        parts = [f"{self.items:,} items"] if self.items else []
        parts += [f"{self.bytes:,} bytes"] if self.bytes else []
        click.echo(f"\r{', '.join(parts) or 'nothing'} {self._verb}", err=True, nl=False)
