"""The thirteenth attack: servers that let the client use up its memory, or wait for ever."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread

import httpx
import pytest

from brubeck.client import AsyncStream, Bearer, ClientError, Problem, Stream, Unavailable
from brubeck.client.transport import MAX_BYTES
from tests.servers.answers import raw_answers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP_WITH_NAME = b"\x1f\x8b\x08\x08\0\0\0\0\0\3"
SECONDS = 0.5

ENDLESS = {
    "a header": (HEAD + b"X: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "other answers first": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body": (HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "the name of a file": (CHUNKED + b"a\r\n" + GZIP_WITH_NAME + b"\r\n", b"1\r\nx\r\n"),
    "nothing in gzip": (
        CHUNKED + b"a\r\n" + GZIP_WITH_NAME[:3] + bytes(7) + b"\r\n",
        b"1\r\n\0\r\n",
    ),
}


@contextmanager
def endless_answers(start: bytes, more: bytes) -> Iterator[str]:
    """Answer every request by bytes that come slowly and do not end, and yield the URL."""
    over = Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(start)
            while not over.wait(0.02):
                connection.sendall(more)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/n"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def get(url: str) -> None:
    """Get an item, with threads."""
    with Stream(url, timeout=SECONDS, retries=0) as notes:
        notes.get("a")


def follow(url: str) -> None:
    """Open a feed, with threads."""
    with Stream(url, timeout=SECONDS, retries=0, silence=SECONDS) as notes:
        next(iter(notes.follow()))


def async_get(url: str) -> None:
    """Get an item, with coroutines."""

    async def steps() -> None:
        async with AsyncStream(url, timeout=SECONDS, retries=0) as notes:
            await notes.get("a")

    asyncio.run(steps())


def async_follow(url: str) -> None:
    """Open a feed, with coroutines."""

    async def steps() -> None:
        async with AsyncStream(url, timeout=SECONDS, retries=0, silence=SECONDS) as notes:
            await anext(aiter(notes.follow()))

    asyncio.run(steps())


GETS = [get, async_get]
FACES = pytest.mark.parametrize("ask", GETS, ids=["threads", "coroutines"])


def ends(action: Callable[[], object]) -> list[BaseException]:
    """Return the errors of an action, which has to end within 20 seconds."""
    found: list[BaseException] = []

    def act() -> None:
        try:
            action()
        except ClientError as reason:
            found.append(reason)

    thread = Thread(target=act, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return found


@FACES
@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_without_an_end_ends_in_its_time(ask: Callable[[str], None], kind: str) -> None:
    """Each byte began the time of the head anew, and a body from which nothing came had none."""
    with endless_answers(*ENDLESS[kind]) as url:
        (reason,) = ends(partial(ask, url))
        assert isinstance(reason, Unavailable)


@pytest.mark.parametrize("ask", [follow, async_follow], ids=["threads", "coroutines"])
@pytest.mark.parametrize("kind", ["headers", "other answers first"])
def test_the_head_of_a_feed_ends_in_its_time(ask: Callable[[str], None], kind: str) -> None:
    """Only the feed itself may last."""
    with endless_answers(*ENDLESS[kind]) as url:
        (reason,) = ends(partial(ask, url))
        assert isinstance(reason, Unavailable)


@FACES
@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "deflate", "gzip,gzip,gzip"])
def test_a_coding_that_was_not_asked_for_is_refused(
    ask: Callable[[str], None], coding: str
) -> None:
    """Each of several multiplies what a few bytes become, before anybody can count them."""
    head = HEAD + b"Content-Encoding: %b\r\nConnection: close\r\n\r\n" % coding.encode()
    with raw_answers(head + b"x" * 99) as url, pytest.raises(Problem, match="encoded as"):
        ask(f"{url}/n")


@FACES
def test_an_answer_is_decompressed_in_pieces(ask: Callable[[str], None]) -> None:
    """A piece of 64 KiB became as many mebibytes at once, beside all that came before."""
    coder, mebibyte = zlib.compressobj(9, zlib.DEFLATED, 31), bytes(1 << 20)
    bomb = b"".join(coder.compress(mebibyte) for _ in range(3 * MAX_BYTES >> 20)) + coder.flush()
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with raw_answers(head + bomb) as url:
        tracemalloc.start()
        try:
            with pytest.raises(Problem, match="longer than 64 MiB"):
                ask(f"{url}/n")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1.3 * MAX_BYTES


@FACES
def test_a_compressed_item_is_read(ask: Callable[[str], None]) -> None:
    """Of any length."""
    text = b'{"data":{"id":"a","text":"%b"}}' % (b"x" * 5_000_000)
    body = gzip.compress(text)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_answers(head + body) as url:
        ask(f"{url}/n")


def test_no_link_leads_elsewhere() -> None:
    """Neither the next page nor a redirect gets the credentials, or any request."""
    asked: list[httpx.URL] = []
    links = {"next": "https://evil.example/n?before=1~a", "previous": None}
    paging = links | {"changes": "//evil.example/n/changes?after=1~a"}
    moved = {"Location": "https://evil.example/n/a", "Link": "<https://evil.example/>; rel=next"}

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        if request.url.path == "/n/a":
            return httpx.Response(307, headers=moved)
        last = {"data": [], "paging": paging | {"next": None}}
        pages = {"": {"data": [], "paging": paging}}
        return httpx.Response(200, json=pages.get(request.url.query.decode(), last), headers=moved)

    transport = httpx.MockTransport(reply)
    with Stream("https://api.example/n", transport=transport, auth=Bearer("secret")) as notes:
        assert list(notes.items()) == []
        with pytest.raises(Problem, match="not followed"):
            notes.get("a")
    assert {url.host for url in asked} == {"api.example"}
    assert len(asked) == 3
