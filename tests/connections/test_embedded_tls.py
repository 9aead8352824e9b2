"""The embedded server over TLS."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.connections.asking import GET, PROGRAM, QUICK
from tests.servers import Caller, wait_until
from tests.servers.programs import ROOT, brubeck_run


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for localhost that nobody but this test trusts."""
    folder = tmp_path_factory.mktemp("tls")
    certfile, keyfile = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(keyfile), "-out", str(certfile)),
        ],
        check=True,
        capture_output=True,
    )
    return certfile, keyfile


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_https_is_served(certificate: tuple[Path, Path], engine: str) -> None:
    """Over TLS 1.2 or newer; who does not speak it is dropped, and others are served."""
    certfile, keyfile = certificate
    with brubeck_run(
        PROGRAM,
        listen="https://127.0.0.1:0",
        green=engine,
        server_certfile=str(certfile),
        server_keyfile=str(keyfile),
    ) as server:
        with Caller(server.port) as plain:
            plain.send(GET)
            with suppress(ConnectionResetError):
                assert not plain.rest().startswith(b"HTTP")
        trust = ssl.create_default_context(cafile=str(certfile))
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw,
            trust.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            for length in (0, 200_000):
                head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % length
                sock.sendall(head + b"x" * length)
                response = HTTPResponse(sock)
                response.begin()
                assert response.read().endswith(b" %d" % length)
        assert "Traceback" not in server.output


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_session_of_tls_ends_as_it_should(
    certificate: tuple[Path, Path], engine: str, tmp_path: Path
) -> None:
    """Said by both sides where all is well, and by neither where an answer broke off."""
    certfile, keyfile = certificate
    door = tmp_path / "door"
    with (
        brubeck_run(
            QUICK,
            listen="https://127.0.0.1:0",
            green=engine,
            server_certfile=str(certfile),
            server_keyfile=str(keyfile),
            server_head_timeout="1s",
            server_idle_timeout="1s",
        ) as server,
        ExitStack() as stack,
    ):
        trust = ssl.create_default_context(cafile=str(certfile))

        def ask(raw: bytes) -> ssl.SSLSocket:
            below = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            sock = trust.wrap_socket(below, server_hostname="localhost", suppress_ragged_eofs=False)
            sock.sendall(raw)
            return stack.enter_context(sock)

        def rest(sock: ssl.SSLSocket) -> bytes:
            return b"".join(iter(lambda: sock.recv(100_000), b""))

        silent = stack.enter_context(Caller(server.port))
        idle = ask(GET)
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        last = ask(GET.replace(b"Host: h", b"Host: h\r\nConnection: close"))
        assert rest(last).startswith(b"HTTP/1.1 200")
        assert last.unwrap() is not None
        polite = ask(GET)
        assert polite.recv(1000).startswith(b"HTTP/1.1 200")
        polite.unwrap().close()
        with pytest.raises(ssl.SSLEOFError):
            rest(ask(b"GET /broken HTTP/1.0\r\n\r\n"))
        patient = ask(b"GET /patient%b HTTP/1.1\r\nHost: h\r\n\r\n" % bytes(door))
        wait_until(door.with_suffix(".begun").exists)
        patient.close()
        wait_until(door.exists, seconds=30)
        assert silent.rest() == b""
        with suppress(ssl.SSLEOFError):
            assert rest(idle) == b""
        # The one traceback is that of the program's own mistake.
        assert server.output.count("Traceback") == 1


def test_a_certificate_without_its_key_is_told_so(certificate: tuple[Path, Path]) -> None:
    """In words, beside those of OpenSSL."""
    done = subprocess.run(
        [sys.executable, "-m", "brubeck", "run", PROGRAM, "--listen", "https://127.0.0.1:0"],
        env=os.environ | {"BRUBECK_SERVER_CERTFILE": str(certificate[0])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "If its key is in a file of its own, set server.keyfile." in done.stderr
    assert "Traceback" not in done.stderr
