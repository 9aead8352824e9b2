"""Importing Brubeck costs nothing that was not asked for."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    *("eventlet", "gevent", "zmq", "redis", "pymongo", "httptools", "jinja2", "multipart"),
    *("argon2", "bcrypt", "httpx", "jwt", "mako", "mstache", "tornado"),
)


def run(code: str) -> str:
    """Run code in a fresh interpreter in which warnings are errors, and return its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_importing_loads_no_driver_and_prints_nothing() -> None:
    """Not the package, nor the names that programs take from it."""
    loaded = run(
        "import brubeck, sys; from brubeck import Brubeck, StreamHandler, WebMessageHandler;"
        "Brubeck('http://127.0.0.1:6767', []); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert loaded.strip() == "[]"


def test_importing_patches_nothing_and_opens_nothing() -> None:
    """The standard library is as it was, and so are the file descriptors."""
    assert (
        run(
            "import os, socket, threading;"
            "before = (socket.socket, threading.Thread.start, os.listdir('/proc/self/fd'));"
            "import brubeck; from brubeck import *;"
            "after = (socket.socket, threading.Thread.start, os.listdir('/proc/self/fd'));"
            "print(before == after, threading.active_count())"
        ).strip()
        == "True 1"
    )


def test_importing_takes_less_than_150_ms_of_work() -> None:
    """Counted as the process's own time, so that a busy machine does not matter."""
    best = min(
        float(
            run(
                "import time; began = time.process_time(); import brubeck;"
                "print(time.process_time() - began)"
            )
        )
        for _ in range(3)
    )
    assert best < 0.150


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As of any module."""
    assert "no attribute 'nope'" in run(
        "import brubeck\ntry: brubeck.nope\nexcept AttributeError as reason: print(reason)"
    )


NAMES = """
from brubeck import green
green.patch()
import os, socket, sys
def loaded(): return "eventlet.support.greendns" in sys.modules
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
assert [each[4][0] for each in socket.getaddrinfo("::1", 80)][0] == "::1"
assert socket.getaddrinfo(None, 80)
first = loaded()
found = {each[4][0] for each in socket.getaddrinfo("localhost", 80)}
print(first, loaded(), "127.0.0.1" in found, socket.gethostbyname("localhost"),
      os.environ.get("EVENTLET_NO_GREENDNS"))
"""


def test_the_library_of_look_ups_is_imported_by_the_first_look_up() -> None:
    """It takes two thirds of the start; numeric addresses need none of it."""
    assert run(NAMES).split() == ["False", "True", "True", "127.0.0.1", "None"]


def test_look_ups_stay_as_the_program_has_chosen_them() -> None:
    """It has imported eventlet before, or has none of its look-ups."""
    code = (
        "from brubeck import green; green.patch(); import socket, sys;"
        "print(socket.getaddrinfo.__module__, 'eventlet.support.greendns' in sys.modules)"
    )
    before = "import warnings; warnings.simplefilter('ignore'); import eventlet;"
    assert run(before + code).split() == ["eventlet.support.greendns", "True"]
    without = "import os; os.environ['EVENTLET_NO_GREENDNS'] = 'yes';"
    assert run(without + code).split() == ["socket", "False"]
