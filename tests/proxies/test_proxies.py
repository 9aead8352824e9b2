"""What a program does behind each of the proxies of ``deploy/``."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any

import pytest

from brubeck.client import Stream
from tests.proxies.fronts import FRONTS, PROXIES, Front, caddy_version
from tests.proxies.program import PART
from tests.servers import Caller, wait_until

EACH = pytest.mark.parametrize("front", FRONTS, indirect=True)
TRANSPORT = pytest.mark.parametrize("front", PROXIES, indirect=True)
"""A row of the table in docs/deployment.md: a way to get or send data, behind every proxy."""
NOTES = {
    ("test_an_export_that_breaks_off_never_looks_whole", "caddy"): "from 2.8",
    ("test_a_large_body_goes_through", "nginx alone"): "up to 1 MB",
}
"""The cells of the table that say more than yes, by the test and the proxy."""
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "wss",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Request-ID": "made-up",
}
"""What a client may say that only a proxy is to say."""
SONGS = 1500
SOON = 0.05
"""The seconds that an event may take through a proxy."""
CLIENT = "127.0.0.2"
"""The address that requests come from."""


@pytest.fixture
def note(request: pytest.FixtureRequest, front: Front) -> str:
    """Return what the table says of a test and a proxy."""
    return NOTES.get((request.function.__name__, front.name), "yes")


def ask(
    front: Front, method: str, path: str, body: object = None, **headers: str
) -> tuple[HTTPResponse, bytes]:
    """Return the answer to a request from `CLIENT`, and its body as it was sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = None if body is None else json.dumps(body).encode()
    if sent is not None:
        named.setdefault("Content-Type", "application/json")
    return ask_bytes(front, method, path, sent, named)


def ask_bytes(
    front: Front, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[HTTPResponse, bytes]:
    """Return the answer to a request with a body of bytes."""
    address = ("127.0.0.1", front.port)
    connection = HTTPConnection(*address, timeout=30, source_address=(CLIENT, 0))
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def plain(response: HTTPResponse, body: bytes) -> bytes:
    """Return a body without its compression."""
    packed = response.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(body) if packed else body


def fill(front: Front) -> list[str]:
    """Create the songs through a proxy, unless they are there; return their ids in order."""
    ids = [f"s{number:04}" for number in range(SONGS)]
    if ask(front, "GET", f"/songs/{ids[-1]}")[0].status == 404:
        songs = [{"id": each, "text": f"{each} " * 100} for each in ids]
        for start in range(0, SONGS, 500):
            assert ask(front, "POST", "/songs", songs[start : start + 500])[0].status == 201
    return ids


@TRANSPORT
def test_a_write_arrives_at_an_open_feed_at_once(front: Front) -> None:
    """No proxy holds an event back, however small; the feed is not compressed."""
    took = []
    with Caller(front.port) as feed:
        lines = ("Accept: text/event-stream", "Accept-Encoding: gzip")
        feed.get("/notes/changes?after=now", *lines)
        response = feed.response()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in response.headers
        while b'"caught_up":true' not in response.readline():
            pass
        for number in range(5):
            start = time.perf_counter()
            assert ask(front, "POST", "/notes", {"text": f"event {number}"})[0].status == 201
            while f"event {number}".encode() not in response.readline():
                pass
            took.append(time.perf_counter() - start)
    print(f"{front.name}: an event takes {[round(each * 1000, 1) for each in took]} ms")
    assert min(took) < SOON


@EACH
def test_the_address_of_the_client_arrives_and_no_other(front: Front) -> None:
    """Whatever a client says of itself is replaced by the proxy."""
    plain = json.loads(ask(front, "GET", "/seen")[1])
    assert plain["address"] == CLIENT
    forwarded = {"Forwarded": "for=6.6.6.6;host=evil.example;proto=https"}
    seen = json.loads(ask_bytes(front, "GET", "/seen", None, FORGED | forwarded)[1])
    assert seen["headers"].pop("x-request-id", "") != "made-up"
    plain["headers"].pop("x-request-id", "")
    assert seen == plain
    assert seen["url"] == f"{front.url}/seen"


@EACH
@pytest.mark.parametrize("name", FORGED)
def test_no_name_with_an_underscore_passes_for_another(front: Front, name: str) -> None:
    """WSGI cannot tell the two apart; a request with such a name may also be refused."""
    marks = [mark for mark, letter in enumerate(name) if letter == "-"]
    for some in range(1, 2 ** len(marks)):
        chosen = {mark for at, mark in enumerate(marks) if some >> at & 1}
        spelt = "".join("_" if at in chosen else letter for at, letter in enumerate(name))
        response, body = ask_bytes(front, "GET", "/seen", None, {spelt: FORGED[name]})
        assert response.status in (200, 403)
        if response.status == 200:
            seen = json.loads(body)
            assert spelt.lower() not in seen["headers"]
            assert FORGED[name] not in seen["headers"].values()


@EACH
def test_links_have_the_prefix_that_the_program_is_mounted_at(front: Front) -> None:
    """In bodies and headers, and they lead back."""
    for number in range(3):
        ask(front, "POST", "/notes", {"text": f"page {number}"})
    response, body = ask(front, "GET", "/music/notes?limit=1")
    following = json.loads(body)["paging"]["next"]
    assert following.startswith("/music/notes?")
    assert f"<{front.url}/music/notes?" in response.headers["Link"]
    assert json.loads(ask(front, "GET", following)[1])["data"]
    assert json.loads(ask(front, "GET", "/notes?limit=1")[1])["paging"]["next"][:7] == "/notes?"
    seen = json.loads(ask(front, "GET", "/music/seen")[1])
    assert (seen["address"], seen["url"]) == (CLIENT, f"{front.url}/music/seen")


@pytest.mark.parametrize("prefix", ["", "/music"])
@EACH
def test_a_log_in_lets_a_browser_in(front: Front, prefix: str) -> None:
    """The origin of the form is that of the page, and the cookie comes back."""
    journal = f"{prefix}/quakes/private"
    assert ask(front, "GET", journal)[0].status == 401
    form = b"name=ella&password=a-tisket,+a-tasket"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": front.url}
    response, _ = ask_bytes(front, "POST", f"{prefix}/login", form, headers)
    assert response.status == 302
    cookie, _, attributes = response.headers["Set-Cookie"].partition(";")
    assert f"Path={prefix or '/'}" in attributes
    assert ask(front, "GET", journal, Cookie=cookie)[0].status == 200
    written, _ = ask(front, "POST", journal, {"text": "mine"}, Cookie=cookie, Origin=front.url)
    assert written.status == 201
    elsewhere = {"Cookie": cookie, "Origin": "https://evil.example"}
    assert ask(front, "POST", journal, {"text": "mine"}, **elsewhere)[0].status == 403


@TRANSPORT
def test_an_export_that_breaks_off_never_looks_whole(front: Front, note: str) -> None:
    """The client gets an error: the end of the connection, a 502 or a 503."""
    for path in {"/broken", f"{front.prefix}/broken"}:
        try:
            response, body = ask(front, "GET", path)
        except (IncompleteRead, ConnectionError, http.client.RemoteDisconnected):
            continue
        if note == "from 2.8" and caddy_version() < (2, 8):
            assert response.status == 200  # it ends such an answer in order; see docs/deployment.md
            continue
        assert response.status in (502, 503), f"{len(body)} of {PART} bytes look like an export"


@TRANSPORT
def test_a_tag_that_came_in_gzip_is_good_for_a_write(front: Front) -> None:
    """Also where a proxy weakens or suffixes it."""
    ask(front, "PUT", "/notes/packed", {"text": "long " * 500})
    response, body = ask(front, "GET", "/notes/packed", Accept_Encoding="gzip")
    assert json.loads(plain(response, body))["data"]["id"] == "packed"
    tag = response.headers["ETag"]
    changed, _ = ask(front, "PATCH", "/notes/packed", {"text": "short"}, If_Match=tag)
    assert changed.status == 200
    again, _ = ask(front, "PATCH", "/notes/packed", {"text": "shorter"}, If_Match=tag)
    assert again.status == 412


@TRANSPORT
def test_a_large_body_goes_through(front: Front, note: str) -> None:
    """A list of several MB, which nginx refuses by itself."""
    notes = [{"text": "x" * 4000}] * 900
    response, body = ask(front, "POST", "/notes", notes)
    expected = {"yes": (200, 201, 207), "up to 1 MB": (413,)}
    assert response.status in expected[note], body[:300]


@TRANSPORT
def test_a_long_poll_is_answered_by_the_next_write(front: Front) -> None:
    """And not before it."""
    cursor = json.loads(ask(front, "GET", "/notes/changes?after=now")[1])["paging"]["cursor"]
    answers: list[Any] = []

    def wait() -> None:
        answers.append(json.loads(ask(front, "GET", f"/notes/changes?after={cursor}&wait=50")[1]))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    ask(front, "POST", "/notes", {"text": "the next"})
    waiting.join(10)
    assert [each["data"]["text"] for each in answers[0]["data"]] == ["the next"]


@TRANSPORT
def test_a_restart_of_the_program_costs_a_follower_no_change(front: Front) -> None:
    """It comes back by itself, and goes on at its place."""
    got: list[str] = []
    cursor = json.loads(ask(front, "GET", "/notes/changes?after=now")[1])["paging"]["cursor"]
    with Stream(f"{front.url}{front.prefix}/notes") as notes:
        feed = notes.follow(after=cursor)

        def follow() -> None:
            for change in feed:
                assert change.item is not None
                got.append(change.item["text"])

        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        texts = [f"{front.name} {number}" for number in range(6)]
        for text in texts[:3]:
            notes.create({"text": text})
        wait_until(lambda: got == texts[:3])
        front.origin.stop()
        front.origin.start()
        for text in texts[3:]:
            notes.create({"text": text})
        wait_until(lambda: got == texts, seconds=20, what=f"{got} are not all")
        feed.close()
        reader.join(10)


@TRANSPORT
def test_pages_lead_to_every_item(front: Front) -> None:
    """Each once, in order, compressed or not."""
    ids = fill(front)
    for encoding in ("gzip", "identity"):
        got: list[str] = []
        path = f"{front.prefix}/songs?limit=200&order=oldest"
        while path:
            response, body = ask(front, "GET", path, Accept_Encoding=encoding)
            page = json.loads(plain(response, body))
            got += [each["id"] for each in page["data"]]
            path = page["paging"]["next"]
        assert got == ids


@TRANSPORT
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_export_arrives_whole(front: Front, encoding: str) -> None:
    """All lines of it, though no length is announced."""
    ids = fill(front)
    response, body = ask(front, "GET", "/songs.ndjson", Accept_Encoding=encoding)
    assert response.status == 200
    lines = plain(response, body).splitlines()
    assert sorted(json.loads(each)["id"] for each in lines) == ids


@TRANSPORT
def test_a_body_in_chunks_is_written(front: Front) -> None:
    """Of a client that does not know its length."""
    parts = [b'{"text": "in ', b"x" * 4000, b' chunks"}']
    with Caller(front.port) as caller:
        caller.send(
            b"POST /notes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for part in (*parts, b""):
            caller.send(b"%x\r\n%b\r\n" % (len(part), part))
        response = caller.response()
        body = response.read()
        assert response.status == 201, body
    assert json.loads(body)["data"]["text"] == json.loads(b"".join(parts))["text"]
