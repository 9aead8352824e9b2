"""``brubeck export``: a file is whole or as it was, however the export ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.servers import wait_until
from tests.servers.programs import running

FULL = Path("/dev/full")


class Held(BaseHTTPRequestHandler):
    """An export of which the second half comes when it is released."""

    protocol_version = "HTTP/1.1"
    release: Event

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Send two lines that name the caller, and between them wait."""
        line = f'{{"id":"{self.headers["Authorization"]}","text":"{"x" * 50_000}"}}\n'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(2 * len(line)))
        self.end_headers()
        self.wfile.write(line)
        self.wfile.flush()
        self.release.wait(60)
        self.wfile.write(line)


@pytest.fixture
def held() -> Iterator[tuple[str, Event]]:
    """Yield the URL of such a server, and what releases its answers."""
    release = Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Held,), {"release": release}))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a caller that has left
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", release
    release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def command(url: str, output: str, *more: str) -> tuple[str, ...]:
    """Return the command that exports."""
    return (sys.executable, "-W", "error", "-m", "brubeck", "export", url, "n", "-o", output, *more)


def test_two_exports_to_one_file_do_not_mix(held: tuple[str, Event], tmp_path: Path) -> None:
    """Each is whole, and the last to end is the one that stays."""
    url, release = held
    first, second = (command(url, "out.ndjson", "--token", name) for name in "ab")
    with running(*first, cwd=tmp_path) as one, running(*second, cwd=tmp_path) as two:
        wait_until(lambda: len(list(tmp_path.glob("*.part"))) == 2, seconds=30)
        release.set()
        assert (one.process.wait(30), two.process.wait(30)) == (0, 0)
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    assert len(lines) == 2
    assert len(set(lines)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["out.ndjson"]


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Let a process that is started heed a signal, also where these tests run under ``nohup``."""
    if signal.getsignal(number) is not signal.SIG_IGN:
        yield
        return
    signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_file_as_it_was(
    held: tuple[str, Event], tmp_path: Path, number: signal.Signals
) -> None:
    """And none beside it; the exit status is that of the signal, as shells have it."""
    (tmp_path / "out.ndjson").write_text("old")
    with heeded(number), running(*command(held[0], "out.ndjson"), cwd=tmp_path) as export:
        wait_until(lambda: any(each.stat().st_size for each in tmp_path.glob("*.part")), seconds=30)
        assert export.stop(number) == 128 + number
        assert "Traceback" not in export.output
    assert [each.name for each in tmp_path.iterdir()] == ["out.ndjson"]
    assert (tmp_path / "out.ndjson").read_text() == "old"


def test_an_export_has_the_rights_of_other_new_files(
    held: tuple[str, Event], tmp_path: Path
) -> None:
    """And not those of a temporary one."""
    held[1].set()
    assert subprocess.run(command(held[0], "out.ndjson"), cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "other").touch()
    modes = {each.stat().st_mode for each in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.skipif(not FULL.exists(), reason="There is no /dev/full here.")
@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "mine:app", "/notes"),
        ("get", "mine:app", "/notes", "--all"),
        ("export", "mine:app", "notes", "-o", "-"),
        ("routes", "mine:app"),
        ("stats", "mine:app", "--json"),
        ("openapi", "mine:app"),
    ],
)
def test_a_full_disk_is_one_sentence(local: Path, arguments: tuple[str, ...]) -> None:
    """However little there was to write."""
    script = "import mine; mine.app.stream(mine.Notes).insert_many([{'text': 'x' * 999}] * 99)"
    subprocess.run([sys.executable, "-c", script], cwd=local, check=True)
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "brubeck", *arguments],
            cwd=local,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    sentence = "brubeck: The output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_a_reader_that_has_had_enough_is_no_error(held: tuple[str, Event]) -> None:
    """As of every command of a shell."""
    held[1].set()
    with subprocess.Popen(
        command(held[0], "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        export.stdout.close()
        assert export.stderr.read() == b""
