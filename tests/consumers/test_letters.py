"""``brubeck consumers``: dead letters are listed, delivered once more, and dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.programs import brubeck

PROGRAM = """
from pathlib import Path
from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.consumers import Consumer
from brubeck.dictshield.fields import StringField

class Note(StreamedDocument):
    text = StringField()

class Notes(StreamHandler):
    model = Note
    path = '/notes'

class Mail(Consumer):
    stream = Notes
    start = 'beginning'
    attempts = 1

    def changed(self, change):
        if Path('broken').exists():
            raise OSError('no post today')
        with Path('mails').open('a') as file:
            text = change.document and change.document.text
            print(change.op, change.id, text, change.key, file=file)

app = Brubeck(streams=[Notes], consumers=[Mail], storage='sqlite:///notes.db')
"""
FILL = "notes.insert_many([{'id': name, 'text': name} for name in 'abc'])"
WORK = "from brubeck.consumers import catch_up; catch_up(app)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a program with three dead letters of its consumer."""
    (tmp_path / "mine.py").write_text(PROGRAM)
    (tmp_path / "broken").touch()
    done = brubeck(tmp_path, "shell", "mine:app", given=f"{FILL}\n{WORK}\n")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_they_are_listed(folder: Path) -> None:
    """A line each; a traceback for one that is named; all of it as JSON."""
    lines = brubeck(folder, "consumers", "dead", "mine:app").stdout.splitlines()
    assert [line.split()[3].split(":")[1] for line in lines] == ["c", "b", "a"]
    assert all("OSError: no post today" in line for line in lines)
    name = lines[0].split()[0]
    assert "in changed" in brubeck(folder, "consumers", "dead", "mine:app", name).stdout
    found = brubeck(folder, "consumers", "dead", "mine:app", "--json").stdout.splitlines()
    assert [json.loads(line)["item"] for line in found] == ["c", "b", "a"]


def test_they_are_delivered_once_more(folder: Path) -> None:
    """With the items as they are now; one that is gone is a deletion, with the same key."""
    failed = brubeck(folder, "consumers", "retry", "mine:app", "--all")
    assert (failed.returncode, failed.stdout) == (1, "0 delivered, 3 failed.\n")
    assert failed.stderr.count("no post today") == 3
    keys = [line.split()[3] for line in dead(folder)]
    (folder / "broken").unlink()
    brubeck(
        folder, "shell", "mine:app", given="notes.update('a', {'text': 'new'}); notes.delete('b')"
    )
    name = dead(folder)[0].split()[0]
    assert (
        brubeck(folder, "consumers", "retry", "mine:app", name).stdout == "1 delivered, 0 failed.\n"
    )
    done = brubeck(folder, "consumers", "retry", "mine:app", "--all", "--json")
    assert json.loads(done.stdout) == {"delivered": 2, "failed": 0}
    mails = [line.split() for line in (folder / "mails").read_text().splitlines()]
    assert [mail[:3] for mail in mails] == [
        ["put", "c", "c"],
        ["delete", "b", "None"],
        ["put", "a", "new"],
    ]
    assert [mail[3] for mail in mails] == keys
    assert dead(folder) == []


def dead(folder: Path) -> list[str]:
    """Return the lines of the list."""
    return brubeck(folder, "consumers", "dead", "mine:app").stdout.splitlines()


def test_they_are_dropped(folder: Path) -> None:
    """And are gone; misuse drops none."""
    for wrong in ([], ["--all", "x"], ["nothing"]):
        refused = brubeck(folder, "consumers", "drop", "mine:app", *wrong)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
    assert len(dead(folder)) == 3
    assert brubeck(folder, "consumers", "drop", "mine:app", "--all").stdout == "3 dropped.\n"
    assert dead(folder) == []
