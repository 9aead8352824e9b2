"""CSV (RFC 4180): a header row, then a row an item; pure functions of bytes.

Rules:

- UTF-8, lines end with CR LF, a value is quoted where it has to be.
- A text is itself; an empty one is ``""``, so that it is not taken for nothing. A number and a
  boolean are as in JSON, what is nested is JSON, and nothing is nothing.
- A text that a spreadsheet would run as a formula, because it begins with ``=``, ``+``, ``-``,
  ``@`` (also behind white space, and as full-width signs), a tab or a line end, gets an apostrophe
  in front. So does one that has apostrophes before such a sign, and so the text is had again by
  taking one apostrophe away wherever such a sign follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

MEDIA_TYPE: Final = "text/csv"
CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"

_END: Final = "\r\n"
_FORMULA: Final = re.compile(r"[\s']*[=+\-@\uff1d\uff0b\uff0d\uff20]|'*[\t\r\n]")
_TO_QUOTE: Final = '",;\t\r\n'
_NESTED: Final = (0x5B, 0x7B)
_QUOTE: Final = 0x22

_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)
_text: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)


def header_row(columns: Sequence[str]) -> bytes:
    r"""Return the first row.

    >>> header_row(['id', 'place'])
    b'id,place\r\n'
    """
    return (",".join(columns) + _END).encode()


def rows(
    bodies: Iterable[bytes], columns: Sequence[str], times: frozenset[str] = frozenset()
) -> bytes:
    r"""Return a row for each item, given as the JSON of an object.

    ``times`` are columns of milliseconds that are shown as RFC 3339.

    >>> rows([b'{"id":"a","place":"=1+1","tags":["x"],"magnitude":-0.50}'],
    ...      ['id', 'place', 'magnitude', 'network', 'tags'])
    b'a,\'=1+1,-0.50,,"[""x""]"\r\n'
    """
    lines = []
    for body in bodies:
        members: dict[str, Any] = _members.decode(body)
        for name in times & members.keys():
            members[name] = _readable(members[name])
        lines.append(",".join([_cell(members.get(name)) for name in columns]))
    return (_END.join(lines) + _END).encode() if lines else b""


def _readable(raw: Any) -> bytes:
    """Return a number of milliseconds as a text of JSON; anything else as it is."""
    value = bytes(raw)
    moment = int(value) if value.lstrip(b"-").isdigit() else None
    if moment is None or not EARLIEST <= moment <= LATEST:
        return value
    return f'"{millis_to_rfc3339(moment)}"'.encode()


def _cell(raw: msgspec.Raw | None) -> str:
    """Return one value as a cell of its row."""
    value = b"null" if raw is None else bytes(raw)
    kind = value[0]
    if kind == _QUOTE:
        return _quoted(_harmless(_text.decode(value)))
    if value == b"null":
        return ""
    return _quoted(value.decode()) if kind in _NESTED else value.decode()


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _quoted(text: str) -> str:
    # An empty text, or one with white space at an end, too; each sign is looked for in C.
    plain = text and text == text.strip() and not any(sign in text for sign in _TO_QUOTE)
    return text if plain else '"' + text.replace('"', '""') + '"'


def original_text(cell: str) -> str:
    """Return the text of a cell without the apostrophe that keeps a spreadsheet from running it.

    >>> original_text("'=1+1"), original_text("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
