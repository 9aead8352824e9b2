"""Requests out of Mongrel2's messages, with the large bodies that it stored in files.

Rules:

- A body above Mongrel2's ``limits.content_length``, and any chunked one, comes as two messages that
  name a file: a *start*, to be ignored, and a *done*. Anybody can send those headers too; so they
  count only where Mongrel2 cannot have sent the body inline, and the file is looked for in one
  directory alone, whatever path is named.
- The file is unlinked as soon as it is open: no crash leaves it behind.
- A request that Mongrel2 lets pass although the end of its body is unknown (RFC 9112, section 6.3)
  is a 400, and the connection has to be closed: Mongrel2 may take the body for the next request.
- Mongrel2 overwrites ``X-Forwarded-For`` with the address of its peer unless ``no_clobber_xff`` is
  set. One that says only that is dropped: the client did not send it.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile, gettempdir
from typing import BinaryIO, Final

import msgspec

from brubeck.connections.mongrel2.messages import Message, Pairs
from brubeck.http.authority import host_problem
from brubeck.http.framing import keeps_alive
from brubeck.http.problems import Problem
from brubeck.http.proxies import Client
from brubeck.http.request import Request

log = logging.getLogger("brubeck.server")

_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
_NUMBER: Final = re.compile(rb"\s*\+?([0-9]{1,30})")
_LARGEST_INT: Final = 2**31 - 1  # Mongrel2 takes a longer Content-Length for none at all
_UPLOAD_START: Final = b"x-mongrel2-upload-start"
_UPLOAD_DONE: Final = b"x-mongrel2-upload-done"
_NOT_SENT: Final = frozenset({_UPLOAD_START, _UPLOAD_DONE})
_METHODS: Final = {"WEBSOCKET_HANDSHAKE": "GET"}
_NOT_HTTP: Final = frozenset({"JSON", "XML", "WEBSOCKET"})


class Peer(msgspec.Struct, frozen=True):
    """A connection that Mongrel2 holds: the handler's name there, and the connection's id."""

    sender: bytes
    conn_id: bytes


class Uploads:
    """Where Mongrel2 stores large bodies: the directory of its ``upload.temp_store``.

    The directory is given as this process sees it; Mongrel2 may name another path, from within its
    chroot, so only the last part of it counts. ``max_body`` is the largest body in bytes.
    """

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, max_body: int | None = None
    ) -> None:
        self.directory = Path(gettempdir() if directory is None else directory)
        self._max_body = max_body

    def check_size(self, size: int) -> None:
        """Raise a `Problem` with status 413 for a body that is too large."""
        if self._max_body is not None and size > self._max_body:
            raise Problem(413, f"A body has at most {self._max_body} bytes.")

    def check_announced(self, message: Message) -> None:
        """Raise a `Problem` with status 413 for a body to come that says it is too large."""
        lengths = message.get_all(b"content-length")
        self.check_size(_read_length(lengths[0]) if lengths else 0)

    def size(self, message: Message) -> int:
        """Return the size of a message's stored body; 0 where it has none."""
        named = _stored_name(message) if _is_stored(message) else None
        try:
            path = None if named is None else self._path(named)
            return 0 if path is None else path.lstat().st_size
        except OSError:  # it will not be found either when it is to be read
            return 0

    def _path(self, named: str) -> Path:
        name = PurePosixPath(named).name
        if name in ("", ".", ".."):
            raise FileNotFoundError(f"{named!r} names no file")
        return self.directory / name

    def open(self, named: str) -> BinaryIO:
        """Return a stored body, already unlinked, standing at its beginning; `OSError` if none."""
        path = self._path(named)
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        file = os.fdopen(descriptor, "r+b")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.close()
            raise FileNotFoundError(f"{path} is not a file")
        path.unlink()
        return file

    def discard(self, message: Message) -> None:
        """Remove the stored body of a message that nobody will answer, if it has one."""
        named = _stored_name(message) if _is_stored(message) else None
        if named is not None:
            with suppress(OSError):  # it is gone already, or not ours
                self.open(named).close()


def is_http(message: Message) -> bool:
    """Return whether a message is a request that HTTP can answer."""
    return message.words["METHOD"] not in _NOT_HTTP


def is_upload_start(message: Message) -> bool:
    """Return whether a message only announces a body that Mongrel2 still receives."""
    return _is_stored(message) and _stored_name(message) is None


def wants_keep_alive(message: Message) -> bool:
    """Return whether the client wants its connection kept."""
    options = b",".join(message.get_all(b"connection")).decode("latin-1")
    handshake = message.words["METHOD"] in _METHODS
    return keeps_alive(version_of(message), options) and not handshake


def method_of(message: Message) -> str:
    """Return the method; the handshake of a WebSocket is the GET that it also is."""
    method = message.words["METHOD"]
    return _METHODS.get(method, method)


def version_of(message: Message) -> str:
    """Return the version of HTTP that the client speaks, such as ``1.1``."""
    return message.words.get("VERSION", "").removeprefix("HTTP/")


def make_request(message: Message, body: bytes | BinaryIO) -> Request:
    """Return the request that a message brings, with the body that `read_body` found.

    Raises `Problem` for one that does not name a valid host once (RFC 9112, section 3.2).
    """
    words = message.words
    hosts = message.get_all(b"host")
    if len(hosts) != 1 and (hosts or version_of(message) == "1.1"):
        raise Problem(400, "A request must have exactly one Host header.")
    if hosts and (detail := host_problem(hosts[0].strip(b" \t").decode("latin-1"))):
        raise Problem(400, detail)
    client = Client(words.get("REMOTE_ADDR", ""), words.get("URL_SCHEME", "http"))
    request = Request(
        method_of(message),
        words.get("URI") or words["PATH"],
        _client_headers(message, client.address),
        body,
        version=version_of(message),
        client=client,
        connection=Peer(message.sender, message.conn_id),
    )
    request.sink = TemporaryFile
    return request


def read_body(message: Message, uploads: Uploads) -> bytes | BinaryIO:
    """Return a request's body, or the file in which Mongrel2 stored it; the caller closes the file.

    Raises `Problem` for a body without a known end, or one that cannot be found.
    """
    if "UPLOAD_STREAM" in message.words:
        raise Problem(501, "Mongrel2's upload.stream is not supported; set upload.temp_store.")
    if _is_stored(message):
        return _stored_body(message, uploads)
    length = _content_length(message)
    if codings := b",".join(message.get_all(b"transfer-encoding")):
        # As over the embedded server: a body in chunks could at least be told from what follows it.
        in_chunks = re.search(rb",\s*chunked\s*$", codings, re.IGNORECASE)
        detail = "The only transfer coding that is understood here is chunked."
        raise Problem(501 if in_chunks else 400, detail)
    if message.words["METHOD"] in _METHODS:
        return b""  # Mongrel2 puts the answer to a handshake here
    if length != len(message.body):
        raise Problem(400, "The body is not as long as its Content-Length.")
    uploads.check_size(length)
    return message.body


def _client_headers(message: Message, address: str) -> Pairs:
    """Return the headers that the client itself sent, without the space around their values."""
    added = (b"x-forwarded-for", address.encode("latin-1"))
    return [
        (name, value.strip(b" \t"))
        for name, value in message.headers
        if name not in _NOT_SENT and (name, value) != added
    ]


def _content_length(message: Message) -> int:
    """Return the declared length of a body, 0 without one; a `Problem` (400) for an invalid one."""
    lengths = message.get_all(b"content-length")
    if not lengths:
        return 0
    if len(lengths) > 1 or message.get_all(b"transfer-encoding"):
        raise Problem(400, "The request gives the length of its body in more than one way.")
    length = _plain_length(lengths[0])
    if length is None:
        raise Problem(400, "The Content-Length is invalid.")
    return length


def _plain_length(value: bytes) -> int | None:
    """Return a length that everybody reads in the same way, and Mongrel2 at all."""
    length = int(value) if _LENGTH.fullmatch(value) else None
    return None if length is None or length > _LARGEST_INT else length


def _read_length(value: bytes) -> int:
    """Return a length as Mongrel2 reads it: the number with which it begins, or 0."""
    found = _NUMBER.match(value)
    return int(found[1]) if found else 0


def _is_stored(message: Message) -> bool:
    """Return whether Mongrel2 stores this body, by all causes and signs of that."""
    if message.body or not message.get_all(_UPLOAD_START):
        return False
    lengths = message.get_all(b"content-length")
    if lengths:
        return 0 < _read_length(lengths[0]) <= _LARGEST_INT
    return message.get_all(b"transfer-encoding")[:1] == [b"chunked"]


def _stored_name(message: Message) -> str | None:
    """Return the path of the stored body, once Mongrel2 has all of it."""
    start, done = message.get_all(_UPLOAD_START), message.get_all(_UPLOAD_DONE)
    return done[0].decode("latin-1") if len(done) == 1 and start == done else None


def _stored_body(message: Message, uploads: Uploads) -> BinaryIO:
    try:
        file = uploads.open(_stored_name(message) or "")
    except OSError as reason:
        log.exception("A body that Mongrel2 stored cannot be opened; is upload_dir right?")
        raise Problem(503, "The body was stored where the server cannot find it.") from reason
    try:
        _check_stored(message, os.fstat(file.fileno()).st_size, uploads)
    except Problem:
        file.close()
        raise
    return file


def _check_stored(message: Message, size: int, uploads: Uploads) -> None:
    expected = _content_length(message)
    if expected and expected != size:
        # With a request right behind the body, Mongrel2 writes its beginning into the file too.
        raise Problem(400, "The stored body is not as long as its Content-Length.")
    uploads.check_size(size)
