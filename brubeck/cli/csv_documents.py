"""Documents of CSV rows (RFC 4180), the inverse of `brubeck.streams.csv_rows`.

The first row has the names of the fields. An empty cell is no value, a quoted empty one an empty
text. A cell of a text field is its text, any other is read as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from brubeck.errors import BrubeckError
from brubeck.streams.csv_rows import original_text

MAX_ROW_BYTES: Final = 4 << 20
"""The bytes of a row, of which an item has 1 MiB at the most."""
_CELL: Final = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)')
_JSON: Final = re.compile(r"-?\d|true$|false$|\[|\{")

Row = tuple[int, list[tuple[str, bool]] | None]
"""A row's line number, and its cells with whether they are quoted; None for a malformed row."""
Document = tuple[int, "dict[str, Any] | str"]
"""The line number of a row, and its document or a sentence about its fault."""


def documents(file: BinaryIO, types: Mapping[str, str]) -> Iterator[Document]:
    """Yield the documents of a file; ``types`` are the JSON types of the known fields."""
    found = rows(file)
    _, header = next(found, (0, None))
    if header is None:
        raise BrubeckError("The first row has to contain the names of the fields.")
    names = [text for text, _ in header]
    readers = [_reader(types.get(name)) for name in names]
    for number, cells in found:
        if cells is None:
            yield number, "The row is not CSV (RFC 4180)."
        elif len(cells) != len(names):
            yield number, f"The row has {len(cells)} cells, and the first row {len(names)}."
        else:
            read = zip(names, readers, cells, strict=True)
            yield (
                number,
                {
                    name: value
                    for name, reader, (text, quoted) in read
                    if text or quoted
                    if (value := reader(text)) is not None
                },
            )


def rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of a file that are not empty; `BrubeckError` for a quote without an end."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES):
        number += 1
        start, raw = number, line
        while raw.count(b'"') % 2:
            line = file.readline(MAX_ROW_BYTES)
            number += 1
            raw += line
            if not line or len(raw) > MAX_ROW_BYTES:
                raise BrubeckError(f"Line {start}: a quote has no end.")
        if len(raw) >= MAX_ROW_BYTES:
            raise BrubeckError(f"Line {start}: the row is too long.")
        if bare := raw.removeprefix(b"\xef\xbb\xbf" if start == 1 else b"").rstrip(b"\r\n"):
            yield start, _cells(bare)


def _cells(raw: bytes) -> list[tuple[str, bool]] | None:
    """Return the cells of a row; None where it is malformed."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    cells, at = [], 0
    while True:
        found = _CELL.match(text, at)
        if found is None:
            return None
        quoted = found[1] is not None
        cells.append((found[1].replace('""', '"') if quoted else found[2], quoted))
        at = found.end()
        if not found[3]:
            return cells


def _reader(kind: str | None) -> Callable[[str], Any]:
    """Return the function that reads the cells of a field of a JSON type."""
    if kind == "string":
        return original_text
    return _guessed if kind is None else _parsed


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return original_text(text)  # the stream says what is wrong with it


def _guessed(text: str) -> Any:
    return _parsed(text) if _JSON.match(text) else original_text(text)
