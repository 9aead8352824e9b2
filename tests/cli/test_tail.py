"""``brubeck tail``: changes as lines of JSON, over every interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from brubeck.client import Stream
from tests.servers import free_port
from tests.servers.programs import Program, brubeck, brubeck_run, running


@contextmanager
def tailing(url: str, *options: str) -> Iterator[Program]:
    """Run ``brubeck tail`` in the background."""
    with running(sys.executable, "-W", "error", "-m", "brubeck", "tail", url, *options) as program:
        yield program


def changes(program: Program) -> list[dict[str, Any]]:
    """Return the printed changes."""
    lines = program.output.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_changes_are_lines_with_cursors(base: str) -> None:
    """From the beginning or after a cursor; Ctrl-C prints the last cursor and ends with 130."""
    url = f"{base}/notes"
    with Stream(url) as notes, tailing(url, "--from-beginning", "kind=tail") as program:
        notes.replace("t1", {"kind": "tail", "text": "one"})
        program.await_output('"one"')
        notes.delete("t1")
        program.await_output('"delete"')
        first, last = changes(program)[0], changes(program)[-1]
        assert program.stop(signal.SIGINT) == 130
        assert program.output.endswith(f"The last cursor: {last['cursor']}\n")
        assert "Traceback" not in program.output
    assert last == {"cursor": last["cursor"], "op": "delete", "id": "t1", "data": None}
    # The item stands at its latest change only, so that is what comes after the first cursor.
    with tailing(url, "--after", first["cursor"], "kind=tail") as program:
        program.await_output(last["cursor"])
        assert changes(program) == [last]


def test_a_feed_begins_now_and_says_where_it_is(base: str) -> None:
    """Also where nothing has changed: the cursor is one to go on from."""
    url = f"{base}/notes"
    with Stream(url) as notes:
        notes.replace("before", {"text": "before"})
        with tailing(url) as program:
            number = 0
            while not changes(program):  # it follows as soon as it sees one of these
                number += 1
                notes.replace("now", {"text": f"{number}"})
            head = next(notes.pages(limit=1)).cursor
            program.await_output(head)  # the last of them, too
            assert {each["id"] for each in changes(program)} == {"now"}
            assert program.stop(signal.SIGINT) == 130
            cursor = program.output.rpartition(": ")[2].strip()
        assert cursor == head


def test_a_server_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """It is said on the standard error, and nothing is lost meanwhile."""
    url = f"sqlite:///{tmp_path}/notes.db"
    listen = f"http://127.0.0.1:{free_port()}"
    with Stream(f"{listen}/notes") as notes:
        with brubeck_run("tests.cli.program:app", listen=listen, storage_default=url) as server:
            notes.replace("a", {"text": "first life"})
            tail = tailing(f"{listen}/notes", "--from-beginning")
            program = tail.__enter__()
            program.await_output("first life")
            server.stop()
            program.await_output("brubeck: GET ")
        with brubeck_run("tests.cli.program:app", listen=listen, storage_default=url):
            notes.replace("b", {"text": "second life"})
            program.await_output("second life")
            assert [each["id"] for each in changes(program)] == ["a", "b"]
            assert program.stop(signal.SIGINT) == 130
            tail.__exit__(None, None, None)


def test_a_reader_that_leaves_ends_it_quietly(base: str) -> None:
    """As `head` does."""
    with Stream(f"{base}/notes") as notes:
        notes.replace("x", {"text": "x"})
        notes.replace("y", {"text": "y"})
    command = f"{sys.executable} -W error -m brubeck tail {base}/notes --from-beginning | head -n 1"
    with (
        subprocess.Popen(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        Stream(f"{base}/notes") as notes,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["cursor"]
        while process.poll() is None:  # the next lines find nobody that reads them
            notes.replace("x", {"text": "again"})
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--after", "x"), "after is a change cursor"),
        (("--after", "now", "--from-beginning"), "not both"),
        (("limit=3",), "limit is not taken here"),
    ],
)
def test_a_mistake_is_one_sentence(base: str, options: tuple[str, ...], sentence: str) -> None:
    """With the exit status of usage."""
    done = brubeck(Path(), "tail", f"{base}/notes", *options)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_lost_cursor_is_a_failure(base: str) -> None:
    """With the way to start over."""
    done = brubeck(Path(), "tail", f"{base}/notes", "--after", "1~another")
    assert done.returncode == 1
    assert "are lost" in done.stderr
    done = brubeck(Path(), "tail", f"{base}/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("brubeck: 404 ")
