"""``brubeck mongrel2``: from a program to a Mongrel2 in front of it, and a sentence a mistake."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from brubeck.cli.mongrel2 import mongrel2
from tests.servers import free_port, require, wait_until
from tests.servers.commands import commands
from tests.servers.mongrel2 import PACKAGE
from tests.servers.programs import ROOT, Program, brubeck_run, running

PROGRAM = """
from brubeck import Brubeck, WebMessageHandler

class Size(WebMessageHandler):
    def get(self):
        self.set_body('a page')
        return self.render()

    def post(self):
        self.set_body(f'{len(self.message.body)} bytes')
        return self.render()

app = Brubeck(handler_tuples=[('^/s$', Size)])
"""
SOCKETS = "tcp://127.0.0.1:9999,tcp://127.0.0.1:9998"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a program, a folder of files and one for uploads."""
    (tmp_path / "mine.py").write_text(PROGRAM)
    for name in ("static", "uploads", "old", "old-secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "static" / "style.css").write_text("body {}")
    (tmp_path / "brubeck.toml").write_text('[server]\nupload_dir = "uploads"\nspool = "16k"\n')
    return tmp_path


def set_up(folder: Path, *options: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    env = {"PATH": path} if path else os.environ
    return commands().run(folder, ("mongrel2", "mine:app", *options), "", env)


def printed(folder: Path, *options: str) -> str:
    """Return the configuration for two sockets, and options."""
    done = set_up(folder, "--listen", SOCKETS, "--print", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Ask, and return the status and the text."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@contextmanager
def started(folder: Path, port: int, sockets: str) -> Iterator[Program]:
    """Start Mongrel2 by the command, and wait until it is ready."""
    command = (sys.executable, "-W", "error", "-m", "brubeck", "mongrel2", "mine:app", "--start")
    options = ("--listen", sockets, "--port", str(port), "--static", "/static=static")
    log = folder / ".mongrel2" / "logs" / "error.log"
    with running(*command, *options, cwd=folder) as front:
        wait_until(lambda: log.exists() and " Running. " in log.read_text(), what=front.output)
        yield front


@pytest.mark.mongrel2
@pytest.mark.parametrize(("transport", "number"), [("tcp", signal.SIGTERM), ("ipc", signal.SIGINT)])
def test_a_program_is_set_up_started_and_served(folder: Path, transport: str, number: int) -> None:
    """Pages, files, a page at the beginning of the files' path, and a body that is stored."""
    require("mongrel2", PACKAGE)
    port = free_port()
    sockets = f"tcp://127.0.0.1:{free_port()},tcp://127.0.0.1:{free_port()}"
    if transport == "ipc":
        sockets = "ipc://requests,ipc://replies"  # beside the program, for both of them
    with (
        started(folder, port, sockets) as front,
        brubeck_run("mine:app", listen=sockets, cwd=folder) as program,
    ):
        assert ask(port, "GET", "/s") == (200, "a page")
        assert ask(port, "GET", "/static/style.css") == (200, "body {}")
        assert ask(port, "GET", "/static/nothing.css")[0] == 404
        for path in ("/", "/static", "/styles"):
            status, text = ask(port, "GET", path)
            assert (status, f"No resource exists at {path}." in text) == (404, True)
        for size in (16 * 1024, 500_000):  # held by Mongrel2, and stored by it
            assert ask(port, "POST", "/s", b"x" * size) == (200, f"{size} bytes")
        assert list((folder / "uploads").iterdir()) == []
        assert program.stop() == 0
        assert front.stop(number) == 0


@pytest.mark.mongrel2
def test_mongrel2_shows_what_the_command_refuses_to_set_up(folder: Path) -> None:
    """A folder whose name begins like that of the static one; were it not so, nothing would be."""
    require("mongrel2", PACKAGE)
    port = free_port()
    sockets = f"tcp://127.0.0.1:{free_port()},tcp://127.0.0.1:{free_port()}"
    with started(folder, port, sockets):
        for name in ("static-old", "other"):
            (folder / name).mkdir()
            (folder / name / "notes").write_text("notes")
        assert ask(port, "GET", "/static/../static-old/notes") == (200, "notes")
        assert ask(port, "GET", "/static/../other/notes")[0] == 404


@pytest.mark.mongrel2
def test_it_is_set_up_again_until_somebody_changes_it(folder: Path) -> None:
    """The same file each time; a changed one is replaced only by force."""
    require("m2sh", PACKAGE)
    file = folder / ".mongrel2" / "mongrel2.conf"
    written = []
    for _ in range(2):
        done = set_up(folder, "--listen", SOCKETS)
        assert (done.returncode, done.stderr) == (0, "")
        written.append(file.read_text())
    assert written == [printed(folder)] * 2
    assert "m2sh start -db " in done.stdout
    assert f"{folder}/uploads" in done.stdout
    file.write_text(written[0] + "# mine\n")
    done = set_up(folder, "--listen", SOCKETS)
    assert (done.returncode, "has been edited" in done.stderr) == (2, True)
    assert file.read_text().endswith("# mine\n")
    assert set_up(folder, "--listen", SOCKETS, "--force").returncode == 0
    assert file.read_text() == written[0]


@pytest.mark.mongrel2
def test_an_address_that_is_taken_is_told(folder: Path) -> None:
    """Mongrel2 itself would start, and say in its log that nobody will hear it."""
    require("mongrel2", PACKAGE)
    port, other = free_port(), free_port()
    sockets = f"tcp://127.0.0.1:{other},tcp://127.0.0.1:{other}"
    done = set_up(folder, "--listen", sockets, "--port", str(port), "--start")
    assert done.returncode == 2
    assert f"brubeck: Cannot listen on 127.0.0.1:{other}" in done.stderr


def test_without_mongrel2_it_says_what_to_install(folder: Path) -> None:
    """And writes nothing; to print needs nothing."""
    done = set_up(folder, "--listen", SOCKETS, path=str(folder))
    assert done.stderr == "brubeck: m2sh is not installed: apt-get install mongrel2-core\n"
    assert not (folder / ".mongrel2").exists()
    assert set_up(folder, "--listen", SOCKETS, "--print", path=str(folder)).returncode == 0


def test_limits_and_names_follow_from_the_program(folder: Path) -> None:
    """What fits in memory there is not stored here, but for what makes Mongrel2 hang."""
    text = printed(folder)
    assert "'limits.content_length': 16384\n" in text
    assert f"'upload.temp_store': '{folder}/uploads/mongrel2.XXXXXX'" in text
    assert text == printed(folder)
    other = set_up(folder, "--listen", SOCKETS.replace("9998", "9997"), "--print").stdout
    assert not {line for line in text.splitlines() if "uuid=" in line} & {*other.splitlines()}
    (folder / "brubeck.toml").write_text('[server]\nspool = "1k"\n')
    assert "'limits.content_length': 4096\n" in printed(folder)


def test_folders_are_told_apart_by_their_paths(folder: Path) -> None:
    """Each has a route of its own; the program has what their paths begin with."""
    text = printed(folder, "--static", "/a=static", "--static", "/b/c/=uploads")
    assert f"'/a/': Dir(base='{folder}/static/'" in text
    assert f"'/b/c/': Dir(base='{folder}/uploads/'" in text
    for path in ("/", "/a", "/b", "/b/", "/b/c"):
        assert f"'{path}': program" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "http://127.0.0.1:1"), "serves on http://127.0.0.1:1, not behind Mongrel2"),
        (("--listen", "tcp://127.0.0.1:1"), "--listen must be a URL"),
        (("--port", "0"), "--port must be a whole number"),
        (("--port", "http"), "--port must be a whole number"),
        (("--bind", "here"), "--bind must be an IP address"),
        (("--static", "static"), "/static=folder"),
        (("--static", "/static="), "/static=folder"),
        (("--static", "/static=nowhere"), "--static must name a folder"),
        (("--static", "/static=mine.py"), "--static must name a folder"),
        (("--static", "static=static"), 'a path such as /static, not "static/"'),
        (("--static", "/=static"), "a path such as /static"),
        (("--static", "/../x=static"), "a path such as /static"),
        (("--static", "/a(b)=static"), "a path such as /static"),
        (("--static", "/a=static", "--static", "/a=uploads"), "in each other's way"),
        (("--static", "/a=static", "--static", "/a/b=uploads"), "in each other's way"),
        (("--static", "/old=old"), "Mongrel2 would show "),
        (("--directory", "it's"), 'cannot hold "\'"'),
        (("--directory", "a\nb"), "cannot hold '\\n'"),
        (("--directory", "a\\b"), "cannot hold '\\\\'"),
        (("--listen", "tcp://'},tcp://127.0.0.1:1"), 'cannot hold "\'"'),
        (("--directory", "mine.py/x"), "mine.py/x cannot be written: Not a directory"),
        (("--listen", "tcp://here,tcp://there", "--start"), "is not a socket such as"),
    ],
)
def test_a_mistake_is_one_sentence(folder: Path, options: tuple[str, ...], said: str) -> None:
    """And nothing is written."""
    if "mine.py/x" in options or "--start" in options:
        require("m2sh", PACKAGE)
    else:
        options = (*options, "--print")
    done = set_up(folder, *(() if "--listen" in options else ("--listen", SOCKETS)), *options)
    assert done.returncode == 2
    assert done.stderr.startswith("brubeck: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_uploads_need_is_there(folder: Path) -> None:
    """The program's own setting is where Mongrel2 puts them."""
    (folder / "uploads").rmdir()
    done = set_up(folder, "--listen", SOCKETS, "--print")
    assert "server.upload_dir must name a folder" in done.stderr


def test_a_program_with_a_connection_of_its_own_is_told(folder: Path) -> None:
    """Whatever the settings say, it is not served by them."""
    (folder / "mine.py").write_text(
        "from brubeck import Brubeck\n"
        "from brubeck.connections.mongrel2 import Mongrel2Connection\n"
        "app = Brubeck(Mongrel2Connection('ipc://a', 'ipc://b'))\n"
    )
    done = set_up(folder, "--listen", SOCKETS, "--print")
    assert "serves by a connection of its own" in done.stderr


def test_every_option_is_in_the_documentation() -> None:
    """And none that there is not."""
    text = (ROOT / "docs" / "mongrel2.md").read_text().partition("### By hand")[0]
    options = {name for each in mongrel2.params for name in each.opts if name.startswith("--")}
    assert {*re.findall(r"`(--[a-z]+)", text)} == options
