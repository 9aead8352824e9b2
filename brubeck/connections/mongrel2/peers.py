"""Other programs at the same Mongrel2, and notices that reached the wrong one of them.

Mongrel2 deals everything out in turn to the connected programs: not only requests, but its notices
too. So a notice about a client that is unknown here is passed on to the others on this machine.
Each binds a socket in one directory of its user, named after Mongrel2's address; that directory
lists the others. Programs of other users or machines get no notices.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from brubeck import green

if TYPE_CHECKING:
    from brubeck.green.zeromq import ZMQSocket

log = logging.getLogger("brubeck.server")

_LONGEST_PATH: Final = 100  # an address of a Unix socket holds hardly more
_LOOK_EVERY: Final = 10.0


class Peers:
    """The programs beside this one. Only the thread that receives requests may `broadcast`."""

    def __init__(self, send_spec: str) -> None:
        name = hashlib.sha256(send_spec.encode()).hexdigest()[:16]
        self._directory = Path(gettempdir()) / f"brubeck-{os.getuid()}-{name}"
        self._own = self._directory / f"{os.getpid()}.{uuid4().hex[:12]}"
        self._inbox: ZMQSocket | None = None
        self._others: dict[str, ZMQSocket] = {}
        self._seen = (0, 0.0)

    def listen(self, take: Callable[[bytes], None]) -> None:
        """Start to receive the notices that the others pass on."""
        try:
            self._make_directory()
        except OSError as reason:
            log.warning("Mongrel2's notices are not passed on between programs: %s", reason)
            return
        self._inbox = green.zmq_socket("PULL")
        self._inbox.bind(f"ipc://{self._own}")
        green.spawn(self._receive, self._inbox, take)

    def _make_directory(self) -> None:
        if len(bytes(self._own)) > _LONGEST_PATH:
            raise OSError(f"{self._own} is too long for a socket")
        self._directory.mkdir(mode=0o700, exist_ok=True)
        found = self._directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise OSError(f"{self._directory} is not ours alone")

    def _receive(self, inbox: ZMQSocket, take: Callable[[bytes], None]) -> None:
        green.supervise(lambda: take(inbox.recv()), "Taking what other programs pass on")

    def broadcast(self, message: bytes) -> None:
        """Pass a message of Mongrel2 on to every other program."""
        if self._inbox is None:
            return
        with suppress(OSError):  # somebody may clean up temporary files under our feet
            changed, looked = self._directory.stat().st_mtime_ns, monotonic()
            if changed != self._seen[0] or looked > self._seen[1] + _LOOK_EVERY:
                self._look()
                self._seen = changed, looked
        for other in self._others.values():
            other.send(message)

    def _look(self) -> None:
        """Connect to new programs, and close the sockets to those that left."""
        present = {path.name for path in self._directory.iterdir() if _is_alive(path)}
        present.discard(self._own.name)
        for name in self._others.keys() - present:
            self._others.pop(name).close()
        for name in present - self._others.keys():
            self._others[name] = green.zmq_socket("PUSH", linger_ms=0)
            self._others[name].connect(f"ipc://{self._directory / name}")

    def close(self) -> None:
        """Leave."""
        if self._inbox is not None:
            self._own.unlink(missing_ok=True)
            self._inbox.close()
        for other in self._others.values():
            other.close()
        self._others.clear()
        self._inbox = None


def _is_alive(path: Path) -> bool:
    """Return whether the program of a socket runs; the socket of a dead one is removed."""
    pid = path.name.partition(".")[0]
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        path.unlink(missing_ok=True)
        return False
    except PermissionError:
        return False
    return True
