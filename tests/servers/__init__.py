"""Genuine servers for tests: found, started on free ports, and stopped again.

A test that needs one asks here. Where it is not installed, the test skips with the command that
installs it; in CI (``CI`` is set) it fails, so that nothing is believed to be tested that is not.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from io import BufferedReader
from time import monotonic, sleep
from typing import Self, cast

_PORTS = range(20_000, 32_000)  # below those that the kernel gives to outgoing connections


def require(program: str, package: str) -> str:
    """Return the path of a server's program, or skip (in CI: fail) saying how to install it."""
    import pytest  # programs of tests wait by this module, and need no half of pytest

    found = shutil.which(program)
    if found is None:
        missing = f"{program} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def require_ipv6() -> None:
    """Skip where the system has no IPv6, as some containers have none."""
    import pytest

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("there is no IPv6 here")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    Another process may still take it first; who starts a server looks whether it runs, and tries
    again with another port.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def wait_until(condition: Callable[[], object], *, seconds: float = 10, what: str = "") -> None:
    """Wait until a condition holds; `TimeoutError` when it does not within the time.

    One that takes long to ask is asked as much more rarely: it is for the servers that it asks to
    come to it.
    """
    end = monotonic() + seconds
    began = monotonic()
    while not condition():
        now = monotonic()
        if now > end:
            raise TimeoutError(what or "the condition did not come true")
        sleep(min(max(0.005, 3 * (now - began)), 0.1))
        began = monotonic()


class _Shared(BufferedReader):
    """A file that outlives those who read from it: what one leaves is for the next."""

    def close(self) -> None:
        """Stay open; the socket below is closed by its owner."""


class Caller:
    """One HTTP connection that sends exactly the bytes it is told to.

    A small ``receive_buffer`` (bytes) makes it a reader that the other end soon waits for.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self._file = _Shared(socket.SocketIO(self.socket, "r"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def makefile(self, *_: object) -> BufferedReader:
        """Return the one file through which everything is read; for `HTTPResponse`."""
        return self._file

    def send(self, raw: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(raw)

    def get(self, target: str, *lines: str, version: str = "1.1", method: str = "GET") -> None:
        """Send a request without a body."""
        head = [f"{method} {target} HTTP/{version}", "Host: localhost", *lines, "", ""]
        self.send("\r\n".join(head).encode("latin-1"))

    def response(self, method: str = "GET") -> HTTPResponse:
        """Read the head of the next response; its body is still to be read."""
        response = HTTPResponse(cast("socket.socket", self), method=method)
        response.begin()
        return response

    def rest(self) -> bytes:
        """Read everything up to the end of the connection."""
        return self._file.read()
