"""Documents of CSV rows (RFC 4180), the inverse of `brubeck.streams.csv_rows`.

The first row has the names of the fields. An empty cell is no value, a quoted empty one an empty
text. A cell of a text field is its text, any other is JSON, and goes on as it is written: a number
keeps its digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

import msgspec

from brubeck.errors import BrubeckError
from brubeck.streams.csv_rows import original_text

MAX_ROW_BYTES: Final = 4 << 20
"""The bytes of a row, of which an item has 1 MiB at the most."""
_CELL: Final = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|$)')
_JSON: Final = re.compile(r"-?\d|true$|false$|\[|\{")
_NESTED: Final = ("[", "{")
_NULL: Final = b"null"

Row = tuple[int, list[tuple[str, bool]] | None]
"""A row's line number, and its cells with whether they are quoted; None for a malformed row."""
Document = tuple[int, bytes | str]
"""The line number of a row, and its document in JSON or a sentence about its fault."""
Reader = Callable[[str], bytes]
"""A function that returns the JSON of a cell; `ValueError` or `RecursionError` for no JSON."""

_raw: msgspec.json.Decoder[msgspec.Raw] = msgspec.json.Decoder(msgspec.Raw)


def documents(file: BinaryIO, types: Mapping[str, str]) -> Iterator[Document]:
    """Yield the documents of a file; ``types`` are the JSON types of the known fields."""
    found = rows(file)
    _, header = next(found, (0, None))
    if header is None:
        raise BrubeckError("The first row has to contain the names of the fields.")
    names = [text for text, _ in header]
    readers = {name: _reader(types.get(name)) for name in names}
    for number, cells in found:
        if cells is None:
            yield number, "The row is not CSV (RFC 4180)."
        elif len(cells) != len(names):
            yield number, f"The row has {len(cells)} cells, and the first row {len(names)}."
        else:
            texts = zip(names, cells, strict=True)
            given = {name: text for name, (text, quoted) in texts if text or quoted}
            yield number, _document(given, readers)


def _document(given: Mapping[str, str], readers: Mapping[str, Reader]) -> bytes | str:
    """Return the JSON of a row's cells, or a sentence about the first that is none."""
    members = {}
    for name, text in given.items():
        try:
            value = readers[name](text)
        except (ValueError, RecursionError) as reason:
            return f'The cell of "{name}" is not JSON: {reason}.'
        if value != _NULL:
            members[name] = msgspec.Raw(value)
    return msgspec.json.encode(members)


def rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of a file that are not empty; `BrubeckError` for a quote without an end."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES):
        number += 1
        start, pieces, size, quotes = number, [line], len(line), line.count(b'"')
        while quotes % 2:
            line = file.readline(MAX_ROW_BYTES)
            number += 1
            pieces.append(line)
            size += len(line)
            quotes += line.count(b'"')
            if not line or size > MAX_ROW_BYTES:
                raise BrubeckError(f"Line {start}: a quote has no end.")
        if size >= MAX_ROW_BYTES:
            raise BrubeckError(f"Line {start}: the row is too long.")
        raw = b"".join(pieces).removeprefix(b"\xef\xbb\xbf" if start == 1 else b"")
        if bare := raw.rstrip(b"\r\n"):
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


def _reader(kind: str | None) -> Reader:
    """Return the function that reads the cells of a field of a JSON type."""
    if kind == "string":
        return _text
    return _guessed if kind is None else _json


def _text(cell: str) -> bytes:
    return msgspec.json.encode(original_text(cell))


def _json(cell: str) -> bytes:
    """Return a cell that has to be JSON as it stands."""
    try:
        return bytes(_raw.decode(cell))
    except ValueError:
        if cell.startswith(_NESTED):
            raise
        return _text(cell)  # the stream says what is wrong with it


def _guessed(cell: str) -> bytes:
    """Return a cell that may be JSON, as it stands, or a text."""
    if not _JSON.match(cell):
        return _text(cell)
    try:
        return bytes(_raw.decode(cell))
    except ValueError:
        return _text(cell)
