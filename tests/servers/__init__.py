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
from time import monotonic, sleep

import pytest

_PORTS = range(20_000, 32_000)  # below those that the kernel gives to outgoing connections


def require(program: str, package: str) -> str:
    """Return the path of a server's program, or skip (in CI: fail) saying how to install it."""
    found = shutil.which(program)
    if found is None:
        missing = f"{program} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


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
    """Wait until a condition holds; `TimeoutError` when it does not within the time."""
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            raise TimeoutError(what or "the condition did not come true")
        sleep(0.005)
