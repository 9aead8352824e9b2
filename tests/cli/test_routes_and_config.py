"""``brubeck routes`` and ``brubeck config``, and the options of ``brubeck run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.servers import Caller, free_port
from tests.servers.programs import brubeck, running

PROGRAM = """
import sys
from brubeck import Brubeck, StreamHandler, StreamedDocument, render
from brubeck.auth import BasicAuth
from brubeck.streams import AuthStreamHandler, OwnedDocument

class Note(StreamedDocument):
    pass

class Notes(StreamHandler):
    model = Note
    path = '/notes'

class Entry(OwnedDocument):
    pass

class Journal(AuthStreamHandler):
    model = Entry
    path = '/journals/<owner>/entries'
    schemes = (BasicAuth(),)
    scopes = {'read': 'journal:read'}
    owned = True

class News(StreamHandler):
    model = Note
    path = '/bulletin'
    storage = 'archive'
    read_only = True

app = Brubeck(
    'http://127.0.0.1:7001',
    streams=[Notes, Journal, News],
    cookie_secret='hush',
    storage={'archive': 'sqlite:///archive.db'},
)

@app.add_route('^/hello/?$', method='POST')
def hello(application, message):
    return render('hello')

if __name__ == '__main__':
    app.run()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a program in it."""
    (tmp_path / "mine.py").write_text(PROGRAM)
    return tmp_path


def test_routes_are_readable_paths_in_their_order(folder: Path) -> None:
    """With their methods and handlers; what is no plain path stays an expression."""
    lines = brubeck(folder, "routes", "mine:app").stdout.splitlines()
    paths = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert paths[:4] == [
        *("/notes", "/notes.{json,csv,ndjson,atom,feed.json}", "/notes/changes", "/notes/<id>"),
    ]
    assert "/journals/<owner>/entries/changes" in paths
    assert paths[-9:-6] == ["/hello", "/-/health", "/-/ready"]
    assert {"/", "/openapi.json", "/manifest.json", "/docs"} < set(paths[-6:])
    assert lines[1].split()[1:] == ["GET,HEAD,POST,OPTIONS", "NotesCollection"]
    assert next(line for line in lines if "hello" in line).split()[1:] == ["POST", "hello"]


def test_streams_are_listed_with_their_storage_and_access(folder: Path) -> None:
    """The words are those of the declaration."""
    lines = brubeck(folder, "routes", "mine:app").stdout.splitlines()
    rows = [line.split("  ") for line in lines[lines.index("") + 2 :]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["/notes", "default", "anyone", "anyone"],
        ["/journals/<owner>/entries", "default", "owner with scope journal:read", "owner"],
        ["/bulletin", "archive", "anyone", "the program alone"],
    ]


def test_routes_are_json_too(folder: Path) -> None:
    """For programs."""
    found = json.loads(brubeck(folder, "routes", "mine:app", "--json").stdout)
    assert found["routes"][3]["pattern"] == "^/notes/(?P<ids>[^/]+)$"
    assert found["routes"][3]["methods"][0] == "GET"
    assert found["streams"][0]["model"] == "Note"


def config(folder: Path, *arguments: str, **settings: str) -> dict[str, tuple[object, str]]:
    """Return the value and source of each setting, by section and key."""
    done = brubeck(folder, "config", *arguments, "--json", **settings)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {f"{each['section']}.{each['key']}": (each["value"], each["source"]) for each in found}


def test_each_setting_has_its_source(folder: Path) -> None:
    """All five sources, and no secret."""
    (folder / "brubeck.toml").write_text("[server]\nworkers = 2\ngrace = '3s'\n")
    url = "redis://me:hush@localhost/0"
    found = config(folder, "mine:app", "--workers", "4", storage_default=url)
    assert found["server.spool"][1] == "default"
    assert found["server.listen"] == ("http://127.0.0.1:7001", "program")
    assert found["server.grace"] == (3.0, "file brubeck.toml, line 3")
    assert found["server.workers"] == (4, "command line --workers")
    assert found["storage.default"] == (
        "redis://***@localhost/0",
        "environment BRUBECK_STORAGE_DEFAULT",
    )
    assert found["app.cookie_secret"] == (["***"], "program")
    text = brubeck(folder, "config", "mine:app", storage_default=url).stdout
    assert "hush" not in text
    assert "environment BRUBECK_STORAGE_DEFAULT" in text


def test_the_settings_need_no_program(folder: Path) -> None:
    """The file and the environment alone."""
    found = config(folder, server_workers="3")
    assert found["server.workers"] == (3, "environment BRUBECK_SERVER_WORKERS")
    assert found["storage.default"] == ("memory://", "default")


def test_host_and_port_change_their_part_of_the_address(folder: Path) -> None:
    """Beside the configured other part; an IPv6 address gets its brackets."""
    source = "command line --listen"
    assert config(folder, "mine:app", "--port", "0")["server.listen"] == (
        "http://127.0.0.1:0",
        source,
    )
    assert config(folder, "mine:app", "--host", "::1")["server.listen"] == (
        "http://[::1]:7001",
        source,
    )
    done = brubeck(folder, "run", "mine:app", "--listen", "http://127.0.0.1:1", "--port", "2")
    assert done.returncode == 2
    assert "either --listen or --host and --port" in done.stderr


def test_the_start_line_names_the_url_of_each_stream(folder: Path) -> None:
    """With the port that it has, and those of the documentation."""
    port = free_port()
    command = ("-W", "error", "-m", "brubeck", "run", "mine:app", "--port", str(port))

    with running(sys.executable, *command, cwd=folder) as program:
        program.await_output("Ctrl-C stops it")
        base = f"http://127.0.0.1:{port}"
        paths = ("/notes", "/journals/<owner>/entries", "/bulletin", "/docs")
        urls = [f"{base}{path}" for path in paths]
        assert f"Brubeck on {base} with {', '.join(urls)} (" in program.output
        with Caller(port) as caller:
            caller.get("/notes")
            assert caller.response().status == 200
