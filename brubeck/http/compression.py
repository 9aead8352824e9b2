"""Compression of whole bodies: gzip where the caller takes it and it pays (RFC 9110, 8.4.1.3).

A compressed body is another representation, so its entity tag gets a suffix; conditions are
compared without it. The same bytes always compress to the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from brubeck import green
from brubeck.http.headers import Headers
from brubeck.http.media import accepts_gzip, media_type
from brubeck.http.request import Request
from brubeck.http.response import Response, StreamingResponse, Twin

LEAST: Final = 1000
ETAG_SUFFIX: Final = "-gzip"
_LEVEL: Final = 5
_QUICK: Final = 1
"""The level of a stream, which is compressed once, for one reader."""
_SLICE: Final = 1 << 16
_GZIP: Final = 16 + zlib.MAX_WBITS
_TEXTUAL: Final = ("+json", "+xml", "/json", "/xml", "/javascript", "/x-ndjson")


def compressed(response: Response, request: Request) -> Response:
    """Return a response compressed, if it is long and textual enough and the caller takes it.

    The response that was given stays as it is: a handler may give the same one to everybody.

    Says in ``Vary`` that it depends on ``Accept-Encoding`` whenever it could have been compressed.
    """
    twin, zips = response.twin, accepts_gzip(request.header("accept-encoding"))
    if twin is None or twin.source is not response.body:
        return _formed(response, None, zips)
    if twin.headers is not response.headers:
        return _formed(response, twin, zips)
    form = twin.forms.get(zips)
    if form is None:
        formed = _formed(response, twin, zips)
        form = twin.forms[zips] = formed.body, formed.headers
    return response.changed(*form)


def _formed(response: Response, twin: Twin | None, zips: bool) -> Response:
    headers = response.headers
    if len(response.body) <= LEAST or not _textual(headers.get("content-type", "")):
        return response
    if "content-encoding" in headers:
        return response
    vary = headers.get("vary")
    headers = headers.having("Vary", f"{vary}, Accept-Encoding" if vary else "Accept-Encoding")
    body = response.body
    if zips:
        body = _zipped(body) if twin is None else _zipped_once(twin)
        _mark(headers)
    return response.changed(body, headers)


def compressed_stream(response: StreamingResponse, request: Request) -> StreamingResponse:
    """Return a stream compressed where the caller takes it, chunk by chunk.

    A stream that breaks off does so before the end of its gzip, too.
    """
    headers = response.headers
    vary = headers.get("vary")
    headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if accepts_gzip(request.header("accept-encoding")):
        _mark(headers)
        response.chunks = _zipped_chunks(response.chunks)
    return response


def _zipped_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    coder = zlib.compressobj(_QUICK, wbits=_GZIP)
    try:
        for chunk in chunks:
            starts = green.fairly(range(0, len(chunk), _SLICE))
            if made := b"".join([coder.compress(chunk[at : at + _SLICE]) for at in starts]):
                yield made
        yield coder.flush()
    finally:
        if close := getattr(chunks, "close", None):
            close()


def _zipped_once(twin: Twin) -> bytes:
    if twin.body is None:
        twin.body = _zipped(twin.source)
    return twin.body


def _zipped(body: bytes) -> bytes:
    """Return a body in gzip; a long one a slice at a time, so that others are served meanwhile."""
    coder = zlib.compressobj(_LEVEL, wbits=_GZIP)
    starts = green.fairly(range(0, len(body), _SLICE))
    pieces = [coder.compress(body[start : start + _SLICE]) for start in starts]
    return b"".join([*pieces, coder.flush()])


def _mark(headers: Headers) -> None:
    """Say that the body is compressed, and that so it is another representation."""
    headers["Content-Encoding"] = "gzip"
    etag = headers.get("etag")
    if etag is not None and etag.endswith('"'):
        headers["ETag"] = f'{etag[:-1]}{ETAG_SUFFIX}"'


@lru_cache(maxsize=256)
def _textual(content_type: str) -> bool:
    kind = media_type(content_type)
    return kind.startswith("text/") or kind.endswith(_TEXTUAL)
