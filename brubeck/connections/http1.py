"""HTTP/1.1 from the server's side: bytes in, requests out; no socket in sight.

`llhttp` (through httptools) reads the bytes, strictly: a message whose end two readers could see in
two places (RFC 9112, section 6.3) is refused. This module holds it to our limits and turns what it
reads into requests.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final, NamedTuple, cast

import httptools
import msgspec

from brubeck.http import Problem, Request
from brubeck.http.authority import host_problem
from brubeck.http.headers import Headers, list_values
from brubeck.http.proxies import Client

_TELLING: Final = frozenset((b"content-length", b"expect"))
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_MAX_FIELDS: Final = 200
_KEPT_FIELDS: Final = 4096  # bytes of header fields that a connection keeps for its next request
_PLAIN_LINE: Final = re.compile(rb"(GET|HEAD) (/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*) HTTP/1\.1\r\n")
"""A request line that has no other reading; all others are for llhttp."""
_KNOWN_VERSIONS: Final = {"1.0": b"1.0", "1.1": b"1.1"}
_VERSIONS: Final = "The versions of HTTP that are spoken here are 1.0 and 1.1."
_CHUNK_ALLOWANCE: Final = 16
"""How many bytes the framing of one chunk may take beside its extensions."""

log = logging.getLogger("brubeck.server")


class Limits(msgspec.Struct, frozen=True):
    """The limits of one request, in bytes; a body past ``spool`` goes to a file."""

    max_head: int = 65_536
    max_body: int = 64 << 20
    spool: int = 1 << 20


class Held(NamedTuple):
    """The bytes that are held for a client, in memory and in files."""

    in_memory: int = 0
    in_files: int = 0

    def plus(self, other: Held, unsent: int) -> Held:
        """Return the sum of both, and of the bytes of an answer."""
        return Held(self.in_memory + other.in_memory + unsent, self.in_files + other.in_files)


NOTHING: Final = Held()


class Incoming(msgspec.Struct):
    """A whole request, whether its sender would keep the connection, and the size of its body."""

    request: Request
    keep_alive: bool
    held: Held = NOTHING


class Http1:
    """The reading half of one connection.

    `feed` takes bytes as they come and fills `ready`. It raises a `Problem` for what cannot be a
    request; the connection is then beyond repair and has to be closed after saying so.
    """

    def __init__(self, limits: Limits, client: Client) -> None:
        self.ready: deque[Incoming] = deque()
        self.started = False  # whether some of a message has come and not yet all of it
        self.expects_continue = False
        self._limits = limits
        self._client = client
        self._parser = httptools.HttpRequestParser(self)
        self.in_head = True
        self._head_size = 0
        self._received = b""  # the bytes of the head so far; after the head, those of one `feed`
        self._position = 0  # in `_received`: where the next request line begins, or a byte before
        self._position_is_exact = True
        self._excess = 0  # bytes of the framing of chunks beyond what a plain framing takes
        self._finished = False
        self._problem: Problem | None = None
        self._plain: list[tuple[bytes, bytes]] | None = None  # fields that were checked before
        self._plain_size = 0
        self._decoded: Headers | None = None  # the same, if they have come again
        # Their bytes with the empty line after them, if what was read last was such a request.
        self._repeated: tuple[bytes, Headers] | None = None
        self._method = self._version = ""
        self._begin_head()
        self._begin_body()

    def _begin_head(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._fields: Headers | list[tuple[bytes, bytes]] = self._headers

    def _begin_body(self) -> None:
        self._body = bytearray()
        self._size = 0
        self._file: BinaryIO | None = None

    def feed(self, data: bytes) -> None:
        """Take some bytes."""
        if self._finished or self._read_repeated(data):
            return
        self._repeated = None
        begins = self.in_head and not self._received and not self.ready
        self._read(data)
        alone = begins and self.in_head and not self._received and len(self.ready) == 1
        line = _PLAIN_LINE.match(data)  # nothing stands before it
        if alone and line and self._decoded is not None and self.ready[0].keep_alive:
            self._repeated = data[line.end() :], self._decoded

    def _read(self, data: bytes) -> None:
        if self.in_head:
            self._head_size += len(data)
            self._received = self._received + data if self._received else data
        else:
            self._received, self._position = data, 0
            self._excess += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._decline_upgrade()
        except httptools.HttpParserCallbackError as reason:
            raise self._problem or reason from None
        except httptools.HttpParserError as reason:
            if "Invalid HTTP version" in str(reason):  # well formed, but neither 1.0 nor 1.1
                raise Problem(505, _VERSIONS) from reason
            raise Problem(400, f"Not a request of HTTP/1.1: {reason}.") from reason
        if self.in_head:
            self._received, self._position = self._received[self._position :], 0
            if self._head_size > self._limits.max_head:
                raise Problem(431, f"The head is longer than {self._limits.max_head} bytes.")
        self._excess = max(0, self._excess)
        if self._excess > self._limits.max_head:
            raise Problem(431, f"The chunk extensions exceed {self._limits.max_head} bytes.")

    def _read_repeated(self, data: bytes) -> bool:
        """Return whether ``data`` are a whole request with the fields of former ones, taking it.

        Most clients send the same fields with each request of a connection. Nothing is left to
        check then but a request line, which llhttp need not see.
        """
        if self._repeated is None or not data.endswith(self._repeated[0]):
            return False
        end, fields = len(data) - len(self._repeated[0]), self._repeated[1]
        line = _PLAIN_LINE.fullmatch(data, 0, end)
        if line is None or len(data) > self._limits.max_head:
            return False
        method, target = line.groups()
        request = self._request(method.decode("ascii"), target.decode("ascii"), fields)
        self.ready.append(Incoming(request, keep_alive=True))
        return True

    def _decline_upgrade(self) -> None:
        # Other protocols are not spoken here: the request is answered as what it is in HTTP/1.1.
        # But nobody can say whether what follows is its body, the other protocol or a request, so
        # it is the last one.
        self._finished = True
        last = self.ready.pop()
        for name in ("content-length", "transfer-encoding"):
            if last.request.header(name) not in (None, "0"):
                raise Problem(400, "A request to upgrade the protocol must not have a body.")
        last.keep_alive = False
        self.ready.append(last)

    @property
    def held(self) -> Held:
        """The bytes of the request that has not come whole yet."""
        return Held(len(self._received) + len(self._body), 0 if self._file is None else self._size)

    def close(self) -> None:
        """Release the resources of requests that were not answered, or never became whole."""
        for incoming in self.ready:
            incoming.request.close()
        if self._file is not None:
            with suppress(OSError):  # it may have had no room for what it still holds
                self._file.close()

    def continue_line(self) -> bytes:
        """Return the line 100 (Continue) if a client waits for it before its body; else nothing."""
        if self.expects_continue and self.started and not self.in_head:
            self.expects_continue = False
            return _CONTINUE
        return b""

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.started = True

    def on_url(self, url: bytes) -> None:
        """Take some of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those after the body say nothing that anybody here would believe."""
        if self.in_head:
            self._headers.append((name, value))
        else:
            self._head_size += len(name) + len(value)
            if self._head_size > self._limits.max_head:
                self._refuse(431, f"The trailers are longer than {self._limits.max_head} bytes.")

    def on_headers_complete(self) -> None:
        """Check the head as a whole."""
        self.in_head = False
        parser = self._parser
        method, self._version = parser.get_method(), parser.get_http_version()
        self._method = method.decode("ascii")
        chunked = False
        if self._headers == self._plain:
            if self._plain_size + len(self._url) > self._limits.max_head:
                self._check_size(self._plain_size)
            self._decoded = self._fields = self._decoded or Headers.from_wire(self._headers)
        else:
            chunked = self._check_fields()
        version = _KNOWN_VERSIONS.get(self._version)
        line = b"%b %b HTTP/%b\r\n" % (method, self._url, version or self._version.encode())
        self._check_line(line, exact_end=not chunked)
        if version is None:
            self._refuse(505, _VERSIONS)

    def _check_fields(self) -> bool:
        """Check the header fields; return whether the body comes in chunks.

        Most clients send the same fields with each request of a connection. So those that say
        nothing of a body are kept, and need neither be checked nor decoded when they come again.
        """
        if len(self._headers) > _MAX_FIELDS:
            self._refuse(431, f"A request has at most {_MAX_FIELDS} header fields.")
        size, hosts, codings, plain = 0, 0, b"", True
        for name, value in self._headers:
            size += len(name) + len(value) + 4
            kind = name.lower()
            if kind == b"host":
                hosts += 1
                self._check_host(value)
            elif kind == b"transfer-encoding":
                codings += b"," + value
            elif kind in _TELLING:
                plain = False
                self._check(kind, value)
        version = self._version
        if codings:
            self._check_codings(codings, version)
        self._check_size(size)
        if hosts != 1 and (hosts or version == "1.1"):
            self._refuse(400, "A request must have exactly one Host header.")
        self._plain = self._decoded = None
        if plain and hosts and not codings and size <= _KEPT_FIELDS:
            self._plain, self._plain_size = self._headers, size
        return bool(codings)

    def _check_size(self, size: int) -> None:
        """Check the length of the head, with fields of this size."""
        if size + len(self._url) > self._limits.max_head:
            self._refuse(431, f"The head is longer than {self._limits.max_head} bytes.")

    def _check_line(self, line: bytes, *, exact_end: bool) -> None:
        """Check the bytes of the request line, of which llhttp reads more forms than there are.

        It takes repeated spaces, a line without a version, and RTSP and ICE for HTTP.
        """
        received, at = self._received, self._position
        if not received.startswith(line, at):
            at = self._find_line(line)
        self._position = received.find(b"\r\n\r\n", at + len(line) - 2) + 4
        self._position_is_exact = exact_end  # the end of a body in chunks is llhttp's alone

    def _find_line(self, line: bytes) -> int:
        """Return the position of a request line that does not come next."""
        at = self._received.find(line, self._position)
        before = self._received[self._position : at]
        between = before if self._position_is_exact else before.rpartition(b"\r\n")[2]
        if at < 0 or between.strip(b"\r\n"):
            self._refuse(400, "The request line is not a method, a target and a version of HTTP.")
        return at

    def _check_host(self, value: bytes) -> None:
        detail = host_problem(value.decode("latin-1"))
        if detail:
            self._refuse(400, detail)

    def _check_codings(self, codings: bytes, version: str) -> None:
        """Check in which way the body is coded; a last coding that is not chunked is llhttp's."""
        if version == "1.0":
            self._refuse(400, "HTTP/1.0 has no transfer codings.")
        names = list_values(codings.decode("latin-1").lower())
        if len(names) > 1 and names[-1] == "chunked":
            self._refuse(501, "The only transfer coding that is understood here is chunked.")

    def _check(self, kind: bytes, value: bytes) -> None:
        """Check one of the headers that say how the body comes."""
        if kind == b"content-length" and int(value) > self._limits.max_body:
            self._refuse(413, f"A body has at most {self._limits.max_body} bytes.")
        elif kind == b"expect":
            self._expect(value)

    def _expect(self, value: bytes) -> None:
        wanted = list_values(value.decode("latin-1").lower())
        if wanted != ["100-continue"]:
            self._refuse(417, "The only thing to expect is 100-continue.")
        self.expects_continue = self._parser.get_http_version() == "1.1"

    def on_body(self, data: bytes) -> None:
        """Take some of the body."""
        self._size += len(data)
        self._excess -= _CHUNK_ALLOWANCE + 2 * len(data)
        if self._position_is_exact:
            self._position += len(data)
        self.expects_continue = False
        if self._size > self._limits.max_body:
            self._refuse(413, f"A body has at most {self._limits.max_body} bytes.")
        if self._size <= self._limits.spool:
            self._body += data
            return
        with self._storing():
            if self._file is None:
                self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115, the request's
                self._file.write(self._body)
            self._file.write(data)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            log.exception("A body cannot be stored.")
            self._refuse(507, "There is not enough storage space for the body.")

    def on_message_complete(self) -> None:
        """Make the request."""
        parser = self._parser
        body: bytes | BinaryIO = b""
        if self._file is not None:
            with self._storing():
                self._file.seek(0)
            body = self._file
        elif self._body:
            body = bytes(self._body)
        target = self._url.decode("latin-1")
        request = self._request(self._method, target, self._fields, body, self._version)
        incoming = Incoming(request, parser.should_keep_alive())
        if self._size:
            incoming.held = Held(len(self._body), 0 if self._file is None else self._size)
        self.ready.append(incoming)
        self.started, self.in_head, self._head_size = False, True, 0
        self._excess = 0
        self._begin_head()
        if self._size or self.expects_continue:
            self.expects_continue = False
            self._begin_body()

    def _request(
        self,
        method: str,
        target: str,
        fields: Headers | list[tuple[bytes, bytes]],
        body: bytes | BinaryIO = b"",
        version: str = "1.1",
    ) -> Request:
        client = self._client
        request = Request(method, target, fields, body, version=version, client=client)
        request.sink = tempfile.TemporaryFile
        return request

    def _refuse(self, status: int, detail: str) -> None:
        # An exception in a callback reaches `feed` wrapped; the problem itself is kept beside it.
        self._problem = Problem(status, detail)
        raise self._problem
