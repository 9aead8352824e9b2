"""A million items through HTTP: imported from a file, exported again, byte by byte the same.

``python -m benchmarks bulk`` measures every durable storage; ``python -m benchmarks.bulk 100000
sqlite`` one of them with so many items. Memory is the peak of the serving process above what it
had before (``VmHWM`` of ``/proc``), while ``brubeck import`` and ``brubeck export`` talk to it;
their own peak stands beside it. At the end the store's own tool loads the same file; see `loaders`.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from benchmarks.loaders import load
from tests.servers.mongo import mongo_set, set_url
from tests.servers.programs import brubeck_run
from tests.servers.redis import RedisServer

ITEMS: Final = 1_000_000
START: Final = 1_517_966_773_840
PROGRAM: Final = "benchmarks.servers.bulk:app"
NETWORKS: Final = ("ci", "us", "ak")
MOST_MIB: Final = 64
LINE: Final = (
    '{"id":"q%07d","created_at":%d,"updated_at":%d,"place":"10km SSW of Idyllwild, California",'
    '"network":"%s","magnitude":%s}\n'
)


class Transfer(NamedTuple):
    """One way: seconds, the peak of the server above its idle size, that of the command, in MiB."""

    seconds: float
    server: float
    command: float


def write_items(path: Path, count: int) -> str:
    """Write a file of so many items, and return the digest of its bytes."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for first in range(0, count, 10_000):
            step = range(first, min(first + 10_000, count))
            lines = [
                LINE
                % (n, START + n, START + n, ("ci", "us", "ak")[n % 3], f"{n % 90 / 10 + 0.1:.1f}")
                for n in step
            ]
            data = "".join(lines).encode()
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


def peak(pid: int) -> float:
    """Return the most memory that a process has had at once, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024


def reset_peak(pid: int) -> float:
    """Let the peak begin anew, and return the present size in MiB."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak(pid)


def transfer(pid: int, *command: str) -> Transfer:
    """Run a command of Brubeck against the server; return its time and the peaks of memory."""
    before = reset_peak(pid)
    began = time.monotonic()
    used = [sys.executable, "-m", "brubeck", *command]
    process = subprocess.Popen(used, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    seconds = time.monotonic() - began
    return Transfer(seconds, peak(pid) - before, usage.ru_maxrss / 1024)


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """Yield the URL of a file."""
    yield f"sqlite:///{folder}/bulk.db"


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Yield the URL of a server of its own."""
    server = RedisServer(folder)
    server.run()
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def mongodb(folder: Path) -> Iterator[str]:
    """Yield the URL of a replica set of one."""
    with mongo_set(folder) as members:
        yield set_url(members)


STORAGES: Final[dict[str, Callable[[Path], AbstractContextManager[str]]]] = {
    "sqlite": sqlite,
    "redis": redis,
    "mongodb": mongodb,
}


def measure(name: str, count: int) -> str:
    """Return the row of one storage."""
    with TemporaryDirectory() as folder_name, ExitStack() as stack:
        folder = Path(folder_name)
        source, target = folder / "items.ndjson", folder / "exported.ndjson"
        digest = write_items(source, count)
        url = stack.enter_context(STORAGES[name](folder))
        program = stack.enter_context(
            brubeck_run(PROGRAM, storage_default=url, server_max_body="4GB")
        )
        pid, base = program.process.pid, f"http://127.0.0.1:{program.port}"
        read = transfer(pid, "import", str(source), base, "bulk")
        written = transfer(pid, "export", base, "bulk", "-o", str(target))
        with target.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == digest
        if not same:
            raise SystemExit(f"{name}: the export is not what was imported")
        cells = [name, f"{count:,}"]
        for each in (read, written):
            cells += [f"{each.seconds:.0f} s", f"{count / each.seconds:,.0f}"]
            cells += [f"{each.server:.0f} MiB", f"{each.command:.0f} MiB"]
        tool, seconds = load(url, source, folder)
        cells.append(f"{seconds:.0f} s ({tool})")
        return f"| {' | '.join(cells)} |"


HEAD: Final = (
    "| storage | items | import | items/s | server above idle | command | export | items/s "
    "| server above idle | command | import by its own tool |\n| --- |" + " ---: |" * 10
)


def table(names: Sequence[str] = (), count: int = ITEMS) -> str:
    """Return the table of imports and exports; every export is the imported file byte by byte."""
    title = "### A million items in and out, over HTTP, by `brubeck import` and `brubeck export`"
    rows = [measure(name, count) for name in names or STORAGES]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = f"At most {MOST_MIB} MiB above the idle process (this one: {own:.0f} MiB)."
    return "\n".join([title, "", HEAD, *rows, "", note])


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    print(table([each for each in sys.argv[1:] if not each.isdigit()], *numbers))
