"""``brubeck get``: pages and items, of servers and programs, on terminals and in pipes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from brubeck.client import Stream
from tests.cli.program import TOKEN
from tests.servers.programs import brubeck

Get = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["server", "program"])
def ask(request: pytest.FixtureRequest, base: str, local: Path) -> Get:
    """Return a function that gets a path of either target; in each there are three notes."""
    documents = [
        {"id": f"n{number}", "created_at": number, "kind": "ab"[number % 2], "size": number}
        for number in range(3)
    ]
    if request.param == "server":
        with Stream(f"{base}/notes") as notes:
            for item in list(notes.items(limit=200)):
                notes.delete(item.id)
            assert {each.status for each in notes.create_many(documents)} == {201}
        return lambda path, *rest, **settings: brubeck(local, "get", base, path, *rest, **settings)
    lines = "".join(f"{json.dumps(each)}\n" for each in documents)
    load = "import sys, json; from mine import Notes, app; app.stream(Notes).insert_many(\n"
    code = load + "[json.loads(each) for each in sys.stdin]); app.close()"
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=local, input=lines, text=True, check=True)
    return lambda path, *rest, **settings: brubeck(
        local, "get", "mine:app", path, *rest, **settings
    )


def test_a_page_is_json_in_a_pipe(ask: Get) -> None:
    """As the server answers; filters and the parameters of pages are NAME=VALUE."""
    found = json.loads(ask("/notes", "limit=2").stdout)
    assert [each["id"] for each in found["data"]] == ["n2", "n1"]
    assert found["paging"]["next"]
    found = json.loads(ask("/notes", "kind__in=a", "kind__in=b", "order=oldest").stdout)
    assert [each["id"] for each in found["data"]] == ["n0", "n1", "n2"]
    assert [e["id"] for e in json.loads(ask("/notes", "size__gte=2").stdout)["data"]] == ["n2"]


def test_an_item_is_json_in_a_pipe(ask: Get) -> None:
    """By the path of the item."""
    assert json.loads(ask("/notes/n1").stdout)["data"]["kind"] == "b"


def test_all_items_are_ndjson(ask: Get) -> None:
    """However many pages they take."""
    lines = ask("/notes", "--all", "limit=1").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["n2", "n1", "n0"]
    assert ask("/notes/n1", "--all").returncode == 1
    done = ask("/openapi.json", "--all")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_a_problem_is_one_sentence(ask: Get) -> None:
    """The server's own, and the exit status is 1."""
    done = ask("/notes/nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("brubeck: 404 ")
    done = ask("/notes", "knd=a")
    assert done.returncode == 1
    assert 'There is no parameter "knd"' in done.stderr
    done = ask("/notes", "kind")
    assert done.returncode == 2
    assert "A filter is NAME=VALUE" in done.stderr


def test_a_caller_has_a_password_or_a_token(ask: Get) -> None:
    """From an option or the environment."""
    assert ask("/locked").stderr.startswith("brubeck: 401 ")
    for options in (("--user", "ella:secret"), ("--token", TOKEN)):
        assert json.loads(ask("/locked", *options).stdout)["data"] == []
    assert ask("/locked", user="ella:secret").returncode == 0
    assert ask("/locked", token=TOKEN).returncode == 0
    done = ask("/locked", "--user", "ella:secret", "--token", TOKEN)
    assert done.returncode == 2
    assert "not both" in done.stderr


def test_a_server_that_is_not_there_is_one_sentence(local: Path) -> None:
    """After a few attempts; a URL that cannot be right at once."""
    done = brubeck(local, "get", "http://127.0.0.1:notaport/notes")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


BOLD: Final = re.compile(r"\x1b\[[01]m")
"""The signs around the headings of a table."""


def on_terminal(folder: Path, *arguments: str, columns: int = 80) -> str:
    """Return the output of a command on a terminal."""
    parent, child = pty.openpty()
    env: Any = os.environ | {"COLUMNS": str(columns)}
    command = [sys.executable, "-W", "error", "-m", "brubeck", *arguments]
    with subprocess.Popen(command, stdout=child, stderr=child, cwd=folder, env=env):
        os.close(child)
        parts = []
        while True:
            try:
                part = os.read(parent, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(parent)
    return b"".join(parts).decode()


def test_a_terminal_gets_a_table(base: str, local: Path) -> None:
    """Whose rows fit it, and no control character of an item reaches it."""
    with Stream(f"{base}/notes") as notes:
        notes.replace("long", {"kind": "table", "text": "x" * 500 + "\x1b[2J"})
    lines = on_terminal(local, "get", f"{base}/notes", "kind=table", "fields=kind,text")
    head, row, *_ = lines.splitlines()
    assert BOLD.sub("", head).split() == ["id", "kind", "text"]
    assert row.startswith("long  table  xxx")
    assert len(row) <= 80
    assert row.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert "\x1b" not in BOLD.sub("", on_terminal(local, "get", f"{base}/notes/long", columns=2000))
    assert json.loads(on_terminal(local, "get", f"{base}/notes/long", "--json"))["data"]
