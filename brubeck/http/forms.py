"""Query strings and forms: names and values out of bytes, within limits.

Rules:

- Everything is UTF-8; what is not is a 400, never a guess.
- A value that is present but empty is kept: ``a=`` says something else than nothing.
- A multipart body is parsed by the `multipart` library (RFC 7578), and must be whole; its files go
  where the caller says, so that this layer opens nothing. The library's strict mode is not used: it
  refuses a good form whose last line end comes in a piece of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

import msgspec

from brubeck.http.problems import Problem

MAX_FIELDS: Final = 1000
Pairs = list[tuple[str, str]]


class FormLimits(msgspec.Struct, frozen=True):
    """What one multipart form may hold; sizes in bytes."""

    parts: int = MAX_FIELDS
    field_size: int = 1 << 20
    file_size: int = 1 << 30


class UploadedFile(msgspec.Struct, frozen=True):
    """One file of a form: ``file`` is open for reading and stands at its beginning."""

    name: str
    filename: str
    content_type: str
    file: BinaryIO
    size: int


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
    pairs = []
    for piece in raw.split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            pairs.append((_decode(name), _decode(value)))
    return pairs


def _decode(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Problem(400, "A parameter is not UTF-8.") from None


def parse_multipart(
    body: Iterable[bytes],
    content_type: str,
    *,
    limits: FormLimits | None = None,
    sink: Callable[[], BinaryIO] = BytesIO,
) -> Form:
    """Read a ``multipart/form-data`` body to its end and return its fields and files.

    ``sink`` opens the place for one file's content. Raises `Problem`: 400 for a body that is not
    what its type says, 413 for one past the limits.
    """
    from multipart import MultipartError, ParserLimitReached, PushMultipartParser

    limits = limits or FormLimits()
    boundary = _boundary(content_type)
    form = Form()
    try:
        with PushMultipartParser(
            boundary,
            max_segment_count=limits.parts,
            max_segment_size=max(limits.field_size, limits.file_size),
        ) as parser:
            reader = _FormReader(form, limits, sink)
            for chunk in _nonempty(body):
                for event in parser.parse(chunk):
                    reader.feed(event)
    except ParserLimitReached as reason:
        raise Problem(413, f"The form is too large: {reason}.") from reason
    except (MultipartError, UnicodeDecodeError) as reason:
        raise Problem(400, f"The form cannot be read: {reason}.") from reason
    return form


def _nonempty(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # To the parser an empty chunk means the end.
    return (chunk for chunk in chunks if chunk)


def _boundary(content_type: str) -> str:
    from multipart import parse_options_header

    media_type, options = parse_options_header(content_type)
    if media_type != "multipart/form-data":
        raise Problem(415, "A form is multipart/form-data.")
    boundary: str = options.get("boundary", "")
    if not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise Problem(400, "The form's content type names no boundary.")
    return boundary


class _FormReader:
    """Turns the parser's events (a part's head, its chunks, its end) into fields and files."""

    def __init__(self, form: Form, limits: FormLimits, sink: Callable[[], BinaryIO]) -> None:
        self._form, self._limits, self._sink = form, limits, sink

    def feed(self, event: object) -> None:
        from multipart import MultipartSegment

        if isinstance(event, MultipartSegment):
            if event.name is None:
                raise Problem(400, "A part of the form has no name.")
            self._part = event
            self._target: BinaryIO = BytesIO() if event.filename is None else self._sink()
            self._size = 0
        elif event is None:
            self._end()
        elif isinstance(event, bytes | bytearray | memoryview):
            self._size += len(event)
            limit = self._limits
            if self._size > (limit.field_size if self._part.filename is None else limit.file_size):
                raise Problem(413, f'"{self._part.name}" is too large.')
            self._target.write(event)

    def _end(self) -> None:
        part, target = self._part, self._target
        target.seek(0)
        name = part.name or ""
        if part.filename is None:
            self._form.fields.append((name, target.read().decode()))
        else:
            content_type = part.content_type or "application/octet-stream"
            self._form.files.append(
                UploadedFile(name, part.filename, content_type, target, self._size)
            )
