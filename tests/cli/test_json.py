"""``--json``: each command that reports something says it to programs, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from brubeck.cli import main
from tests.cli.test_get import on_terminal
from tests.servers.programs import brubeck

IS_JSON = ("openapi", "tail")
"""The commands with no output but JSON."""
WITHOUT = ("demo", "run", "work", "shell", "mongrel2")
"""The commands that run until they are stopped."""


def every(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the commands of a group and of those in it, with their names."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every(command, *names, name)
        else:
            yield (*names, name), command


@pytest.mark.parametrize(("names", "command"), list(every(main)), ids=str)
def test_each_command_has_it(names: tuple[str, ...], command: click.Command) -> None:
    """But for those that print nothing else, or nothing at all."""
    has_it = any("--json" in each.opts for each in command.params)
    assert has_it == (names[0] not in IS_JSON + WITHOUT)


def said(folder: Path, *arguments: str, status: int = 0, **settings: str) -> Any:
    """Return what a command prints as JSON; nothing else is printed."""
    done = brubeck(folder, *arguments, "--json", **settings)
    assert (done.returncode, done.stderr) == (status, ""), done.stderr
    return json.loads(done.stdout)


def test_users_and_tokens(local: Path) -> None:
    """A token is shown when it is made and never again; a password never."""
    user = said(local, "user", "add", "mine:app", "dave", "--no-password", "--scope", "notes")
    assert user == {"id": user["id"], "username": "dave", "active": True, "scopes": ["notes"]}
    assert said(local, "user", "scopes", "mine:app", "dave", "--none")["scopes"] == []
    assert [each["username"] for each in said(local, "user", "list", "mine:app")] == ["dave"]
    token = said(local, "token", "new", "mine:app", "dave", "--expires", "1d", "--note", "mine")
    shown = {name: value for name, value in token.items() if name != "token"}
    assert token["token"]
    assert said(local, "token", "list", "mine:app", "dave") == [shown]
    assert said(local, "token", "revoke", "mine:app", token["id"]) == {"revoked": token["id"]}
    assert said(local, "user", "remove", "mine:app", "dave") == {"removed": "dave"}


def test_import_and_export(local: Path) -> None:
    """A line for each line that fails, and one for the whole."""
    (local / "in.ndjson").write_text('{"id": "a", "kind": "new"}\nnonsense\n{"id": "b"}\n')
    done = brubeck(local, "import", "in.ndjson", "mine:app", "notes", "--json")
    failed, whole = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (1, "")
    assert (failed["line"], failed["status"], whole) == (2, 422, {"imported": 2, "failed": 1})
    found = said(local, "export", "mine:app", "notes", "-o", "out.ndjson")
    size = (local / "out.ndjson").stat().st_size
    assert found == {"file": "out.ndjson", "bytes": size, "items": 2}
    refused = brubeck(local, "export", "mine:app", "notes", "-o", "-", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_stores(local: Path, tmp_path: Path) -> None:
    """Checks, indexes, sweeps and eras."""
    found = said(local, "check", "mine:app")
    assert {each["grade"] for each in found} <= {"fine", "note"}
    assert {"grade", "place", "text"} == set(found[0])
    swept = said(local, "storage", "sweep", "mine:app")
    assert swept[0] == {"stream": "/notes", "items": 0, "deletions": 0}
    assert said(local, "storage", "new-era", "mine:app")["store"] == "default"
    assert [each["built"] for each in said(local, "index", "mine:app")] == [[], []]
    made = said(local, "new", "events")
    assert made["folder"] == "events"
    assert set(made["files"]) == {each.name for each in (local / "events").iterdir()}


def test_a_check_that_finds_something_wrong(local: Path) -> None:
    """Its exit status says so, too."""
    found = said(local, "check", "mine:app", status=1, storage_default="redis://127.0.0.1:1/0")
    assert [each["grade"] for each in found if each["place"] == "default"] == ["wrong"]


def test_a_failed_line_stands_by_itself_on_a_terminal(local: Path) -> None:
    """Above the progress of the import, and not behind it."""
    lines = "".join(f'{{"id": "a{at}"}}\n' for at in range(1500))
    (local / "in.ndjson").write_text(f"{lines}nonsense\n")
    shown = on_terminal(local, "import", "in.ndjson", "mine:app", "notes", columns=100)
    at = shown.index("line 1501: The line is not JSON")
    assert shown[:at].endswith(("\r\x1b[2K", "\n"))
    assert "1,500 items imported, 1 lines failed." in shown
