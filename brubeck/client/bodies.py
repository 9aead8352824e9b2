"""Bodies of answers, decompressed in pieces of a bounded size.

httpx decompresses each piece that it receives at once, in all codings that the answer names. Two
kilobytes of a hostile server become a gigabyte so, before their size can be looked at.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

from brubeck.client.errors import Problem

if TYPE_CHECKING:
    import httpx

CODING: Final = "gzip"
"""The only coding that is accepted."""
_PIECE: Final = 1 << 20
_BEHIND: Final = "there are bytes behind the end of the compressed body"
_GZIP: Final = 31  # zlib: a window of 32 KiB, in the format of gzip


class _Decoder:
    """Decompresses a body piece by piece."""

    def __init__(self, response: httpx.Response) -> None:
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", CODING):
            detail = f"The answer is encoded as {coding[:80]}; only {CODING} is accepted."
            raise Problem(response.status_code, detail=detail)
        # The content of a response that a transport of the user made is decoded already.
        is_plain = response.is_stream_consumed or coding != CODING
        self._gzip = None if is_plain else zlib.decompressobj(_GZIP)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes, in at least one piece, which may be empty."""
        if self._gzip is None:
            yield data
            return
        import httpx

        if self._gzip.eof and data:
            raise httpx.DecodingError(_BEHIND)
        try:
            yield self._gzip.decompress(data, _PIECE)
            while self._gzip.unconsumed_tail:
                yield self._gzip.decompress(self._gzip.unconsumed_tail, _PIECE)
        except zlib.error as reason:
            raise httpx.DecodingError(str(reason)) from reason
        if self._gzip.unused_data:
            raise httpx.DecodingError(_BEHIND)

    def end(self) -> bytes:
        """Return the last bytes of the body."""
        return b"" if self._gzip is None else self._gzip.flush()


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body of a response piece by piece; an empty one for bytes without output.

    Raises `Problem` for a coding that was not asked for.
    """
    decoder = _Decoder(response)
    for data in response.iter_bytes() if response.is_stream_consumed else response.iter_raw():
        yield from decoder.decode(data)
    yield decoder.end()


async def async_pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the pieces of a response of an asynchronous client."""
    decoder = _Decoder(response)
    came = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    async for data in came:
        for piece in decoder.decode(data):
            yield piece
    yield decoder.end()
