"""Query strings and forms: names and values out of bytes, within limits.

Rules:

- Everything is UTF-8; what is not is a 400, never a guess.
- A value that is present but empty is kept: ``a=`` says something else than nothing.
- A multipart body is parsed by the `multipart` library (RFC 7578), and must be whole; its files go,
  one behind the other, to the place that the caller opens, so that this layer opens nothing. The
  library's strict mode is not used: it refuses a good form whose last line end comes in a piece of
  its own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import unquote_to_bytes

import msgspec

from brubeck import green
from brubeck.http.problems import Problem
from brubeck.http.uploads import UploadedFile, bare_name, piece

if TYPE_CHECKING:
    from multipart import MultipartSegment

log = logging.getLogger("brubeck.server")

MAX_FIELDS: Final = 1000
_SLICE: Final = 16_384
_PLAIN: Final = 1024
"""The bytes up to which parameters without an escape are read at once."""
_PADDING: Final = 1000
_EXTENDED_NAME: Final = re.compile(
    r";\s*filename\*\s*=\s*([^'\s;]*)'[^'\s;]*'([^;\s]*)", re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A quoted string, terminated or not: so each character is read once."""
_HEADER_SIZE: Final = 4096
"""How many bytes a header of a part may have."""
_CHARSETS: Final = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}
Pairs = list[tuple[str, str]]


class FormLimits(msgspec.Struct, frozen=True):
    """The limits of one multipart or urlencoded form; sizes in bytes.

    ``fields_size`` is for all fields together, since they are held in memory, and
    ``urlencoded_size`` for a whole urlencoded form, whose every byte has to be looked at.
    """

    parts: int = MAX_FIELDS
    field_size: int = 1 << 20
    fields_size: int = 16 << 20
    file_size: int = 1 << 30
    urlencoded_size: int = 5 << 19


class Form(msgspec.Struct):
    """The fields and the files of a form, in the order in which they came."""

    fields: Pairs = []
    files: list[UploadedFile] = []


def parse_urlencoded(text: str | bytes, *, max_fields: int = MAX_FIELDS) -> Pairs:
    """Return the pairs of a query string or an urlencoded form; a `Problem` for a bad one.

    >>> parse_urlencoded('a=1&b=&c&a=x+%C3%A9')
    [('a', '1'), ('b', ''), ('c', ''), ('a', 'x é')]
    """
    raw = text.encode() if isinstance(text, str) else text
    if not raw:
        return []
    if raw.count(b"&") >= max_fields:
        raise Problem(400, f"More than {max_fields} parameters.")
    if len(raw) <= _PLAIN and raw.isascii() and b"%" not in raw and b"+" not in raw:
        return [_parted(pair) for pair in raw.decode("ascii").split("&") if pair]
    pairs = []
    for pair in green.fairly(raw.split(b"&")):
        if pair:
            name, _, value = pair.partition(b"=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _parted(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value


def _decode(raw: bytes) -> str:
    raw = raw.replace(b"+", b" ")
    try:
        if len(raw) > _SLICE:
            # Decoded as a whole, every percent sign would cost a hundred bytes, all at once.
            return b"".join(map(unquote_to_bytes, green.fairly(_slices(raw)))).decode()
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Problem(400, "A parameter is not UTF-8.") from None


def _slices(raw: bytes) -> Iterator[bytes]:
    """Yield pieces of percent-encoded bytes, none of which begins within an escape."""
    start = 0
    while start < len(raw):
        end = start + _SLICE
        sign = raw.rfind(b"%", end - 2, end)
        if sign > start:
            end = sign
        yield raw[start:end]
        start = end


def parse_multipart(
    body: Iterable[bytes],
    content_type: str,
    *,
    limits: FormLimits | None = None,
    sink: Callable[[], BinaryIO] = BytesIO,
) -> Form:
    """Read a ``multipart/form-data`` body to its end and return its fields and files.

    ``sink`` opens the place for the content of all files; it is called once, if there are any, and
    the caller closes it. Raises `Problem`: 400 for a body that is not what its type
    says, 413 for one past the limits, 507 where the place has no more room.
    """
    from multipart import MultipartError, ParserLimitReached, PushMultipartParser

    limits = limits or FormLimits()
    boundary = _boundary(content_type)
    try:
        with PushMultipartParser(
            boundary,
            max_header_size=_HEADER_SIZE,
            max_segment_count=limits.parts,
            max_segment_size=max(limits.field_size, limits.file_size),
        ) as parser:
            reader = _FormReader(limits, sink)
            for chunk in green.fairly(_unpadded(body, boundary)):
                for event in parser.parse(chunk):
                    reader.feed(event)
    except ParserLimitReached as reason:
        raise Problem(413, f"The form is too large: {reason}.") from reason
    except (MultipartError, UnicodeDecodeError) as reason:
        raise Problem(400, f"The form cannot be read: {reason}.") from reason
    return reader.form()


def _unpadded(chunks: Iterable[bytes], boundary: str) -> Iterator[bytes]:
    """Yield the same form without white space behind its boundaries, which the parser refuses.

    A message may have got it on its way (RFC 2046, section 5.1.1). Nothing that is yielded is
    empty: to the parser that would be the end.
    """
    delimiter = b"\r\n--" + boundary.encode()
    padded = re.compile(re.escape(delimiter) + rb"(?:--)?[ \t]+(?=\r)")
    longest = len(delimiter) + _PADDING
    held = b"\r\n"  # so that the first boundary looks like the others
    for chunk in chunks:
        data = padded.sub(lambda found: found[0].rstrip(), held + chunk)
        # What may be a boundary whose padding has not ended yet is held back.
        cut = data.rfind(b"\r", max(0, len(data) - longest))
        held = b"" if cut < 0 else data[cut:]
        if cut:
            yield data if cut < 0 else data[:cut]
    if held:
        yield held


def _boundary(content_type: str) -> str:
    from multipart import parse_options_header

    media_type, options = parse_options_header(content_type)
    if media_type != "multipart/form-data":
        raise Problem(415, "A form is multipart/form-data.")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise Problem(400, "The form's content type names no boundary.")
    return boundary


def file_name(part: MultipartSegment) -> str | None:
    """Return the name of the file that a part is, empty where it has none; None for a field.

    ``filename*`` (RFC 8187) wins over ``filename``. Forms should not have it (RFC 7578, section
    4.2), but some clients send it; a `Problem` for one that cannot be decoded.
    """
    disposition: str = part.header("Content-Disposition", "")
    given = _EXTENDED_NAME.search(_QUOTED.sub('""', disposition))
    if given is None:
        name: str | None = part.filename
        return name
    try:
        return unquote_to_bytes(given[2]).decode(_CHARSETS[given[1].lower()])
    except (UnicodeDecodeError, KeyError):
        raise Problem(400, "The name of a file in the form does not match its charset.") from None


class _FormReader:
    """Turns the parser's events (a part's head, its chunks, its end) into fields and files."""

    def __init__(self, limits: FormLimits, sink: Callable[[], BinaryIO]) -> None:
        self._limits, self._sink = limits, sink
        self._fields: Pairs = []
        self._files: list[tuple[MultipartSegment, str, int, int]] = []
        self._fields_size = 0
        self._place: BinaryIO | None = None
        self._written = 0

    def feed(self, event: object) -> None:
        from multipart import MultipartSegment

        if isinstance(event, MultipartSegment):
            self._part, self._size = event, 0
            self._file_name = file_name(event)
            self._text = bytearray()
        elif event is None:
            self._end()
        elif isinstance(event, bytes | bytearray | memoryview):
            self._size += len(event)
            if self._file_name is None:
                self._add_to_field(event)
            else:
                self._add_to_file(event)

    def _add_to_field(self, data: bytes | bytearray | memoryview) -> None:
        self._fields_size += len(data)
        if self._size > self._limits.field_size:
            raise Problem(413, f'"{self._part.name}" is too large.')
        if self._fields_size > self._limits.fields_size:
            raise Problem(413, "The fields of the form are too large together.")
        self._text += data

    def _add_to_file(self, data: bytes | bytearray | memoryview) -> None:
        if self._size > self._limits.file_size:
            raise Problem(413, f'"{self._part.name}" is too large.')
        try:
            if self._place is None:
                self._place = self._sink()
            self._place.write(data)
        except OSError as reason:
            log.exception("The files of a form cannot be stored.")
            raise Problem(507, "There is not enough storage space for the form.") from reason

    def _end(self) -> None:
        if self._file_name is None:
            self._fields.append((self._part.name or "", self._text.decode()))
        elif self._file_name or self._size:  # a browser sends an input without a file like that
            self._files.append((self._part, self._file_name, self._written, self._size))
            self._written += self._size

    def form(self) -> Form:
        """Return the form, once it has been read to its end."""
        place = self._place or BytesIO()
        files = [
            UploadedFile(
                part.name or "",
                bare_name(name),
                part.content_type or "application/octet-stream",
                piece(place, start, size),
                size,
            )
            for part, name, start, size in self._files
        ]
        return Form(self._fields, files)
