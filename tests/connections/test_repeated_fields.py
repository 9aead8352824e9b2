"""Requests whose fields a connection has read before are read without llhttp, and no other way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck.connections.http1 import Http1, Limits
from brubeck.http import Problem
from brubeck.http.proxies import Client
from tests.soak import often

LIMITS = Limits(max_head=300, max_body=20, spool=10)
LINES = (
    *(b"GET /a", b"GET /b?c=%2F&d", b"HEAD /", b"GET //x", b"OPTIONS *", b"DELETE /a", b"POST /a"),
    *(b"GET http://h/a", b"GET /a#b", b"GET  /a", b"GET a", b"get /a", b"GET /\xe9", b'GET /"<>|'),
    *(b"GET /a\r\nX-A: 1", b"GET /a b", b"CONNECT h:1", b"GET /" + b"a" * 280, b"", b"\r\nGET /a"),
)
VERSIONS = (b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0", b" RTSP/1.1", b"")
FIELDS = (
    *(b"Host: h", b"Host: h", b"Host: h\r\nX-A: 1", b"Host:h", b"host: h ", b"X-A: 1"),
    *(b"Host: h\r\nConnection: close", b"Host: h\r\nConnection: keep-alive"),
    *(b"Host: h\r\nContent-Length: 0", b"Host: h\r\nContent-Length: 4"),
    *(b"Host: h\r\nTransfer-Encoding: chunked", b"Host: h\r\nExpect: 100-continue"),
    *(b"Host: h\r\nConnection: upgrade\r\nUpgrade: x", b"Host: h\r\nHost: h", b"Host: h, i"),
)
BODIES = (b"", b"", b"", b"abcd", b"4\r\nabcd\r\n0\r\n\r\n", b"GET /", b"\r\n")


class Checked(Http1):
    """A reader that counts the requests that were read without llhttp."""

    short = 0

    def _read_repeated(self, data: bytes) -> bool:
        found = super()._read_repeated(data)
        self.short += found
        return found


class Careful(Http1):
    """A reader that has llhttp read everything."""

    def _read_repeated(self, data: bytes) -> bool:
        return False


def outcomes(http: Http1, pieces: list[bytes]) -> list[object]:
    """Return what is read from each piece; what was read is taken, as a server takes it."""
    found: list[object] = []
    for piece in pieces:
        try:
            http.feed(piece)
        except Problem as problem:
            found.append((problem.status, problem.detail))
            break
        for each in http.ready:
            request = each.request
            pairs = list(request.headers.pairs())
            line = (request.method, request.target, request.version)
            found.append((line, pairs, request.body, each.keep_alive, each.held))
            request.close()
        http.ready.clear()
        found.append((http.in_head, http.started, http.held, http.continue_line()))
    http.close()
    return found


def cut(raw: bytes, share: float) -> list[bytes]:
    """Return bytes in two pieces, the first one with a share of the lines, or all."""
    lines = raw.splitlines(keepends=True)
    first = round(share * len(lines))
    return [b"".join(lines[:first]), b"".join(lines[first:])]


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Make what a client sends on one connection: few requests, again and again.

    Each comes whole, in two pieces, or with another one behind it; and so they come again.
    """
    fields = st.sampled_from(FIELDS)
    usual = [draw(fields), draw(st.sampled_from(FIELDS[:3]))]
    pieces: list[list[bytes]] = []
    for _ in range(draw(st.integers(1, 4))):
        line, version = draw(st.sampled_from(LINES)), draw(st.sampled_from(VERSIONS))
        body = draw(st.sampled_from(BODIES))
        raw = line + version + b"\r\n" + draw(st.sampled_from(usual)) + b"\r\n\r\n" + body
        pieces += [[raw], cut(raw, draw(st.floats(0, 1)))]
    plain = [b"GET /a HTTP/1.1\r\n" + usual[1] + b"\r\n\r\n"]
    pieces += [plain, plain, [plain[0] * 2], [plain[0], b"".join(draw(st.sampled_from(pieces)))]]
    pieces += [[plain[0].replace(b"/1.1", b"/1.0")], [b"GET /a HTTP/1.1\r\n\r\n"]]
    pieces += [cut(plain[0], 0.5), [plain[0] + b"GET /"]]
    order = draw(st.lists(st.sampled_from(pieces), max_size=8))
    return [piece for some in [plain, plain, *order] for piece in some if piece]


@settings(max_examples=often(400, 20_000))
@given(conversations())
def test_they_are_read_as_llhttp_reads_them(pieces: list[bytes]) -> None:
    """With every line, field and body, in pieces and pipelined."""
    client = Client("127.0.0.1")
    assert outcomes(Http1(LIMITS, client), pieces) == outcomes(Careful(LIMITS, client), pieces)


PLAIN, BARE = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /a HTTP/1.1\r\n\r\n"
OLD = PLAIN.replace(b"/1.1", b"/1.0")


@pytest.mark.parametrize(
    "pieces",
    [
        [OLD, PLAIN],
        [PLAIN * 2, PLAIN * 2],
        [PLAIN + b"GET /", PLAIN + b"GET /"],
        [*cut(PLAIN, 0.4), BARE],
        [*cut(PLAIN, 0.6), BARE[:-2], PLAIN],
        [b"GET /b HTTP/1.1\r\n", PLAIN],
        [b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n", PLAIN],
        [b"\r\n", PLAIN, b"\r\n" + PLAIN, PLAIN],
        [b"\r\n" + PLAIN, b"GET /x HTTP/1.1\r\n" + PLAIN],
    ],
)
def test_nothing_is_taken_for_a_request_that_is_none(pieces: list[bytes]) -> None:
    """Each of these, after requests with the same fields, has a second reading that is wrong."""
    client, before = Client("127.0.0.1"), [PLAIN, PLAIN]
    found = outcomes(Http1(LIMITS, client), before + pieces)
    assert found == outcomes(Careful(LIMITS, client), before + pieces)


@pytest.mark.parametrize("line", LINES)
def test_only_plain_lines_are_read_without_llhttp(line: bytes) -> None:
    """The third request of a client that sends its fields again is, if its line is plain."""
    tail = b" HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
    pieces = [b"GET /a" + tail, b"GET /b" + tail, line + tail]
    checked = Checked(LIMITS, Client("127.0.0.1"))
    found = outcomes(checked, pieces)
    assert found == outcomes(Careful(LIMITS, Client("127.0.0.1")), pieces)
    assert checked.short == (line in LINES[:4])
