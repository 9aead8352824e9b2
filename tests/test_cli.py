"""The command ``brubeck``: what it does, and one clear sentence for each mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.programs import brubeck

PROGRAM = """
from brubeck import Brubeck, StreamHandler, StreamedDocument, render

class Note(StreamedDocument):
    pass

class Notes(StreamHandler):
    model = Note
    path = '/notes'

app = Brubeck(streams=[Notes])
other = 7

@app.add_route('^/hello$', method='POST')
def hello(application, message):
    return render('hello')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a program in it."""
    (tmp_path / "mine.py").write_text(PROGRAM)
    return tmp_path


def test_the_version_is_told(folder: Path) -> None:
    """As a number of the project's own."""
    assert brubeck(folder, "--version").stdout.startswith("brubeck, version 1.")


def test_routes_are_listed_in_their_order(folder: Path) -> None:
    """With their methods and handlers."""
    lines = brubeck(folder, "routes", "mine:app").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("^/notes$", "^/notes/changes$", "^/notes/(?P<ids>[^/]+)$", "^/hello$"),
        *(r"^/openapi\.json$", r"^/manifest\.json$"),
    ]
    assert "GET,HEAD,POST,OPTIONS" in lines[0]
    assert lines[3].split()[1:] == ["POST", "hello"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nope:app"), 'There is no module "nope"'),
        (("run", "mine:ap"), 'Did you mean "app"'),
        (("run", "mine:other"), 'has no application "other"'),
        (("run", "mine.py"), "module:app"),
        (("run", "..mine:app"), "module:app"),
        (("run", "mine:app", "--listen", "https://127.0.0.1:0"), "needs a certificate"),
        (("run", "mine:app", "--listen", "nowhere"), "--listen must be a URL"),
        (("run", "mine:app", "--listen", "http://203.0.113.1:1"), "Cannot listen on 203.0.113.1:1"),
        (("run", "mine:app", "--listen", "unix:/tmp/" + "x" * 200), "path too long"),
        (("run", "mine:app", "--workers", "0"), "--workers must be a whole number"),
        (("run", "mine:app", "--workers", "2"), "memory of one process"),
        (
            ("run", "mine:app", "--storage", "reddis://x"),
            '"reddis://x" is not the URL of a storage',
        ),
        (("run", "mine:app", "--log-level", "LOUD"), "--log-level must be one of"),
        (("routes", "nope:app"), 'There is no module "nope"'),
    ],
)
def test_a_mistake_is_one_sentence(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    """And never a traceback."""
    done = brubeck(folder, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.startswith("brubeck: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "routes"])
def test_a_program_that_runs_itself_while_loaded_is_told(folder: Path, command: str) -> None:
    """Rather than to serve somewhere else than the command says."""
    (folder / "mine.py").write_text("from brubeck import Brubeck\napp = Brubeck()\napp.run()\n")
    done = brubeck(folder, command, "mine:app")
    assert done.returncode == 2
    assert done.stderr.startswith("brubeck: The program calls app.run()")


def test_a_mistake_in_the_program_keeps_its_traceback(folder: Path) -> None:
    """It is the user's own code that has to be looked at."""
    (folder / "mine.py").write_text("import nothing_like_this\n")
    done = brubeck(folder, "run", "mine:app")
    assert "nothing_like_this" in done.stderr
    assert "Traceback" in done.stderr


def test_a_bad_file_of_settings_is_shown_its_line(folder: Path) -> None:
    """Also by the command."""
    (folder / "brubeck.toml").write_text("[server]\nworkers = 'two'\n")
    done = brubeck(folder, "run", "mine:app")
    assert "brubeck.toml, line 2: server.workers must be" in done.stderr


def test_a_restored_store_begins_a_new_era(folder: Path) -> None:
    """It is told by its name, and whoever follows it learns that its place is lost."""
    (folder / "brubeck.toml").write_text('[storage]\ndefault = "sqlite:///notes.db"\n')
    (folder / "ask.py").write_text(
        "import sys\n"
        "from brubeck.testing import Client\n"
        "from mine import app\n"
        "client = Client(app)\n"
        "client.put('/notes/a', json={})\n"
        "page = sys.argv[1] if len(sys.argv) > 1 else '/notes'\n"
        "answer = client.get(page).json()\n"
        "print(answer['paging']['changes'] if 'paging' in answer else answer['status'])\n"
    )

    def ask(*arguments: str) -> str:
        command = [sys.executable, "ask.py", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        return done.stdout.strip()

    changes = ask()
    told = brubeck(folder, "storage", "new-era", "mine:app")
    assert told.stdout.startswith('The store "default" begins the era ')
    assert ask(changes) == "410"
    wrong = brubeck(folder, "storage", "new-era", "mine:app", "--store", "defualt")
    assert wrong.returncode == 2
    assert 'Did you mean "default"?' in wrong.stderr
