"""What Mongrel2 answers by itself, before a handler sees anything: the table of docs/mongrel2.md.

These are facts about Mongrel2 1.12.2, kept here so that a newer one cannot change them unnoticed.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brubeck.http import Request, Response
from tests.servers import Caller, require
from tests.servers.mongrel2 import PACKAGE, running_mongrel2, served

pytestmark = pytest.mark.mongrel2

HOST = b"Host: h\r\n"
LARGE = b"Content-Length: 20481\r\n\r\n"


def headers(request: Request) -> Response:
    values = [f"{name}={value}" for name, value in sorted(request.headers.pairs())]
    return Response(f"{request.target} {' '.join(values)}")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    settings = {"upload.temp_store": None}
    with running_mongrel2(routes=("/app",), settings=settings) as front, served(front, headers):
        yield front.port


def ask(port: int, raw: bytes) -> tuple[int, str, bytes]:
    """Send bytes; return the status, who answered, and the body."""
    with Caller(port) as caller:
        caller.send(raw)
        response = caller.response()
        return response.status, response.headers["Server"], response.read()


ALONE = {
    "an unknown route": (b"GET /other HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "CONNECT": (b"CONNECT h:80 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a URL as the target": (b"GET http://h/app HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "a lower-case method": (b"get /app HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/2.0": (b"GET /app HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "bytes above ASCII in the target": (b"GET /app\xc3 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "braces in the target": (b"GET /app{} HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "angle brackets in the target": (b"GET /app?a=<b> HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a broken percent-encoding": (b"GET /app%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a folded header": (b"GET /app HTTP/1.1\r\nA: b\r\n c\r\n" + HOST + b"\r\n", 400),
    "NUL in a header": (b"GET /app HTTP/1.1\r\nA: b\0\r\n" + HOST + b"\r\n", 400),
    "a space before the colon": (b"GET /app HTTP/1.1\r\nA : b\r\n" + HOST + b"\r\n", 400),
    "a head above 4 KiB": (b"GET /app HTTP/1.1\r\nA: " + b"x" * 4096 + b"\r\n\r\n", 400),
    "bytes that are no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "an odd expectation": (b"POST /app HTTP/1.1\r\nExpect: tea\r\n" + HOST + b"\r\n", 417),
    "a large body": (b"POST /app HTTP/1.1\r\n" + HOST + LARGE, 413),
    "a chunked body": (
        b"POST /app HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        413,
    ),
}


@pytest.mark.parametrize("name", ALONE)
def test_mongrel2_answers_alone(port: int, name: str) -> None:
    """The status is Mongrel2's, and so is the text; the connection ends."""
    raw, expected = ALONE[name]
    status, server, _ = ask(port, raw)
    assert status == expected
    assert server.startswith("Mongrel2/")


def test_it_answers_an_expectation_first(port: int) -> None:
    """``100-continue`` is Mongrel2's, whatever the handler thinks of the request."""
    with Caller(port) as caller:
        caller.send(
            b"POST /app HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" + HOST + b"\r\n"
        )
        assert caller.makefile().readline() == b"HTTP/1.1 100 Continue\r\n"
        assert caller.makefile().readline() == b"\r\n"
        caller.send(b"ok")
        assert caller.response().status == 200


def test_it_keeps_five_of_a_repeated_header(port: int) -> None:
    """The sixth and later ones are lost."""
    repeated = b"".join(b"X-A: %d\r\n" % number for number in range(7))
    _, _, body = ask(port, b"GET /app HTTP/1.1\r\n" + HOST + repeated + b"\r\n")
    assert body.count(b"x-a=") == 5


def test_it_hides_the_fragment(port: int) -> None:
    """What follows ``#``, which no client should send, is not part of the target."""
    assert ask(port, b"GET /app?a#b HTTP/1.1\r\n" + HOST + b"\r\n")[2].startswith(b"/app?a ")


def test_it_takes_lines_that_end_with_lf_alone(port: int) -> None:
    """The embedded server refuses those."""
    assert ask(port, b"GET /app HTTP/1.1\nHost: h\n\n")[0] == 200


def test_it_overwrites_x_forwarded_for(port: int) -> None:
    """What the client says there is lost, and what Mongrel2 says is not shown as the client's."""
    raw = b"GET /app HTTP/1.1\r\nX-Forwarded-For: 9.9.9.9\r\n" + HOST + b"\r\n"
    assert b"x-forwarded-for" not in ask(port, raw)[2]


def test_it_can_keep_x_forwarded_for() -> None:
    """With ``no_clobber_xff`` a proxy in front of it can say who asked."""
    raw = b"GET / HTTP/1.1\r\nX-Forwarded-For: 9.9.9.9\r\n" + HOST + b"\r\n"
    with running_mongrel2(settings={"no_clobber_xff": 1}) as front, served(front, headers):
        assert b"x-forwarded-for=9.9.9.9" in ask(front.port, raw)[2]


def test_a_handshake_for_a_web_socket_is_a_get(port: int) -> None:
    """It gets the answer of a GET, and then the connection ends."""
    with Caller(port) as caller:
        caller.get(
            "/app",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        response = caller.response()
        assert (response.status, response.headers["Connection"]) == (200, "close")
        assert response.read().startswith(b"/app ")
        assert caller.rest() == b""


def test_what_is_no_http_is_closed() -> None:
    """Mongrel2 also takes JSON and XML sockets; a route for them leads nowhere here."""
    with (
        running_mongrel2(routes=("/", "@chat")) as front,
        served(front, headers),
        Caller(front.port) as caller,
    ):
        caller.send(b'@chat {"type":"disconnect"}\0')
        assert caller.rest() == b""


PAGE = (Path(__file__).parents[2] / "docs" / "mongrel2.md").read_text()


def test_the_documentation_lists_what_mongrel2_answers() -> None:
    """Its table is the one that is tried here, row by row."""
    table = PAGE.partition("## Errors returned by Mongrel2")[2].partition("\n\nThe last")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows == [f"| {name} | {status} |" for name, (_, status) in ALONE.items()]


def test_the_documented_configuration_loads(tmp_path: Path) -> None:
    """Mongrel2's own tool takes it as it is written."""
    config = tmp_path / "mongrel2.conf"
    config.write_text(PAGE.partition("```\n")[2].partition("```")[0])
    command = [require("m2sh", PACKAGE), "load", "-config", str(config), "-db", "config.sqlite"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    with closing(sqlite3.connect(tmp_path / "config.sqlite")) as database:
        (handlers,) = database.execute("SELECT send_spec, recv_spec FROM handler").fetchall()
        settings = dict(database.execute("SELECT key, value FROM setting"))
    assert handlers == ("tcp://127.0.0.1:9999", "tcp://127.0.0.1:9998")
    assert settings["download.flow_control"] == "1"
