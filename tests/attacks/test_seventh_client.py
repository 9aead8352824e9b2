"""Answers that no stream gives: the client says so by its own errors, in bounded time and space."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from brubeck.client import ClientError, Problem, Stream, Unavailable
from brubeck.client.transport import MAX_BYTES
from tests.servers.answers import raw_answers

DEEP = "[" * 100_000 + "]" * 100_000
PAGE = {"data": [], "paging": {"next": None, "previous": None, "changes": "/n/changes?after=1~a"}}
STEP = {"data": [], "paging": {"next": "/n/changes?after=1~a", "caught_up": True}}


def stream(reply: Callable[[httpx.Request], httpx.Response], **options: Any) -> Stream:
    """Return a client whose server is a function."""
    transport = httpx.MockTransport(reply)
    return Stream("https://api.example/n", transport=transport, timeout=2, retries=2, **options)


def mirror(notes: Stream) -> None:
    """Open a mirror, which waits until it is complete, and close it."""
    with notes.mirror():
        pass


def answer(value: object) -> Callable[[httpx.Request], httpx.Response]:
    """Return a server that gives one answer: JSON, or a text as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    headers = {"Content-Type": "application/json"}
    return lambda _request: httpx.Response(200, text=text, headers=headers)


NO_LINKS: tuple[object, ...] = (5, True, [], {}, "//[")


@pytest.mark.parametrize(
    ("member", "link"),
    [
        *((name, x) for name in ("next", "previous", "changes") for x in NO_LINKS),
        *(("changes", link) for link in ("/n", "/n/changes?after=x y", "", None)),
    ],
)
def test_a_page_with_links_that_are_none_is_no_page(member: str, link: object) -> None:
    """Whatever stands there."""
    page = PAGE | {"paging": {**PAGE["paging"], member: link}}  # type: ignore[dict-item]
    with stream(answer(page)) as notes, pytest.raises(ClientError):
        list(notes.pages())


@pytest.mark.parametrize("item", [5, "a", None, [], {}, {"id": 5}, {"id": None}, {"id": ["a"]}])
def test_what_has_no_id_is_no_item(item: object) -> None:
    """On a page, by itself, among changes and among results."""
    change = {"position": 1, "op": "put", "id": "a", "data": item}
    with stream(answer(PAGE | {"data": [item]})) as notes, pytest.raises(ClientError):
        list(notes.items())
    with stream(answer({"data": item})) as notes, pytest.raises(ClientError):
        notes.get("a")
    with stream(answer(STEP | {"data": [change]})) as notes, pytest.raises(ClientError):
        next(iter(notes.follow(after="now")))
    results = {"data": [{"status": 201, "data": item}]}
    with stream(answer(results)) as notes, pytest.raises(ClientError):
        notes.create_many([{}])


@pytest.mark.parametrize(
    "change",
    [
        {"position": 1, "op": "put", "id": ["a"], "data": {"id": "a"}},
        {"position": "1", "op": "put", "id": "a", "data": {"id": "a"}},
        {"position": None, "op": "delete", "id": "a", "data": None},
        {"position": True, "op": "delete", "id": "a", "data": None},
        {"position": 1, "op": "delete", "id": {}, "data": None},
    ],
)
def test_what_is_no_change_ends_by_an_error_of_the_client(change: object) -> None:
    """And a mirror with it."""
    with stream(answer(STEP | {"data": [change]})) as notes, pytest.raises(ClientError):
        next(iter(notes.follow(after="now")))


@pytest.mark.parametrize("text", [DEEP, '{"data":' + DEEP + "}", "[]", "5", '"a"', "{", ""])
def test_what_is_no_object_of_json_is_an_error_of_the_client(text: str) -> None:
    """However deep it is."""
    with stream(answer(text)) as notes:
        for read in (lambda: notes.get("a"), lambda: list(notes.items()), lambda: mirror(notes)):
            with pytest.raises(ClientError):
                read()


def test_an_answer_has_a_bound() -> None:
    """Decompressed: a few hundred kilobytes would fill the memory."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 31)
    mebibyte = b" " * (1 << 20)
    bomb = b"".join(coder.compress(mebibyte) for _ in range((MAX_BYTES >> 20) + 8)) + coder.flush()

    def reply(_request: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return httpx.Response(200, stream=httpx.ByteStream(bomb), headers=headers)

    with stream(reply) as notes, pytest.raises(Problem, match="longer than 64 MiB"):
        notes.get("a")


def test_a_cookie_that_cannot_be_sent_back_is_not_kept() -> None:
    """Nor is any other: nobody has asked for it."""
    sent: list[str | None] = []

    def reply(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("Cookie"))
        headers = [(b"Set-Cookie", b"a=\xff\xfe; Path=/"), (b"Set-Cookie", b"b=c; Path=/")]
        return httpx.Response(200, json={"data": {"id": "a"}}, headers=headers)

    with stream(reply) as notes:
        assert [notes.get("a").id for _ in range(3)] == ["a"] * 3
    assert sent == [None] * 3


def test_a_mirror_that_is_never_caught_up_ends_in_its_time() -> None:
    """The server says that there is more, and sends nothing."""
    asked: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        is_page = request.url.path == "/n"
        stuck = {"data": [], "paging": {"next": "/n/changes?after=1~a", "caught_up": False}}
        return httpx.Response(200, json=PAGE if is_page else stuck)

    with stream(reply) as notes, pytest.raises(Unavailable, match="sends no further changes"):
        mirror(notes)
    assert len(asked) < 20


def test_a_mirror_whose_place_is_always_lost_ends_in_its_time() -> None:
    """It reads the pages again a few times, and no more."""
    asked: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        lost = httpx.Response(410, json={"status": 410, "title": "Gone"})
        return httpx.Response(200, json=PAGE) if request.url.path == "/n" else lost

    with stream(reply) as notes, pytest.raises(ClientError):
        mirror(notes)
    assert len(asked) < 20


def test_an_export_that_ends_with_its_connection_is_not_taken_for_whole() -> None:
    """One that breaks off would look the same."""
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"
    with raw_answers(head + b'{"id":"a"}\n') as url, Stream(f"{url}/n") as notes:
        export = notes.export()
        with pytest.raises(Problem, match="ends with the connection"):
            list(export)
