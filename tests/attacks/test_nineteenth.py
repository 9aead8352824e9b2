"""Servers that keep a client waiting, fill its memory or write in its log."""

from __future__ import annotations

import gzip
import json
import logging
import select
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from brubeck.cli.sinks import geometry_of, types_of
from brubeck.client import ClientError, Problem, Unavailable
from brubeck.errors import ConfigError
from tests.client.faces import FACES, client
from tests.servers.speaking import speaking

SECONDS = 0.6
LONGEST = 10.0
"""Seconds of a request that may take `SECONDS`, on a busy machine."""
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP = CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
FRAMING = {"an extension": b"1;", "a trailer": b"2\r\n{}\r\n0\r\nX: "}
"""The beginnings of framing without an end: no byte of it is one of a body."""
CIRCLES = [[1], [2, 1], [2, 3, 2], [2, 3, 1], [2, 3, 4, 5, 6, 3]]
"""The pages that the links of pages lead to, one after the other."""
CALLS: dict[str, Callable[[Any], object]] = {
    "get": lambda notes: notes.get("a"),
    "create": lambda notes: notes.create({"text": "a"}),
    "export": lambda notes: list(notes.export("application/json")),
}
FORGED = "a\nCRITICAL root: admin has logged in\x1b[2J\u2028b"


def drips(beginning: bytes) -> Callable[[socket.socket], None]:
    """Return a server that sends one byte after the other behind a beginning."""

    def speak(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(CHUNKED + beginning)
        while not select.select([connection], [], [], 0.1)[0]:
            connection.sendall(b"a")

    return speak


@pytest.mark.parametrize("framing", FRAMING)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("face", FACES)
def test_no_framing_keeps_a_client_waiting(face: str, call: str, framing: str) -> None:
    """Its time began again with every byte: that was weeks."""
    with speaking(drips(FRAMING[framing])) as port:
        url = f"http://127.0.0.1:{port}/notes"
        began = monotonic()
        with (
            client(face, url, retries=0, timeout=SECONDS, silence=SECONDS) as notes,
            pytest.raises(ClientError),
        ):
            CALLS[call](notes)
        assert monotonic() < began + LONGEST


@pytest.mark.parametrize("face", FACES)
def test_nothing_behind_a_compressed_body_is_kept(face: str) -> None:
    """It counted toward no bound, and was held whole."""
    whole = gzip.compress(b'{"id":"a"}')
    sent = []

    def speak(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(GZIP + b"%x\r\n%b\r\n" % (len(whole), whole))
        for _ in range(10_000):
            connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")
            sent.append(65_536)

    with speaking(speak) as port, client(face, f"http://127.0.0.1:{port}/n", retries=0) as notes:
        with pytest.raises(Unavailable, match="behind the end"):
            notes.get("a")
        assert sum(sent) < 100_000_000


@pytest.mark.parametrize("face", FACES)
def test_a_server_begins_no_line_in_a_log(face: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does its text do anything to a terminal."""
    body = json.dumps({"title": FORGED, "detail": FORGED}).encode()
    head = "HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\nConnection: close"

    def speak(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    caplog.set_level(logging.INFO, "brubeck.client")
    with (
        speaking(speak) as port,
        client(face, f"http://127.0.0.1:{port}/n", retries=1) as notes,
        pytest.raises(Unavailable) as caught,
    ):
        notes.get("a")
    lines = [str(caught.value), str(caught.value.problem)]
    lines += [each.getMessage() for each in caplog.records if each.name == "brubeck.client"]
    assert len(lines) > 2
    assert all(each.isprintable() for each in lines)
    assert isinstance(caught.value.problem, Problem)
    assert caught.value.problem.detail == FORGED


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("links", CIRCLES)
def test_a_walk_that_comes_back_ends(face: str, links: list[int]) -> None:
    """Also where it does not come back to the page just before."""

    def speak(connection: socket.socket) -> None:
        asked = connection.recv(65_536).split()[1].partition(b"at=")[2].partition(b"&")[0]
        at = int(asked or 1)
        link = f"/n?at={links[min(at, len(links)) - 1]}"
        paging = {"next": link, "previous": None, "changes": "/n/changes?after=0~0"}
        body = json.dumps({"data": [], "paging": paging}).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close"
        connection.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    with speaking(speak) as port, client(face, f"http://127.0.0.1:{port}/n") as notes:
        pages = iter(notes.pages())
        with pytest.raises(Problem, match="comes again"):
            deque((next(pages) for _ in range(4 * len(links) + 4)), 0)


@pytest.mark.parametrize(
    "described",
    [
        {"components": []},
        {"components": {"schemas": {"A": {"type": 5}}}},
        {"paths": []},
        {"paths": {"/x": None}},
        {"paths": {"/x": {"post": []}}},
        {"paths": {"/x": {"post": {"x-geometry": 5}}}},
        {"paths": {"/x": {"post": {"x-geometry": ["a", "b", "c", "d"]}}}},
        {"paths": {"/x": {"post": {"x-geometry": [[1], [2]]}}}},
    ],
    ids=json.dumps,
)
def test_a_description_of_another_shape_is_no_traceback(described: dict[str, object]) -> None:
    """The server may be any."""
    for read in (types_of, geometry_of):
        with pytest.raises(ConfigError, match="no OpenAPI document"):
            read(described, "/x")


def test_a_description_of_another_kind_of_server_is_read() -> None:
    """Parts of it that are not used may have any value."""
    schemas = {"A": {"properties": {"a": {"type": "string"}, "b": True}}, "B": False}
    reference = {"schema": {"$ref": "#/components/schemas/A"}}
    post = {"requestBody": {"content": {"application/json": reference}}, "tags": 5}
    described = {
        "openapi": "3.1.0",
        "components": {"schemas": schemas},
        "paths": {"/x": {"post": post}},
    }
    assert types_of(described, "/x") == {"a": "string"}
