"""A response: a status, headers and either whole bytes or a stream of them.

A connection adds what belongs to the wire alone (``Content-Length`` or chunks, ``Date``,
``Server``, ``Connection``), so that the same response says the same over every one of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Self, cast

from brubeck.http.headers import Headers
from brubeck.http.subscription import Subscription

REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {
    # As RFC 9110 calls them; the standard library does so only since Python 3.13.
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


class Twin:
    """The forms of an answer that is sent to many: compressed, and as it is.

    Each is made for the first that it is sent to, and is the same for all the others.
    """

    __slots__ = ("body", "forms", "headers", "source")

    def __init__(self, source: bytes, headers: Headers) -> None:
        self.source = source
        """The body of the answer; one with another body has no use for its twin."""
        self.headers = headers
        """The headers of the answer; one with other headers has no use for the forms."""
        self.body: bytes | None = None
        """The compressed body."""
        self.forms: dict[bool, tuple[bytes, Headers]] = {}
        """The body and the headers as they are sent, compressed under True."""


class Response:
    """A whole answer, ready to be sent.

    ``body`` is sent as it is; ``headers`` may still be changed until the connection takes over.
    ``twin`` is where its compressed form is kept, for one that is sent more than once.

    A response that no connection could send is refused here, while its author can still be
    notified.
    """

    __slots__ = ("body", "headers", "reason", "status", "twin")

    def __init__(
        self,
        body: bytes | str = b"",
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            raise TypeError(f"a body is bytes or text, not {type(body).__name__}")
        if not isinstance(status, int):
            raise TypeError(f"a status is a whole number, not {status!r}")
        if not 200 <= status <= 599:
            raise ValueError(f"the status of an answer is 200 to 599, not {status}")
        self.body = body
        self.status = status
        self.headers = headers if isinstance(headers, Headers) else Headers(headers or {})
        if reason is None:
            reason = REASONS.get(status, "Unknown")
        elif not (reason.isascii() and reason.isprintable()):
            raise ValueError("a reason phrase holds printable ASCII alone")
        self.reason = reason
        self.twin: Twin | None = None

    def changed(self, body: bytes, headers: Headers) -> Response:
        """Return the same answer with another body and other headers, both known to be good."""
        made = Response.__new__(Response)
        made.body, made.headers, made.twin = body, headers, None
        made.status, made.reason = self.status, self.reason
        return made

    def copy(self) -> Self:
        """Return the same answer with headers of its own."""
        copied = copy.copy(self)
        copied.headers = self.headers.copy()
        return copied

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}, {len(self.body)} bytes>"

    @property
    def bodiless(self) -> bool:
        """Whether the status itself forbids a body (RFC 9110, sections 15.3.5 and 15.4.5)."""
        return self.status in (204, 304)


class StreamingResponse(Response):
    """An answer with a body that is made while it is sent.

    ``chunks`` yields non-empty bytes and is closed, if it can be, as soon as the client is gone or
    the answer is complete. An exception in it cuts the connection, so that a part can never look
    like the whole. ``endless`` marks a feed that never ends by itself: a server that shuts down
    ends it at once, because its reader resumes by its own place.

    What the chunks read of the caller is read after the headers are sent. So an answer whose chunks
    are made only then is ``private, no-store``, unless its ``Cache-Control`` says otherwise.
    """

    __slots__ = ("chunks", "endless", "on_close")

    def __init__(
        self,
        chunks: Iterable[bytes],
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        endless: bool = False,
    ) -> None:
        given: object = chunks
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise TypeError(f"a stream is an iterable of bytes, not {type(chunks).__name__}")
        super().__init__(b"", status, headers=headers)
        if not isinstance(chunks, list | tuple) and "cache-control" not in self.headers:
            self.headers = self.headers.having("Cache-Control", "private, no-store")
        self.chunks = chunks
        self.endless = endless
        self.on_close: Callable[[], None] | None = None
        """Called once, when the answer is over."""

    def __repr__(self) -> str:
        return f"<StreamingResponse {self.status}>"

    @property
    def parts(self) -> Iterable[bytes | Subscription]:
        """The chunks, and the subscriptions of a `FeedResponse`, in order."""
        return self.chunks

    def close(self) -> None:
        """Tell the source that nobody reads any more; may be called twice."""
        over, self.on_close = self.on_close, None
        if over is not None:
            over()
        close: Callable[[], None] | None = getattr(self.chunks, "close", None)
        if close is not None:
            close()

    def abandon(self) -> None:
        """Close the source from another thread than the one that may be waiting in it.

        A generator that runs cannot be closed; its reader learns of it at the next chunk.
        """
        with suppress(ValueError):
            self.close()


class FeedResponse(StreamingResponse):
    """A feed in two phases: its source yields bytes, and where it has caught up a `Subscription`.

    The connection joins a subscription, receives the data that all its readers share, and asks the
    source for more only when it is released. A source yields one only for a request that
    `may_subscribe`; everybody else reads the bytes alone.
    """

    __slots__ = ()

    def __init__(
        self, parts: Iterable[bytes | Subscription], *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(cast("Iterable[bytes]", parts), headers=headers, endless=True)


def response_head(response: Response, extra: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the status line and headers of an answer as they stand on the wire.

    ``extra`` are the headers that the connection itself adds, such as ``Content-Length``.
    """
    added = "".join([f"{name}: {value}\r\n" for name, value in extra])
    status = f"HTTP/1.1 {response.status} {response.reason}\r\n"
    return f"{status}{response.headers.text()}{added}\r\n".encode("latin-1")
