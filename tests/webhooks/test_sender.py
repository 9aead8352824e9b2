"""Requests to receivers: to checked addresses, in bounded time, with little read."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from brubeck.webhooks import sender
from brubeck.webhooks.addresses import Refused, is_public, parse_url, resolve
from brubeck.webhooks.sender import MAX_BODY, Answer, Sender
from tests.servers import free_port
from tests.servers.certificates import Certificates
from tests.servers.speaking import speaking as each_connection
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving() as found:
        yield found


def post(url: str, *, timeout: float = 5.0, allow_private: bool = True) -> Answer:
    """Send one message."""
    sending = Sender(url, timeout=timeout, allow_private=allow_private)
    try:
        return sending.post({"webhook-id": "1"}, b"{}")
    finally:
        sending.close()


def read_request(connection: socket.socket) -> None:
    """Read a whole request: what is closed with something unread may lose its answer."""
    read = b""
    while not read.endswith(b"\r\n\r\n{}"):
        if not (piece := connection.recv(65_536)):
            raise ConnectionError
        read += piece


@contextmanager
def speaking(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that reads a request and then does as it likes; yield its URL."""

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        speak(connection)

    with each_connection(answer) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::7f00:1"),
        *("2002:7f00:1::", "2002:0a00:0001::1", "64:ff9b::127.0.0.1", "64:ff9b:1::10.0.0.1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "fe80::1%1"),
    ],
)
def test_a_private_address_is_not_public(address: str) -> None:
    """In whatever form."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1"]
)
def test_a_public_address_is_public(address: str) -> None:
    """Also one of IPv4 within one of IPv6."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost.", "0"]
)
def test_another_spelling_of_a_private_address_is_refused(host: str) -> None:
    """When the URL is stored, or when it is resolved: nothing is connected to."""
    with pytest.raises(Refused):
        resolve(parse_url(f"https://{host}/", allow_private=False), allow_private=False)
    assert post(f"https://{host}/", allow_private=False).error


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    looked_up: list[Any] = []
    inner = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        looked_up.append(host)
        return inner("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = f"http://rebinding.example:{receiver.port}/"
    assert post(url).status == 204
    assert looked_up == ["rebinding.example"]
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"
    refused = post("https://rebinding.example/", allow_private=False)
    assert refused.error == "rebinding.example has no address, or a private one."
    assert looked_up == ["rebinding.example"] * 2
    assert len(receiver.received) == 1


def test_a_name_without_an_address_is_refused_as_a_private_one() -> None:
    """So nobody learns which names the network of the server has."""
    unknown = post("https://unknown.invalid/", allow_private=False)
    assert unknown.error == "unknown.invalid has no address, or a private one."


def test_an_address_that_does_not_answer_is_followed_by_the_next(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may have several, of both families."""
    inner = socket.getaddrinfo

    def look_up(_host: str, *arguments: Any, **options: Any) -> Any:
        found = [inner(each, *arguments, **options) for each in ("127.0.0.2", "127.0.0.1")]
        return [*found[0], *found[1]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert post(f"http://several.example:{receiver.port}/").status == 204


def test_a_connection_is_used_again_and_replaced_when_it_is_closed(receiver: Receiver) -> None:
    """A receiver may close it at any time; the message is sent once more."""
    sending = Sender(receiver.url(), timeout=5, allow_private=True)
    for _ in range(3):
        assert sending.post({}, b"{}").status == 204
    assert receiver.connections == 1
    receiver.answer = lambda _: (200, {"Connection": "close"}, b"ok")
    assert sending.post({}, b"{}").text == "ok"
    assert sending.post({}, b"{}").text == "ok"
    assert receiver.connections == 2
    sending.close()


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    """As servers close idle ones, without a word."""

    def once(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with speaking(once) as url:
        sending = Sender(url, timeout=5, allow_private=True)
        assert [sending.post({}, b"{}").status for _ in range(3)] == [204] * 3
        sending.close()


def _silent(connection: socket.socket) -> None:
    connection.recv(1)


def _dripping(first: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    never = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(1000):
            connection.sendall(drop)
            never.wait(0.02)

    return drip


@pytest.mark.parametrize(
    "speak",
    [
        _silent,
        _dripping(b"", b"H"),
        _dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        _dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", b"x"),
    ],
    ids=["silent", "status", "headers", "continue", "body"],
)
def test_an_attempt_ends_in_time(speak: Callable[[socket.socket], None]) -> None:
    """However slowly the receiver answers, byte by byte."""
    with speaking(speak) as url:
        began = monotonic()
        answer = post(url, timeout=0.3)
        assert answer.status is None
        assert answer.error
        assert monotonic() - began < 3


def _endless(first: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def pour(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in itertools.count():
            connection.sendall(piece)

    return pour


def test_little_of_an_answer_is_read() -> None:
    """An endless body is cut, endless headers are a failure."""
    with speaking(_endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)) as url:
        answer = post(url)
        assert answer.is_success
        assert len(answer.text) < MAX_BODY
    with speaking(
        _endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n" * 999)
    ) as url:
        assert "too long" in post(url, timeout=10).error
    with speaking(_endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 999)) as url:
        assert "100 headers" in post(url, timeout=10).error


@pytest.mark.parametrize(
    "said", [b"", b"\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2x0 ?\r\n\r\n"]
)
def test_what_is_no_answer_is_a_failure(said: bytes) -> None:
    """With a reason that can be stored and shown."""
    with speaking(lambda connection: connection.sendall(said)) as url:
        answer = post(url)
        assert answer.status is None
        assert answer.error.isprintable()


def test_nobody_listening_and_no_such_name_are_failures() -> None:
    """As any other."""
    assert "refused" in post(f"http://127.0.0.1:{free_port()}/").error
    assert post("http://no-such-host.invalid/").error


def test_tls_is_verified_by_the_name_in_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the connection is made to the address."""
    (tmp_path / "good").mkdir()
    files = Certificates(tmp_path / "good", name="DNS:localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certfile, files.keyfile)

    def speak(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                read_request(secure)
                secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak, args=(listener,), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        assert "CERTIFICATE_VERIFY_FAILED" in post(f"https://localhost:{port}/").error
        trusting = ssl.create_default_context(cafile=files.cafile)
        monkeypatch.setattr(sender, "_tls", lambda: trusting)
        assert post(f"https://localhost:{port}/").status == 204
        assert "CERTIFICATE_VERIFY_FAILED" in post(f"https://127.0.0.1:{port}/").error
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
