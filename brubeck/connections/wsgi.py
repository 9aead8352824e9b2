"""WSGI: the application as a callable for any server of Python (PEP 3333)."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from math import inf
from time import monotonic
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote

from brubeck import green
from brubeck.http import Headers, Problem, Request, Response, StreamingResponse
from brubeck.http.authority import host_problem
from brubeck.http.proxies import Client
from brubeck.http.request import decode_path

log = logging.getLogger("brubeck.server")

Environ = dict[str, Any]
StartResponse = Callable[..., object]

FEED_SECONDS: Final = 45.0
"""Seconds that a feed or a long poll lasts. Proxies and servers often end one after a minute."""
_DROPPING: Final = ("gunicorn", "waitress")
"""The beginnings of the names of servers that drop header names with an underscore."""
_CHUNK: Final = 65_536
_SPOOL: Final = 1 << 20
_AS_IT_CAME: Final[Any] = {"safe": "/:,~@!$&'()*+;=", "encoding": "latin-1"}


class WSGIConnection:
    """Turns an environ into a request and a response into the chunks that WSGI expects.

    Framing is the server's: the application's ``Connection`` and ``Transfer-Encoding`` are left
    out. WSGI does not report that a reader has left, so an answer waits for something to happen no
    longer than `FEED_SECONDS`; and not at all where its process serves no other request meanwhile.

    ``max_body`` is the largest body in bytes; many servers have no limit of their own. With
    ``trusts_proxies`` the log warns of a server whose header names cannot be told apart.
    """

    def __init__(
        self,
        respond: Callable[[Request], Response],
        *,
        max_body: int | None = None,
        trusts_proxies: bool = False,
    ) -> None:
        self._respond, self._max_body = respond, max_body
        self._warns = trusts_proxies

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if self._warns:
            self._warns = False
            _warn_of_underscores(environ)
        request: Request | None = None
        try:
            request = request_of(environ, max_body=self._max_body)
            request.may_wait = _until(monotonic() + (FEED_SECONDS if _is_shared(environ) else 0.0))
            response = self._respond(request)
        except Problem as problem:
            response = problem.response()
        head_only = environ["REQUEST_METHOD"] == "HEAD"
        start_response(f"{response.status} {response.reason}", _headers(response))
        chunks = _Chunks(response, request)
        if isinstance(response, StreamingResponse) and not head_only:
            return chunks
        chunks.close()
        return [] if head_only or response.bodiless else [response.body]


def _warn_of_underscores(environ: Environ) -> None:
    """Log a warning where the server takes ``X_Forwarded_For`` for ``X-Forwarded-For``.

    In an environ the two have one name, so the server is the last that can drop the first.
    """
    name = str(environ.get("SERVER_SOFTWARE", "")).lower()
    if not name.startswith(_DROPPING) and "mod_wsgi.version" not in environ:
        log.warning(
            "This WSGI server may take a header X_Forwarded_For for X-Forwarded-For, which a "
            "client could send: trusted_proxies needs a proxy that removes names with an "
            "underscore, as nginx and the files in deploy/ do."
        )


def _is_shared(environ: Environ) -> bool:
    """Return whether the process serves others while one answer waits: by (green) threads."""
    return bool(environ.get("wsgi.multithread")) or green.patched()


def _until(moment: float) -> Callable[[], bool]:
    return lambda: monotonic() < moment


class _Chunks:
    """The chunks of a stream; when they are closed, so is all that the request has opened."""

    def __init__(self, response: Response, request: Request | None) -> None:
        self._response, self._request = response, request

    def __iter__(self) -> Iterator[bytes]:
        # A server that sends chunks could take an empty one for the last.
        chunks = self._response.chunks if isinstance(self._response, StreamingResponse) else ()
        return filter(None, chunks)

    def close(self) -> None:
        """Tell the source that nobody reads any more; the server calls it in any case."""
        if isinstance(self._response, StreamingResponse):
            self._response.close()
        if self._request is not None:
            self._request.close()


def request_of(environ: Environ, *, max_body: int | None = None) -> Request:
    """Return the request that an environ describes; a `Problem` for one it cannot be.

    Its path is ``PATH_INFO``. Its prefix is where the program is mounted (``SCRIPT_NAME``), which
    is part of its target, too: that is as the caller sent it.
    """
    if detail := host_problem(environ.get("HTTP_HOST", "")):
        raise Problem(400, detail)
    raw_path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")) or "/"
    try:
        path = (environ.get("PATH_INFO", "") or "/").encode("latin-1").decode()
    except UnicodeError:
        raise Problem(400, "The path is not UTF-8.") from None
    query = environ.get("QUERY_STRING", "")
    target = quote(raw_path, **_AS_IT_CAME)
    request = Request(
        environ["REQUEST_METHOD"],
        f"{target}?{query}" if query else target,
        _request_headers(environ),
        _body(environ, inf if max_body is None else max_body),
        version=environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        client=Client(environ.get("REMOTE_ADDR", ""), environ.get("wsgi.url_scheme", "http")),
        path=decode_path(quote(path, safe="/")),
    )
    request.mounted_at = quote(environ.get("SCRIPT_NAME", "").rstrip("/"), **_AS_IT_CAME)
    request.sink = tempfile.TemporaryFile
    return request


def _request_headers(environ: Environ) -> Headers:
    """Return the header fields; a `Problem` (400) for one that cannot be."""
    try:
        return _checked_headers(environ)
    except ValueError as reason:
        raise Problem(400, f"A header field is invalid: {reason}.") from None


def _checked_headers(environ: Environ) -> Headers:
    headers = Headers()
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[key[5:].replace("_", "-").title()] = value
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").title()] = environ[key]
    return headers


def _body(environ: Environ, most: float) -> bytes | BinaryIO:
    """Return the body, of ``most`` bytes at most: 413 for a longer one, of which no more is read.

    A server that neither names a length nor ends its input passes no body on; 411 where it keeps
    one that came in chunks for itself.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "chunked").lower() not in ("", "chunked", "identity"):
        raise Problem(501, "The only transfer coding that is understood here is chunked.")
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and (len(length) > 19 or int(length) > most):
        raise _too_large(most)
    source = environ["wsgi.input"]
    if length.isdecimal() and int(length) <= _SPOOL:
        return b"".join(_pieces(source, int(length)))
    if not length and not _terminated(environ):
        return b""
    if not length and _withheld(environ):
        raise Problem(411, "This server takes no body without a Content-Length.")
    spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115, the request's
    try:
        pieces = _pieces(source, int(length) if length.isdecimal() else None)
        for data in _bounded(pieces, most):
            spool.write(data)  # not writelines, which looks only afterwards whether it is much
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return spool


def _bounded(pieces: Iterable[bytes], most: float) -> Iterator[bytes]:
    """Yield the pieces of a body; a `Problem` for one that is too large."""
    size = 0
    for data in pieces:
        size += len(data)
        if size > most:
            raise _too_large(most)
        yield data


def _too_large(most: float) -> Problem:
    return Problem(413, f"A body has at most {most:.0f} bytes.")


def _pieces(source: Any, size: int | None) -> Iterator[bytes]:
    """Yield a body of a size, or all there is; a `Problem` for one that breaks off."""
    left = _CHUNK if size is None else size
    while left and (data := source.read(min(_CHUNK, left))):
        left -= len(data) if size is not None else 0
        yield data
    if left and size is not None:
        raise Problem(400, f"The body ended {left} bytes before its Content-Length.")


def _terminated(environ: Environ) -> bool:
    """Return whether ``wsgi.input`` ends with the body: the server says so, or it is chunked."""
    return bool(environ.get("wsgi.input_terminated")) or (
        environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    )


def _withheld(environ: Environ) -> bool:
    """Return whether a chunked body is not in ``wsgi.input``, which uWSGI shows as an empty one."""
    return "uwsgi.version" in environ and not environ.get("wsgi.input_terminated")


def _headers(response: Response) -> list[tuple[str, str]]:
    """Return the headers, with the length of a body that is known."""
    hop = ("connection", "transfer-encoding", "content-length")
    headers = [(name, value) for name, value in response.headers.pairs() if name.lower() not in hop]
    if isinstance(response, StreamingResponse):
        length = response.headers.get("content-length")
        if length is not None:
            headers.append(("Content-Length", length))
    elif not response.bodiless:
        headers.append(("Content-Length", str(len(response.body))))
    return headers
