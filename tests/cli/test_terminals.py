"""Output on terminals that are narrow, or of another encoding than UTF-8."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.programs import brubeck

FILL = "for at in range(1234): notes.insert({'id': f'n{at}', 'kind': 'é😀'})"


def on_terminal(folder: Path, *arguments: str, columns: int = 80, **env: str) -> tuple[int, str]:
    """Run a command on a terminal; return its exit status, and what it shows without colors."""
    parent, child = pty.openpty()
    words = [sys.executable, "-m", "brubeck", *arguments]
    setting = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"} | env
    shown = b""
    with subprocess.Popen(
        words, cwd=folder, stdin=child, stdout=child, stderr=child, env=setting
    ) as process:
        os.close(child)
        try:
            while piece := os.read(parent, 65536):
                shown += piece
        except OSError:  # the end of a terminal
            pass
        finally:
            os.close(parent)
    return process.returncode, re.sub(r"\x1b\[[0-9;]*m", "", shown.decode(errors="replace"))


@pytest.mark.parametrize("columns", [20, 40])
def test_a_narrow_table_keeps_its_words_and_numbers_whole(local: Path, columns: int) -> None:
    """The terminal breaks its lines, rather than the table each cell letter by letter."""
    brubeck(local, "shell", "mine:app", given=FILL)
    status, shown = on_terminal(local, "stats", "mine:app", columns=columns)
    assert status == 0
    for word in ("STREAM", "DELETIONS", "INDEXES", "/notes", "default", "1,234"):
        assert word in shown
    status, shown = on_terminal(local, "get", "mine:app", "/notes", columns=columns)
    assert status == 0
    for word in ("id", "kind", "n1233", "é😀"):
        assert word in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_text_is_shown_in_any_encoding(local: Path, encoding: str) -> None:
    """A character that a terminal has not is no traceback."""
    brubeck(local, "shell", "mine:app", given="notes.insert({'id': 'a', 'text': 'é😀' * 40})")
    for command in (("get", "mine:app", "/notes"), ("get", "mine:app", "/notes", "--json")):
        status, shown = on_terminal(local, *command, PYTHONIOENCODING=encoding)
        assert status == 0, shown
        assert "Traceback" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_equal_in_any_encoding(local: Path, encoding: str) -> None:
    """Escapes stand for what the output cannot have."""
    brubeck(local, "shell", "mine:app", given="notes.insert({'id': 'a', 'kind': 'é😀'})")
    words = [sys.executable, "-m", "brubeck", "get", "mine:app", "/notes/a"]
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(words, cwd=local, capture_output=True, check=True, env=env, timeout=60)
    assert json.loads(done.stdout)["data"]["kind"] == "é😀"
