"""Texts of a server or a stranger on the operator's terminal: shown, and never obeyed."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.cli.output import ShownBytes, json_line, printable_json
from brubeck.plain_text import one_line, printable
from tests.cli.test_get import on_terminal
from tests.servers.programs import ROOT, brubeck

HOSTILE: Final = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202e\u2066\u061c\u2028\r\nbrubeck: fine\b"
RAW: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""The categories of signs that a terminal may obey."""


class Hostile(BaseHTTPRequestHandler):
    """A server of which every text is hostile: pages, items, problems and results."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Answer a page, a problem, a feed that is refused, or an export."""
        if self.headers["Accept"] == "application/x-ndjson":
            line = json.dumps({"id": "a", "text": HOSTILE}, ensure_ascii=False)
            self._answer(200, f"{line}\x1b[2J\n".encode(), "application/x-ndjson")
        elif "bad" in self.path or "changes" in self.path:
            errors = [{"pointer": HOSTILE, "detail": HOSTILE}]
            problem = {"title": HOSTILE, "detail": HOSTILE, "status": 403, "errors": errors}
            self._json(403, problem)
        else:
            item = {"id": "a", "text": HOSTILE, HOSTILE: ["\ud800", {HOSTILE: 1}]}
            link = f"/notes?after={HOSTILE}"
            paging = {"next": None if "all" in self.path else link, "previous": None}
            self._json(200, {"data": [item], "paging": paging | {"changes": "/c?after=5~aaaa"}})

    def do_POST(self) -> None:
        """Refuse what is created."""
        self.rfile.read(int(self.headers["Content-Length"]))
        result = {"status": 422, "title": HOSTILE, "detail": HOSTILE}
        self._json(207, {"data": [result]})

    def _json(self, status: int, value: object) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hostile() -> Iterator[str]:
    """Yield the URL of a running hostile server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def raw_signs(text: str) -> set[str]:
    """Return the signs of an output that a terminal may obey, but for its line ends."""
    return {char for char in text if unicodedata.category(char) in RAW} - {"\n"}


OWN: Final = re.compile(r"\x1b\[(?:0|1|32|33|36|90|91)m|\r\x1b\[2K|\x1b\[\?25[lh]")
"""The signs of the command itself: bold headings, a bar that is drawn anew."""
COMMANDS: Final = (
    ("get", "{}/notes"),
    ("get", "{}/notes", "--json"),
    ("get", "{}/notes", "all=1", "--all"),
    ("get", "{}/notes/bad"),
    ("get", "{}/bad", "--all"),
    ("tail", "{}/notes"),
    ("import", "in.ndjson", "{}", "notes"),
    ("export", "{}", "bad", "-o", "out.csv"),
)


@pytest.mark.parametrize("command", [*COMMANDS, ("export", "{}", "notes", "-o", "-")])
def test_no_command_prints_a_sign_that_a_terminal_obeys(
    hostile: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """On a terminal, where each is shown as another sign or escaped."""
    (tmp_path / "in.ndjson").write_text('{"id":"a"}\n')
    arguments = [each.format(hostile) for each in command]
    shown = on_terminal(tmp_path, *arguments, columns=3000).replace("\r\n", "\n")
    shown = OWN.sub("", shown)
    assert "owned" in shown or "brubeck: fine" in shown
    assert not raw_signs(shown)
    assert "brubeck: fine" not in shown.splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_writes_such_a_sign_elsewhere(
    hostile: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """In a pipe, and the JSON there is equal to the server's."""
    (tmp_path / "in.ndjson").write_text('{"id":"a"}\n')
    done = brubeck(tmp_path, *(each.format(hostile) for each in command))
    assert not raw_signs(done.stdout + done.stderr)
    assert "Traceback" not in done.stderr
    if command[0] == "get" and done.stdout:
        found: Any = json.loads(done.stdout)
        item = found if "--all" in command else found["data"][0]
        assert item["text"] == HOSTILE
        assert item[HOSTILE] == ["\ud800", {HOSTILE: 1}]


@given(st.text(st.characters()))
def test_every_text_is_printable(text: str) -> None:
    """And keeps its length and all that is harmless."""
    shown = printable(text)
    assert not raw_signs(shown) - {"\t"}
    assert len(shown) == len(text)
    assert all(old == new for old, new in zip(text, shown, strict=True) if old.isprintable())
    assert not raw_signs(one_line(text))
    assert "\n" not in one_line(text)


@given(st.recursive(st.text(st.characters()), lambda inner: st.dictionaries(st.text(), inner)))
def test_every_json_is_equal_and_harmless(value: object) -> None:
    """Whatever stands in it."""
    line = json_line(value)
    assert json.loads(line) == value
    assert not {char for char in raw_signs(line) if unicodedata.category(char) != "Cf"}
    assert not set(line) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069")
    assert printable_json(line) == line


def test_bytes_are_shown_in_whatever_pieces_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    """Also in the middle of a sign."""
    shown = ShownBytes()
    for each in '{"a":"\u202e\xe9\x9b\U0001f600"}\n\x1b'.encode():
        shown.write(bytes([each]))
    assert (
        capsys.readouterr().out == '{"a":"\\u202e\xe9\\u009b\U0001f600"}\n\N{REPLACEMENT CHARACTER}'
    )


def test_commands_print_by_one_module() -> None:
    """So that none of them is forgotten."""
    for path in sorted((ROOT / "brubeck" / "cli").glob("*.py")):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert name not in ("print", "click.echo", "click.secho"), f"{path.name}: {name}"
            assert not name.startswith(("sys.stdout.write", "sys.stderr.write")), path.name
