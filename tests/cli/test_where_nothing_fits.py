"""Commands where the surroundings refuse: no room for a file, or no standard streams at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.servers.programs import brubeck

LINES = '{"id": "a"}\n{"id": "b"}\n'


def test_an_import_goes_on_where_its_progress_cannot_be_kept(local: Path) -> None:
    """As of a file in a folder that is read-only; it is said once."""
    (local / "in.ndjson").write_text(LINES)
    (local / "in.ndjson.progress").mkdir()
    done = brubeck(local, "import", "in.ndjson", "mine:app", "notes")
    assert done.returncode == 0
    first, last = done.stderr.splitlines()
    assert first.startswith("brubeck: in.ndjson.progress cannot be written: ")
    assert first.endswith("; --resume will not be possible.")
    assert last == "2 items imported, 0 lines failed."
    assert not (local / "in.ndjson.progress.new").exists()


def test_no_old_progress_is_left_where_a_new_one_cannot_be_kept(local: Path) -> None:
    """Behind it, items without an id would be created again."""
    (local / "in.ndjson").write_text(LINES)
    (local / "in.ndjson.progress").write_text(
        json.dumps({"line": 1, "target": "mine:app", "stream": "notes"})
    )
    (local / "in.ndjson.progress.new").mkdir()
    done = brubeck(local, "import", "in.ndjson", "mine:app", "notes", "--resume")
    assert done.returncode == 0
    assert "in.ndjson.progress cannot be written: " in done.stderr
    assert not (local / "in.ndjson.progress").exists()


def test_a_progress_that_cannot_be_read_is_one_sentence(local: Path) -> None:
    """And never a traceback."""
    (local / "in.ndjson").write_text(LINES)
    (local / "in.ndjson.progress").mkdir()
    done = brubeck(local, "import", "in.ndjson", "mine:app", "notes", "--resume")
    assert done.returncode == 1
    assert done.stderr.startswith("brubeck: in.ndjson.progress cannot be read: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("source", ["-", "in.ndjson"])
def test_nothing_is_to_be_resumed_where_no_line_has_a_result(
    local: Path, base: str, source: str
) -> None:
    """So an import that fails at once does not promise it."""
    (local / "in.ndjson").write_text(LINES)
    given = LINES if source == "-" else ""
    done = brubeck(local, "import", source, base, "nothing-here", given=given)
    assert done.returncode == 1
    assert done.stderr.startswith("brubeck: 404 Not Found: ")
    assert "--resume" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "URL/notes"),
        ("tail", "URL/notes"),
        ("export", "URL", "notes", "-o", "out.ndjson"),
        ("import", "in.ndjson", "URL", "notes"),
    ],
)
def test_a_server_that_is_not_there_is_waited_for_with_a_message(
    local: Path, arguments: tuple[str, ...]
) -> None:
    """So that a wrong port does not look like a slow server."""
    (local / "in.ndjson").write_text(LINES)
    url = f"http://127.0.0.1:{free_port()}"
    words = [sys.executable, "-m", "brubeck", *(each.replace("URL", url) for each in arguments)]
    with subprocess.Popen(words, cwd=local, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
        finally:
            process.kill()
    assert first.startswith("brubeck: ")
    assert url in first
    assert "Connection refused; retrying in " in first


def run_without(folder: Path, closed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with some of its standard streams closed, as a shell redirects them."""
    words = [sys.executable, "-W", "error", "-m", "brubeck", *arguments]
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("arguments", [("import", "-", "mine:app", "notes"), ("shell", "mine:app")])
def test_a_closed_standard_input_is_an_empty_one(local: Path, arguments: tuple[str, ...]) -> None:
    """As a supervisor or a cron job may start a command."""
    done = run_without(local, "<&-", *arguments)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("closed", "arguments"),
    [
        (">&-", ("stats", "mine:app")),
        ("<&- >&-", ("check", "mine:app")),
        ("<&- >&-", ("export", "mine:app", "notes", "-o", "-")),
        (">&-", ("import", "in.ndjson", "mine:app", "notes", "--json")),
    ],
)
def test_a_closed_standard_output_is_one_sentence(
    local: Path, closed: str, arguments: tuple[str, ...]
) -> None:
    """And a failure, as nobody gets the result; no file of a store gets its number."""
    (local / "in.ndjson").write_text(LINES)
    brubeck(local, "shell", "mine:app", given="notes.insert({'id': 'c'})")
    done = run_without(local, closed, *arguments)
    assert done.returncode == 1
    assert done.stderr == "brubeck: The output cannot be written: Bad file descriptor.\n"


def test_a_closed_standard_error_is_no_failure(local: Path) -> None:
    """What would be said there is not."""
    (local / "in.ndjson").write_text(LINES)
    done = run_without(local, "2>&-", "import", "in.ndjson", "mine:app", "notes")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_project_that_cannot_be_completed_is_removed(tmp_path: Path) -> None:
    """So that the command can be repeated once there is room."""
    limit = ["sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh"]
    words = [*limit, sys.executable, "-B", "-m", "brubeck", "new", "events"]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == "brubeck: events cannot be written: File too large.\n"
    assert not list(tmp_path.iterdir())
    (tmp_path / "events").mkdir()
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=False, timeout=60)
    assert not list((tmp_path / "events").iterdir())
