"""``brubeck stats``, ``index``, ``shell`` and ``openapi``."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import wait_until
from tests.servers.programs import brubeck
from tests.servers.redis import RedisServer

FILL = """
for number in range(30):
    notes.insert({'id': f'n{number}', 'created_at': number, 'kind': 'ab'[number % 2]})
notes.delete('n0')
posts.insert({'id': 'p'}, 'ella')
"""


def shell(folder: Path, source: str) -> str:
    """Run lines in the shell of the program; return what they print."""
    done = brubeck(folder, "shell", "mine:app", given=source)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def streams(folder: Path) -> dict[str, Any]:
    """Return the stats of each stream and partition."""
    done = brubeck(folder, "stats", "mine:app", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return {each["stream"]: each for each in json.loads(done.stdout)["streams"]}


def test_stats_count_items_and_deletions(local: Path) -> None:
    """Of each stream and each partition."""
    assert streams(local)["/notes"]["items"] == {"total": 0, "exact": True}
    shell(local, FILL)
    found = streams(local)
    assert found.keys() == {"/notes", "/locked", "/users/ella/posts"}
    notes = found["/notes"]
    assert notes["items"] == {"total": 29, "exact": True}
    assert notes["deletions"] == {"total": 1, "exact": True}
    assert notes["newest"] == "1970-01-01T00:00:00.029Z"
    assert notes["head"] > 1e15
    assert set(notes["indexes"]) == {"kind", "size"}
    lines = brubeck(local, "stats", "mine:app").stdout.splitlines()
    assert lines[0].split()[:4] == ["STREAM", "STORE", "ITEMS", "NEWEST"]
    assert lines[1].split()[:4] == ["/notes", "default", "29", "1970-01-01T00:00:00.029Z"]


def test_indexes_are_built_before_a_program_is_rolled_out(local: Path) -> None:
    """To look at them starts nothing, and to build them returns when they are complete."""
    source = (local / "mine.py").read_text()
    assert 'filters = ("kind", "kind__in", "size__gte")' in source
    (local / "mine.py").write_text(source.replace('("kind", "kind__in", "size__gte")', "()"))
    shell(local, FILL)
    (local / "mine.py").write_text(source)
    for _ in range(2):
        assert set(streams(local)["/notes"]["unfinished"]) == {"kind", "size"}
    assert "kind (" in brubeck(local, "stats", "mine:app").stdout
    done = brubeck(local, "index", "mine:app")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("/notes: building ")
    assert lines[1].startswith("/notes: complete after ")
    assert streams(local)["/notes"]["unfinished"] == {}
    assert "/notes: every index is complete" in brubeck(local, "index", "mine:app").stdout
    assert shell(local, "print(len(list(notes.items(kind='b'))))") == "15\n"


def test_a_store_in_memory_has_its_indexes_at_once(local: Path) -> None:
    """There is nothing to build."""
    done = brubeck(local, "index", "mine:app", storage_default="memory://")
    assert done.stdout.splitlines()[0] == "/notes: every index is complete"


def test_the_depth_of_the_queue_is_shown(local: Path, tmp_path: Path) -> None:
    """Where the program has jobs."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    try:
        server.run()
        done = brubeck(local, "stats", "mine:app", jobs_queue=server.url)
    finally:
        server.kill()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "jobs: 0 waiting, 0 in hand, 0 later, 0 dead"


def test_the_shell_is_one_of_python(local: Path) -> None:
    """With the application and the streams by their names, on a terminal."""
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "brubeck", "shell", "mine:app"]
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, cwd=local)
    os.close(child)
    said = b""

    def shows(text: bytes) -> bool:
        nonlocal said
        if select.select([parent], [], [], 0)[0]:
            said += os.read(parent, 4096)
        return text in said

    try:
        wait_until(lambda: shows(b">>> "), seconds=30)
        assert b"app, Notes, notes, Note, Locked, locked, Posts, posts" in said
        os.write(parent, b"notes.insert({'text': 'x' + 'yz'}).text\n")
        wait_until(lambda: shows(b"'xyz'\r\n>>> "), seconds=30)
        os.write(parent, b"\x04")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(parent)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("one = 1\none / 0\n", 'File "<stdin>", line 2, in <module>\nZeroDivisionError: '),
        ("def f(:\n", 'File "<stdin>", line 1\n'),
        ("notes.insert({'size': 'x'})\n", 'File "<stdin>", line 1, in <module>\n'),
    ],
)
def test_lines_that_fail_show_themselves_alone(local: Path, source: str, said: str) -> None:
    """And none of the command's."""
    done = brubeck(local, "shell", "mine:app", given=source)
    assert done.returncode == 1
    assert said in done.stderr
    assert "brubeck/cli" not in done.stderr
    assert "click" not in done.stderr


def test_the_description_is_that_of_the_server(local: Path) -> None:
    """OpenAPI, as `/openapi.json` has it."""
    found = json.loads(brubeck(local, "openapi", "mine:app").stdout)
    assert found["openapi"].startswith("3.1")
    assert "/users/{author}/posts" in found["paths"]
    served = json.loads(brubeck(local, "get", "mine:app", "/openapi.json").stdout)
    assert found == served


@pytest.mark.parametrize("command", ["stats", "index", "shell", "openapi"])
def test_a_mistake_is_one_sentence(local: Path, command: str) -> None:
    """As with every command."""
    done = brubeck(local, command, "mine:ap")
    assert done.returncode == 2
    assert done.stderr.startswith("brubeck: ")
