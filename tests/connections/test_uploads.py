"""Large forms go to disk and leave nothing there, whoever goes away and whatever fails."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Caller, free_port, wait_until
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import brubeck_run, running

PROGRAM = "tests.connections.uploading"
MIB = 1 << 20
PIECE = bytes(range(256)) * 4096
"""A mebibyte of a file."""


@dataclass
class Server:
    """Where the program is served, and where it and its front may store bodies."""

    port: int
    folder: Path
    uploads: Path | None = None

    def process(self) -> tuple[int, int]:
        """Return the id of the process, and how much memory it has ever had at once, in KiB."""
        with Caller(self.port) as caller:
            caller.get("/process")
            pid, peak = json.loads(caller.response().read())
            return pid, peak

    def stored(self) -> list[str]:
        """Return what is stored at present: files that are open, and files in the folders."""
        pid, _ = self.process()
        found = [] if self.uploads is None else [str(path) for path in self.uploads.iterdir()]
        # Programs on one machine tell each other of Mongrel2's clients by sockets in this folder.
        found += [str(path) for path in self.folder.iterdir() if path.is_file()]
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except FileNotFoundError:
                continue
            if target.startswith((str(self.folder), str(self.uploads))):
                found.append(target)
        return found

    def await_nothing(self) -> None:
        """Wait until nothing is stored any more."""
        wait_until(lambda: not self.stored(), seconds=20, what="something is still stored")


@pytest.fixture(scope="module", params=["eventlet", "gevent", "mongrel2", "gunicorn"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serve the program, with a folder of its own for temporary files."""
    folder = tmp_path_factory.mktemp("stored")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("TMPDIR", str(folder))
        if request.param == "gunicorn":
            port = free_port()
            options = ("-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}")
            quiet = ("--no-control-socket", "--worker-tmp-dir", "/dev/shm")
            command = (
                sys.executable,
                "-X",
                "dev",
                "-m",
                "gunicorn",
                f"{PROGRAM}:wsgi",
                *options,
                *quiet,
            )
            started = stack.enter_context(
                running(*command, env={"UPLOADING_WSGI": "1", "BRUBECK_SERVER_MAX_BODY": "300MB"})
            )
            started.await_output("Booting worker")
            yield Server(port, folder)
            assert "unclosed file <_io.BufferedRandom" not in started.output
        elif request.param == "mongrel2":
            front = stack.enter_context(running_mongrel2(settings={"limits.content_length": 8192}))
            listen = f"{front.send_spec},{front.recv_spec}"
            program = brubeck_run(
                f"{PROGRAM}:app",
                listen=listen,
                server_upload_dir=str(front.uploads),
                server_max_body="300MB",
            )
            started = stack.enter_context(program)
            made = Server(front.port, folder, front.uploads)
            wait_until(lambda: _answers(made), seconds=30)
            yield made
            assert "ResourceWarning" not in started.output
        else:
            program = brubeck_run(f"{PROGRAM}:app", green=request.param, server_max_body="300MB")
            started = stack.enter_context(program)
            yield Server(started.port, folder)
            # Nothing was left to the garbage collector, which would say so.
            assert "ResourceWarning" not in started.output


def _answers(server: Server) -> bool:
    try:
        return server.process()[0] > 0
    except OSError:
        return False


def parts(mebibytes: int) -> tuple[bytes, bytes]:
    """Return what stands before and after the content of a file of so many mebibytes."""
    head = b'--X\r\nContent-Disposition: form-data; name="title"\r\n\r\nTake five\r\n'
    head += b'--X\r\nContent-Disposition: form-data; name="f"; filename="../five.bin"\r\n\r\n'
    return head, b"\r\n--X--\r\n"


def begin(caller: Caller, path: str, mebibytes: int) -> None:
    """Send the head of an upload, and the beginning of its form."""
    before, after = parts(mebibytes)
    length = len(before) + mebibytes * MIB + len(after)
    lines = f"Content-Length: {length}", "Content-Type: multipart/form-data; boundary=X"
    caller.get(path, *lines, method="POST")
    caller.send(before)


def upload(caller: Caller, path: str, mebibytes: int) -> Any:
    """Send all of an upload, and return the answer, of which the head is read."""
    begin(caller, path, mebibytes)
    for _ in range(mebibytes):
        caller.send(PIECE)
    caller.send(parts(mebibytes)[1])
    return caller.response("POST")


def test_memory_stays_flat(server: Server) -> None:
    """However large a file is; what the handler gets is what was sent."""
    server.await_nothing()
    with Caller(server.port) as caller:  # what everything needs the first time does not count
        assert upload(caller, "/upload/tell", 8).status == 200
    _, before = server.process()
    digest = hashlib.sha256()
    for _ in range(200):
        digest.update(PIECE)
    with Caller(server.port) as caller:
        answer = upload(caller, "/upload/tell", 200)
        fields, files = json.loads(answer.read())
    assert fields == [["title", "Take five"]]
    assert files == [["five.bin", 200 * MIB, digest.hexdigest()]]
    _, after = server.process()
    assert after - before < 16 * 1024
    server.await_nothing()


def test_a_handler_that_fails_leaves_nothing(server: Server) -> None:
    """On a connection that is kept, too."""
    with Caller(server.port) as caller:
        answer = upload(caller, "/upload/fail", 4)
        assert answer.status == 500
        answer.read()
        server.await_nothing()


def test_who_goes_away_in_the_middle_leaves_nothing(server: Server) -> None:
    """What came is stored until then."""
    with Caller(server.port) as caller:
        begin(caller, "/upload/tell", 8)
        for _ in range(4):
            caller.send(PIECE)
        wait_until(server.stored, seconds=20)
    server.await_nothing()


def test_who_does_not_read_the_answer_leaves_nothing(server: Server) -> None:
    """Though the answer is made of what was sent."""
    with Caller(server.port, receive_buffer=4096) as caller:
        answer = upload(caller, "/upload/back", 32)
        assert answer.status == 200
        assert answer.read(1000) == PIECE[:1000]
        assert server.stored()
    server.await_nothing()


def test_who_reads_the_answer_gets_all_of_it(server: Server) -> None:
    """The file is there until then, and not after."""
    with Caller(server.port) as caller:
        assert upload(caller, "/upload/back", 8).read() == PIECE * 8
    server.await_nothing()


@pytest.mark.parametrize(
    "lines", [(f"Content-Length: {2 * MIB}",), ("Transfer-Encoding: chunked",)], ids=str
)
def test_a_body_above_the_limit_is_refused(lines: tuple[str, ...]) -> None:
    """Before it comes where its length is told, and otherwise when it is too long."""
    with (
        brubeck_run(f"{PROGRAM}:app", server_max_body="1MB") as program,
        Caller(program.port) as caller,
    ):
        kind = "Content-Type: multipart/form-data; boundary=X"
        caller.get("/upload/tell", kind, *lines, method="POST")
        if "chunked" in lines[0]:
            caller.send(b"%x\r\n" % (2 * MIB) + PIECE + b"x")
        assert caller.response("POST").status == 413
