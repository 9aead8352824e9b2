"""Each example is set up by the commands that it shows, served, and does what it says."""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.servers.programs import ROOT, brubeck_run


class Caller:
    """Somebody who asks a program, and says who it is."""

    def __init__(self, port: int, name: str) -> None:
        self.port = port
        self.name = name

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Ask, and return the status and what JSON says."""
        given = base64.b64encode(f"{self.name}:secret of {self.name}".encode()).decode()
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        if self.name:
            sent |= {"Authorization": f"Basic {given}"}
        sent |= {"Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            raw = response.read()
            return response.status, json.loads(raw) if raw else {}
        finally:
            connection.close()


@contextmanager
def example(name: str, directory: Path) -> Iterator[dict[str, Caller]]:
    """Run what the example's first lines tell, and yield its users; nobody has no name."""
    text = (ROOT / "examples" / f"{name}.py").read_text()
    store = f"sqlite:///{directory}/{name}.db"
    commands = re.findall(r"^    (brubeck (?:user|run) .*)$", text, re.MULTILINE)
    assert commands[-1] == f"brubeck run examples.{name}:app"
    users = []
    for command in commands[:-1]:
        arguments = shlex.split(command)[1:]
        users.append(arguments[3])
        subprocess.run(
            [sys.executable, "-W", "error", "-m", "brubeck", *arguments],
            env={"BRUBECK_STORAGE_DEFAULT": store},
            cwd=ROOT,
            input=f"secret of {arguments[3]}\n",
            text=True,
            check=True,
            capture_output=True,
        )
    with brubeck_run(f"examples.{name}:app", storage_default=store) as program:
        yield {user: Caller(program.port, user) for user in (*users, "")}


def ids(page: dict[str, Any]) -> list[str]:
    """Return the ids of what a page shows."""
    return [item["id"] for item in page["data"]]


def test_bulletins_are_written_by_few(tmp_path: Path) -> None:
    """Who may only read does, and nobody else."""
    with example("bulletin", tmp_path) as people:
        dave, paul, nobody = people["dave"], people["paul"], people[""]
        status, made = dave.ask("POST", "/bulletins", {"title": "Rehearsal", "urgent": True})
        assert status == 201
        status, page = paul.ask("GET", "/bulletins?urgent=true")
        assert (status, ids(page)) == (200, [made["data"]["id"]])
        assert paul.ask("POST", "/bulletins", {"title": "Concert"})[0] == 403
        assert nobody.ask("GET", "/bulletins")[0] == 401


def test_a_journal_is_ones_own_until_it_is_shared(tmp_path: Path) -> None:
    """A right that is given is a `put` to who gets it, one that is taken away a `delete`."""
    with example("journal", tmp_path) as people:
        ella, joe = people["ella"], people["joe"]
        _, mine = joe.ask("POST", "/journal", {"text": "Take it easy."})
        _, made = ella.ask("POST", "/journal", {"text": "How high the moon.", "mood": "glad"})
        entry, joes_id = made["data"]["id"], mine["data"]["owner_id"]
        _, page = joe.ask("GET", "/journal")
        assert ids(page) == [mine["data"]["id"]]
        assert joe.ask("GET", f"/journal/{entry}")[0] == 404
        changes = page["paging"]["changes"]
        for readers, op in (([joes_id], "put"), ([], "delete")):
            assert ella.ask("PATCH", f"/journal/{entry}", {"readers": readers})[0] == 200
            _, told = joe.ask("GET", changes)
            assert [(each["id"], each["op"]) for each in told["data"]] == [(entry, op)]
            changes = told["paging"]["next"]
            expected = 200 if readers else 404
            assert joe.ask("GET", f"/journal/{entry}")[0] == expected
        assert joe.ask("PATCH", f"/journal/{entry}", {"text": "x"})[0] == 404


def test_a_timeline_is_written_by_its_user(tmp_path: Path) -> None:
    """And read by everybody; another's is another stream."""
    with example("timelines", tmp_path) as people:
        ella, joe = people["ella"], people["joe"]
        for text in ("A-tisket", "a-tasket"):
            assert ella.ask("POST", "/users/ella/posts", {"text": text})[0] == 201
        assert joe.ask("POST", "/users/joe/posts", {"text": "Take it easy."})[0] == 201
        _, page = joe.ask("GET", "/users/ella/posts")
        assert [each["text"] for each in page["data"]] == ["a-tasket", "A-tisket"]
        post = page["data"][0]["id"]
        for method, path in (("POST", ""), ("PATCH", f"/{post}"), ("DELETE", f"/{post}")):
            body = None if method == "DELETE" else {"text": "x"}
            assert joe.ask(method, f"/users/ella/posts{path}", body)[0] == 403
        assert len(joe.ask("GET", "/users/joe/posts")[1]["data"]) == 1
        assert people[""].ask("GET", "/users/ella/posts")[0] == 401


@pytest.mark.parametrize("name", ["bulletin", "journal", "timelines"])
def test_what_an_example_shows_is_what_it_serves(name: str) -> None:
    """The curl lines name its own path."""
    text = (ROOT / "examples" / f"{name}.py").read_text()
    shown = set(re.findall(r"localhost:6767(/\w+)", text))
    (path,) = re.findall(r'path = "(/\w+)', text)
    assert shown == {path}
