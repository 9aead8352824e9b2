"""The reading half of HTTP/1.1: whole, byte by byte, within limits, strict about framing."""

from __future__ import annotations

import tempfile
import tracemalloc
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.connections.http1 import Http1, Limits
from brubeck.http import Problem
from brubeck.http.authority import is_authority
from brubeck.http.proxies import Client

ACCEPTED = (0, 400, 413, 417, 431, 501, 505)
HOST = b"Host: h\r\n"
MESSAGES = (
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    b"GET /d HTTP/1.0\r\n\r\n"
)


def read(*pieces: bytes, limits: Limits | None = None) -> list[tuple[Any, ...]]:
    """Return what each request says that these pieces hold."""
    http = Http1(limits or Limits(), Client("127.0.0.1"))
    for piece in pieces:
        http.feed(piece)
    return [
        (
            each.request.method,
            each.request.target,
            list(each.request.headers.pairs()),
            each.request.body,
            each.request.version,
            each.keep_alive,
        )
        for each in http.ready
    ]


def feed(http: Http1, raw: bytes, size: int) -> None:
    """Feed bytes in pieces of a size."""
    for start in range(0, len(raw), size):
        http.feed(raw[start : start + size])


def refusal(raw: bytes) -> int:
    """Return the status with which bytes are refused, 0 for none."""
    try:
        Http1(Limits(), Client()).feed(raw)
    except Problem as problem:
        return problem.status
    return 0


WHOLE = [
    ("GET", "/a?b=c", [("Host", "h"), ("X-A", "1"), ("X-A", "2")], b"", "1.1", True),
    ("POST", "/b", [("Host", "h"), ("Content-Length", "5")], b"hello", "1.1", True),
    ("POST", "/c", [("Host", "h"), ("Transfer-Encoding", "chunked")], b"abcde", "1.1", True),
    ("GET", "/d", [], b"", "1.0", False),
]


def test_messages_are_read_whole() -> None:
    """Several in one piece, with lengths, chunks, and an old version at the end."""
    assert [each[:2] for each in read(MESSAGES)] == [each[:2] for each in WHOLE]
    assert [each[3:] for each in read(MESSAGES)] == [each[3:] for each in WHOLE]


def test_messages_are_read_byte_by_byte() -> None:
    """No boundary between pieces matters."""
    assert read(*(MESSAGES[n : n + 1] for n in range(len(MESSAGES)))) == read(MESSAGES)


@given(st.lists(st.integers(0, len(MESSAGES)), max_size=12))
def test_messages_are_read_in_any_pieces(cuts: list[int]) -> None:
    """Wherever the network cuts them."""
    edges = [0, *sorted(cuts), len(MESSAGES)]
    pieces = [MESSAGES[a:b] for a, b in pairwise(edges) if a < b]
    assert read(*pieces) == read(MESSAGES)


def test_what_is_left_over_waits_for_the_rest() -> None:
    """And says that a message has begun."""
    http = Http1(Limits(), Client())
    http.feed(MESSAGES[:70])
    assert len(http.ready) == 1
    assert http.started


@pytest.mark.parametrize(
    "raw",
    [
        b"\0\1\2\3",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost h\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b" folded: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, x\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    """400, and nothing of it becomes a request (RFC 9112, section 6.3)."""
    http = Http1(Limits(), Client())
    with pytest.raises(Problem) as caught:
        http.feed(raw)
    assert caught.value.status == 400
    assert not http.ready


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /" + b"a" * 2000, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 2000, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 500, 431),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5001\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: chunked\r\n\r\n1389\r\n"
            + b"a" * 5001,
            413,
        ),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"GET / HTTP/1.1\r\n" + HOST + b"a:\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
            501,
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: gold\r\nContent-Length: 1\r\n\r\na", 417),
    ],
)
def test_limits_are_kept(raw: bytes, status: int) -> None:
    """Of the head, of the body by its word and by its bytes; however it is cut."""
    for size in (1, len(raw)):
        http = Http1(Limits(max_head=1000, max_body=5000, spool=100), Client())
        with pytest.raises(Problem) as caught:
            feed(http, raw, size)
        http.close()
        assert caught.value.status == status


def test_a_large_body_goes_to_a_file() -> None:
    """And reads the same."""
    body = bytes(range(256)) * 20
    raw = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5120\r\n\r\n" + body
    http = Http1(Limits(spool=1000), Client())
    for start in range(0, len(raw), 700):
        http.feed(raw[start : start + 700])
    request = http.ready[0].request
    with request.open_body() as file:
        assert file.read() == body


@pytest.mark.parametrize("spooled", [1000, 20_000])
def test_a_body_for_which_there_is_no_room_is_a_507(
    spooled: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the disk says so at once or at the end; the log has its reason."""
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(Path("/dev/full").open, "w+b"))
    http = Http1(Limits(spool=10), Client())
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % spooled
    with pytest.raises(Problem) as caught:
        feed(http, head + b"x" * spooled, 700)
    http.close()
    assert caught.value.status == 507
    assert "No space left on device" in caplog.text


def test_a_body_in_crumbs_is_held_in_one_piece() -> None:
    """A megabyte in chunks of two bytes takes about a megabyte."""
    chunks = b"2\r\nab\r\n" * 10_000
    http = Http1(Limits(), Client())
    http.feed(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    try:
        for _ in range(50):
            http.feed(chunks)
        http.feed(b"0\r\n\r\n")
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert http.ready[0].request.body == b"ab" * 500_000
    assert held < 5_000_000


def test_who_waits_for_leave_gets_it_once() -> None:
    """A body that is announced and not yet sent (RFC 9110, section 10.1.1)."""
    http = Http1(Limits(), Client())
    http.feed(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    assert http.continue_line() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert http.continue_line() == b""
    http.feed(b"ok")
    assert http.ready[0].request.body == b"ok"


def test_an_upgrade_is_declined_and_nothing_after_it_is_read() -> None:
    """Nobody could say what it is; with a body of its own it is refused (RFC 9110, 7.8)."""
    upgrade = b"GET /u HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    found = read(upgrade + b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n")
    assert [(each[1], each[5]) for each in found] == [("/u", False)]
    for framing in (
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        assert refusal(upgrade[:-2] + framing) == 400


def test_trailers_are_no_headers_and_have_a_limit() -> None:
    """What comes after the body was never checked by who stands in front."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    found = read(head + b"Authorization: x\r\nHost: evil\r\n\r\n")
    assert [name for name, _ in found[0][2]] == ["Host", "Transfer-Encoding"]
    http = Http1(Limits(max_head=1000), Client())
    with pytest.raises(Problem) as caught:
        http.feed(head + b"X: yyyyyyyyyy\r\n" * 500)
    assert caught.value.status == 431


VALID_HOSTS = (
    *(
        "",
        "h",
        "a.example",
        "A.Example:8080",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:65535",
        "a_b.c",
        "h:",
    ),
    *("[v1.fe80:a]", "caf%C3%A9.example", "xn--caf-dma.example", "a.example.", "[::ffff:1.2.3.4]"),
)
INVALID_HOSTS = (
    *("a b", "u@h", "h/", "h/p", "h?q", "h#f", "h:1:2", "h:a", "h:65536", "h:-1", "h:+1", "h: 1"),
    *("[::1", "::1]", "::1", "[]", "[::g]", "[1.2.3.4]", "[fe80::1%25eth0]", "[::1]x", "[v1]"),
    *("a\x01", "a<b", "a>b", 'a"b', "a\\b", "a^b", "a`b", "a{b", "a|b", "a}b", "a,b", "a, b"),
    *("caf\xe9", "%", "%4", "%zz", ":80", "h:" + "0" * 20 + "80", "a" * 256),
)


@pytest.mark.parametrize("host", VALID_HOSTS)
def test_a_host_that_a_url_may_have_is_accepted(host: str) -> None:
    """In the header, and in a target in absolute form."""
    raw = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    assert refusal(raw) == 0


@pytest.mark.parametrize("host", INVALID_HOSTS)
def test_a_host_that_no_url_may_have_is_refused(host: str) -> None:
    """By 400, before links, cookies or caches can be derived from it (RFC 9112, section 3.2)."""
    raw = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    assert refusal(raw) == 400


@given(st.text(st.characters(max_codepoint=255), max_size=12))
def test_a_host_is_accepted_only_where_a_url_has_the_same(host: str) -> None:
    """Whatever the text: the host of the URL that is made of it is the text itself."""
    if is_authority(host):
        parts = urlsplit(f"http://{host}/")
        assert (parts.netloc, parts.path, parts.username) == (host, "/", None)
        assert parts.port is None or 0 <= parts.port <= 65_535
        assert "," not in host


LINES = [
    (b"GET  / HTTP/1.1", 400),
    (b"GET /  HTTP/1.1", 400),
    (b"GET / HTTP/1.1 ", 400),
    (b"GET /", 400),
    (b"GET / ", 400),
    (b"GET /a b HTTP/1.1", 400),
    (b"GET / HTP/1.1", 400),
    (b"GET / http/1.1", 400),
    (b"GET / HTTP/1", 400),
    (b"GET / HTTP/11.1", 400),
    (b"GET / HTTP/a.b", 400),
    (b"GET / RTSP/1.0", 400),
    (b"SOURCE / ICE/1.0", 400),
    (b"GET\t/ HTTP/1.1", 400),
    (b" GET / HTTP/1.1", 400),
    (b"GET / HTTP/0.9", 505),
    (b"GET / HTTP/1.2", 505),
    (b"GET / HTTP/2.0", 505),
    (b"GET / HTTP/9.9", 505),
    (b"GET / HTTP/1.1", 0),
    (b"OPTIONS * HTTP/1.1", 0),
    (b"M-SEARCH / HTTP/1.0", 0),
    (b"\r\nGET http://a.example/ HTTP/1.1", 0),
]
BEFORE = (
    b"",
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(("line", "status"), LINES)
def test_a_request_line_has_one_form(line: bytes, status: int, before: bytes) -> None:
    """A malformed one is a 400, another version a 505, in any pieces and behind any message."""
    raw = before + line + b"\r\n" + HOST + b"X:GET / HTTP/1.1\r\n\r\n"
    for size in (1, 7, len(raw)):
        http = Http1(Limits(), Client())
        found = 0
        try:
            feed(http, raw, size)
        except Problem as problem:
            found = problem.status
        assert (size, found) == (size, status)


@pytest.mark.parametrize("size", [1, 500, 100_000])
def test_chunk_extensions_have_a_limit(size: int) -> None:
    """One that never ends, and many in chunks of a byte (RFC 9112, section 7.1.1)."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    for body in (b"1;" + b"a" * 9000, (b"1;" + b"a" * 100 + b"\r\nx\r\n") * 90):
        http = Http1(Limits(max_head=1000), Client())
        http.feed(head)
        with pytest.raises(Problem) as caught:
            feed(http, body, size)
        assert caught.value.status == 431


@pytest.mark.parametrize("size", [1, 500, 100_000])
def test_small_chunks_and_short_extensions_are_accepted(size: int) -> None:
    """Also very many, over one connection."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    raw = head + b"1;a=b\r\nx\r\n" * 2000 + b"0\r\n\r\n"
    http = Http1(Limits(max_head=1000), Client())
    for _ in range(3):
        feed(http, raw, size)
    assert [len(each.request.body) for each in http.ready] == [2000] * 3


@given(st.binary(max_size=300))
def test_no_bytes_are_another_error(raw: bytes) -> None:
    """Whatever comes, it is requests or a problem."""
    assert refusal(raw) in ACCEPTED


@given(st.data())
def test_no_mutation_of_a_request_is_another_error(data: Any) -> None:
    """Nor one byte of a good one changed."""
    raw = bytearray(MESSAGES)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert refusal(bytes(raw)) in ACCEPTED
