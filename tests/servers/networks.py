"""Networks of their own for processes, each with a link to ours that can be cut."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.servers import require, wait_until

LINKS: Final = range(1 << 14)
"""Numbers of links: each has a name and four addresses of 198.18.0.0/16, which is for tests of
networks (RFC 2544)."""


def require_networks() -> None:
    """Skip where processes cannot be given a network of their own; that takes root."""
    require("ip", "iproute2")
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("unshare and nsenter are not installed: apt-get install util-linux")
    tried = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "name", "tried", "type", "veth"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"networks and links between them are not permitted: {tried.stderr.strip()}")


class Link:
    """The link between this network and that of another process."""

    def __init__(self, number: int) -> None:
        self.name = f"fire{number}"
        below = f"198.18.{number >> 6}.{4 * (number & 63)}"
        before, _, last = below.rpartition(".")
        self.host = f"{before}.{int(last) + 1}"
        """The address of this end."""
        self.other = f"{before}.{int(last) + 2}"
        """The address of the other end."""

    def cut(self) -> None:
        """Lose whatever is sent, in both directions, without a word."""
        _ip("link", "set", self.name, "down")

    def mend(self) -> None:
        """Pass everything on again."""
        _ip("link", "set", self.name, "up")


@contextmanager
def linked(pid: int) -> Iterator[Link]:
    """Link the network of a process, started with ``unshare --net``, to this one for a while."""
    ours = Path("/proc/self/ns/net").stat().st_ino
    wait_until(lambda: Path(f"/proc/{pid}/ns/net").stat().st_ino != ours)
    link = _link_to(pid)
    try:
        _ip("address", "add", f"{link.host}/30", "dev", link.name)
        link.mend()
        _ip("address", "add", f"{link.other}/30", "dev", "eth0", inside=pid)
        _ip("link", "set", "eth0", "up", inside=pid)
        yield link
    finally:
        _ip("link", "delete", link.name)


def _link_to(pid: int) -> Link:
    """Return a new link whose other end is ``eth0`` of a process; one that exists is another's."""
    for number in random.sample(LINKS, 100):
        link = Link(number)
        if not Path(f"/sys/class/net/{link.name}").exists():
            end = ("peer", "name", "eth0", "netns", str(pid))
            _ip("link", "add", "name", link.name, "type", "veth", *end)
            return link
    raise RuntimeError("no link is free")


def _ip(*arguments: str, inside: int | None = None) -> None:
    before = [] if inside is None else ["nsenter", "--target", str(inside), "--net"]
    subprocess.run([*before, "ip", *arguments], check=True, capture_output=True)
