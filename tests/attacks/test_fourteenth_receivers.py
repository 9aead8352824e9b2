"""The fourteenth attack: the cost of receivers and subscribers to webhooks on green threads."""

from __future__ import annotations

import select
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.measuring import measured
from tests.servers.certificates import Certificates
from tests.servers.speaking import speaking

PAUSE = 0.1
SECONDS = 0.5
LONGEST = 8.0
"""Seconds of an attempt with the start of its program's hub, on a busy machine."""
ENGINES = ("eventlet", "gevent")


def attempt(engine: str, url: str, seconds: float, **environment: str) -> dict[str, Any]:
    """Return what an attempt at a receiver cost."""
    found: dict[str, Any] = measured(
        "held_by_receivers", engine, str(seconds), url, seconds=30, **environment
    )
    return found


def drip(connection: socket.socket, data: bytes) -> None:
    """Send a byte at a time, until the other end has had enough."""
    for at in range(len(data)):
        connection.sendall(data[at : at + 1])
        if select.select([connection], [], [], PAUSE)[0] and not connection.recv(65_536):
            return


def drip_a_handshake(connection: socket.socket) -> None:
    """Begin a record of TLS of the greatest length, and never end it."""
    connection.recv(65_536)
    drip(connection, b"\x16\x03\x03\x40\x00" + bytes(16_384))


class Secure:
    """A receiver that knows TLS, and drips its answer in one record."""

    def __init__(self, files: Certificates) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.certfile, files.keyfile)

    def __call__(self, connection: socket.socket) -> None:
        """Make the handshake as it should be made, and drip the rest."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                secure.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
            else:
                break
        connection.sendall(outgoing.read())
        secure.write(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 90 + b"\r\n")
        drip(connection, outgoing.read())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["handshake", "record"])
def test_a_receiver_that_drips_tls_does_not_prolong_an_attempt(
    engine: str, kind: str, tmp_path: Path
) -> None:
    """Each byte had the time of a whole attempt: a record took days, and its turn with it."""
    files = Certificates(tmp_path)
    speak = drip_a_handshake if kind == "handshake" else Secure(files)
    with speaking(speak) as port:
        url = f"https://localhost:{port}/"
        found = attempt(engine, url, SECONDS, SSL_CERT_FILE=files.cafile)
    assert "no answer within" in found["error"]
    assert found["seconds"] < LONGEST


FLOODS = {
    "answers that are none": b"HTTP/1.1 100 \r\n\r\n" * 15_000,
    "trailers": b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a\r\n" * 80_000,
    "chunks": b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 40_000,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_receiver_that_floods_lets_others_be_served(engine: str) -> None:
    """A quarter of a mebibyte of small answers took 0.13 s in one go."""
    holds = {}
    for name, flood in FLOODS.items():

        def speak(connection: socket.socket, flood: bytes = flood) -> None:
            connection.recv(65_536)
            connection.sendall(flood)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass

        with speaking(speak) as port:
            holds[name] = attempt(engine, f"http://localhost:{port}/", 20)["hold"]
    assert {name: hold for name, hold in holds.items() if hold > 0.06} == {}


def test_many_subscriptions_let_others_be_served() -> None:
    """Each look at three thousand of them took 0.2 s in one go, several times a second."""
    holds = measured("held_by_subscriptions", seconds=60)
    assert {name: hold for name, hold in holds.items() if hold > 0.06} == {}
