"""Files beside one that was named, in a folder in which somebody else was first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers.programs import brubeck

PROGRAM = "tests.cli.program:app"
IMPORT = ("import", "data.ndjson", PROGRAM, "notes")
EXPORT = ("export", PROGRAM, "notes", "-o", "out.ndjson", "--resume")
FILES = [
    ("data.ndjson.progress.new", IMPORT, 0),
    ("data.ndjson.progress", IMPORT, 0),
    ("data.ndjson.progress", (*IMPORT, "--resume"), 2),
    ("out.ndjson.part", EXPORT, 2),
    ("out.ndjson.part.json", EXPORT, 0),
]
"""The names of files, the commands that use them, and how these end."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with documents to import."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "data.ndjson").write_text('{"id": "a"}\nno document\n')
    return tmp_path / "there"


@pytest.mark.parametrize(("name", "command", "status"), FILES)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_that_stands_there_is_followed(
    folder: Path, name: str, command: tuple[str, ...], status: int, kind: str
) -> None:
    """A link led to a file of the user's, which was overwritten; a pipe was waited for."""
    target = folder.parent / "target"
    target.write_text("precious")
    if kind == "link":
        (folder / name).symlink_to(target)
    else:
        os.mkfifo(folder / name)
    store = f"sqlite:///{folder.parent}/notes.db"
    done = brubeck(folder, *command, storage_default=store)
    assert "Traceback" not in done.stderr
    assert target.read_text() == "precious"
    assert done.returncode in (status, 1), done.stderr
    if done.returncode == 2:
        assert f"{name} is no ordinary file; remove it." in done.stderr
