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
    assert done.stderr.endswith(" (mine.py, line 3)\n")


def test_a_mistake_in_the_program_keeps_its_traceback(folder: Path) -> None:
    """It is the user's own code that has to be looked at."""
    (folder / "mine.py").write_text("import nothing_like_this\n")
    done = brubeck(folder, "run", "mine:app")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "import nothing_like_this" in done.stderr
    assert "brubeck/cli" not in done.stderr
    assert "importlib" not in done.stderr


@pytest.mark.parametrize("source", ["1 / 0\n", "def f(:\n", "raise SystemExit('no')\n"])
def test_a_program_that_fails_shows_its_own_lines(folder: Path, source: str) -> None:
    """And none of the command's; the last line says that nothing was loaded."""
    (folder / "other.py").write_text(source)
    (folder / "mine.py").write_text("import other\n")
    done = brubeck(folder, "routes", "mine:app")
    assert done.returncode == 1
    assert 'mine.py", line 1' in done.stderr
    assert "programs.py" not in done.stderr
    assert done.stderr.endswith('brubeck: The module "mine" cannot be loaded: see above.\n')


def test_a_wrong_declaration_is_one_sentence_with_its_line(folder: Path) -> None:
    """The sentence of the error, and the line of the program that led to it."""
    (folder / "mine.py").write_text(PROGRAM.replace("'/notes'", "'notes'"))
    done = brubeck(folder, "routes", "mine:app")
    assert done.returncode == 2
    assert done.stderr.startswith("brubeck: Notes.path must look like")
    assert done.stderr.endswith("(mine.py, line 7)\n")


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


@pytest.mark.parametrize("command", ["run", "config", "stats"])
def test_a_wrong_configuration_has_one_status(folder: Path, command: str) -> None:
    """Whichever command needs it; `routes` does not, and `check` lists it among its findings."""
    (folder / "brubeck.toml").write_text('[server]\nlistn = "http://127.0.0.1:1"\n')
    done = brubeck(folder, command, "mine:app")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'brubeck.toml, line 2: server.listn: there is no setting "listn"' in done.stderr
