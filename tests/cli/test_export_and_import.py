"""``brubeck export`` and ``brubeck import``: what goes out comes in again, and no line is lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brubeck.client import Stream
from tests.servers.programs import brubeck

Run = Callable[..., subprocess.CompletedProcess[str]]
NOTES = [
    {"id": "a", "created_at": 1, "updated_at": 2, "text": "=1+1", "tags": ["x", "y,z"]},
    {"id": "b", "created_at": 1, "updated_at": 3, "text": "", "size": 2.5, "done": False},
    {"id": "c", "created_at": 9, "updated_at": 9, "text": 'two\nlines, "quoted"', "kind": "12"},
    {"id": "d", "created_at": -5, "updated_at": 4, "text": "'=", "extra": {"a": [1, None]}},
]
"""Items with all that is hard in CSV."""


@pytest.fixture(params=["server", "program"])
def target(request: pytest.FixtureRequest, base: str, local: Path) -> str:
    """Return either target, whose notes are none."""
    if request.param == "program":
        return "mine:app"
    for path in ("notes", "users/ella/posts"):
        with Stream(f"{base}/{path}") as stream:
            for item in list(stream.items(limit=200)):
                stream.delete(item.id)
    return base


@pytest.fixture
def run(local: Path) -> Run:
    """Return a function that runs a command in the folder of the program."""
    return lambda *arguments, **settings: brubeck(local, *arguments, **settings)


def ndjson(items: list[dict[str, Any]]) -> str:
    """Return items as lines."""
    return "".join(f"{json.dumps(each)}\n" for each in items)


def items_of(path: Path) -> list[dict[str, Any]]:
    """Return the items of an NDJSON file, by their ids, without their empty fields."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    found = [{key: value for key, value in each.items() if value not in ([], {})} for each in found]
    return sorted(found, key=lambda each: str(each["id"]))


@pytest.mark.parametrize("ending", ["ndjson", "jsonl", "csv"])
def test_an_export_comes_in_again(target: str, run: Run, local: Path, ending: str) -> None:
    """With ids, times and every kind of value, in either format."""
    (local / "in.ndjson").write_text(ndjson(NOTES))
    done = run("import", "in.ndjson", target, "notes")
    assert (done.returncode, done.stderr) == (0, "4 items imported, 0 lines failed.\n")
    done = run("export", target, "notes", "-o", f"out.{ending}")
    assert (done.returncode, done.stderr) == (0, "")
    done = run("import", f"out.{ending}", target, "users/ella/posts")
    assert (done.returncode, done.stderr) == (0, "4 items imported, 0 lines failed.\n")
    assert run("export", target, "users/ella/posts", "-o", "again.ndjson").returncode == 0
    assert items_of(local / "again.ndjson") == NOTES
    assert not list(local.glob("*.part"))
    assert not list(local.glob("*.progress"))


def test_an_export_is_filtered_and_ordered(target: str, run: Run, local: Path) -> None:
    """By declared filters and bounds; - is the standard output."""
    (local / "in.ndjson").write_text(ndjson(NOTES))
    assert run("import", "in.ndjson", target, "notes").returncode == 0
    done = run("export", target, "notes", "size__gte=1", "-o", "-")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["b"]
    done = run("export", target, "notes", "until=9", "order=newest", "-o", "-")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["b", "a", "d"]
    done = run("export", target, "notes", "colour=red", "-o", "out.csv")
    assert done.returncode in (1, 2)
    assert 'no parameter "colour"' in done.stderr
    assert not (local / "out.csv").exists()


def test_failing_lines_are_reported_and_the_others_go_in(
    target: str, run: Run, local: Path
) -> None:
    """With their numbers, also of lines that are no items at all."""
    lines = [
        '{"id":"a"}',
        "nonsense",
        "",
        '{"id":"b","size":"x"}',
        "[1]",
        '{"id":"c"}',
        '{"id":"a"}',
    ]
    (local / "in.jsonl").write_text("\n".join(lines))
    done = run("import", "in.jsonl", target, "/notes")
    assert done.returncode == 1
    reported = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in reported[:-1]] == [
        *("line 2", "line 4", "line 5", "line 7"),
    ]
    assert "/size: Not Float" in reported[1]
    assert "409" in reported[3]
    assert reported[-1] == "2 items imported, 4 lines failed."
    found = run("export", target, "notes", "-o", "-").stdout.splitlines()
    assert {json.loads(line)["id"] for line in found} == {"a", "c"}


def test_lines_come_from_the_standard_input(target: str, run: Run, local: Path) -> None:
    """As NDJSON, without a file of progress."""
    done = run("import", "-", target, "notes", given='{"id":"a"}\n{"id":"b"}\n')
    assert done.stderr == "2 items imported, 0 lines failed.\n"
    assert run("import", "-", target, "notes", "--resume").returncode == 2


def test_a_resumed_import_goes_on_behind_the_last_result(
    target: str, run: Run, local: Path
) -> None:
    """Lines of the batch in which it ended may be there already."""
    (local / "in.ndjson").write_text(ndjson(NOTES))
    done = run("import", "in.ndjson", target, "notes", "--resume")
    assert done.returncode == 2
    assert "Nothing to resume" in done.stderr
    place = local / "in.ndjson.progress"
    place.write_text(json.dumps({"line": 2, "target": target, "stream": "notes"}))
    assert run("import", "-", target, "notes", given=ndjson(NOTES[3:])).returncode == 0
    done = run("import", "in.ndjson", target, "notes", "--resume")
    assert (done.returncode, done.stderr) == (0, "2 items imported, 0 lines failed.\n")
    found = run("export", target, "notes", "-o", "-").stdout.splitlines()
    assert {json.loads(line)["id"] for line in found} == {"c", "d"}
    assert not place.exists()
    place.write_text(json.dumps({"line": 2, "target": target, "stream": "others"}))
    done = run("import", "in.ndjson", target, "notes", "--resume")
    assert done.returncode == 2
    assert "is of an import to" in done.stderr


def test_private_fields_of_a_program_are_exported_and_imported(run: Run, local: Path) -> None:
    """A server shows and takes none."""
    (local / "in.ndjson").write_text(ndjson([{"id": "a", "secret": "s"}]))
    assert run("import", "in.ndjson", "mine:app", "Notes").returncode == 0
    assert '"secret":"s"' in run("export", "mine:app", "Notes", "-o", "-").stdout
    assert run("export", "mine:app", "Notes", "-o", "out.csv").returncode == 0
    assert "secret" in (local / "out.csv").read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("export", "mine:app", "notes", "-o", "x.xls"), 2, "ends with .ndjson, .jsonl, .csv"),
        (("export", "mine:app", "nots", "-o", "x.csv"), 2, 'Did you mean "/notes"?'),
        (("export", "mine:app", "notes", "order=up", "-o", "x.csv"), 2, "newest or oldest"),
        (("export", "mine:app", "notes", "before=9", "-o", "x.csv"), 2, 'no parameter "before"'),
        (("export", "mine:app", "notes", "after=9", "-o", "x.csv"), 2, 'no parameter "after"'),
        (("export", "mine:app", "notes", "fields=id", "-o", "x.csv"), 2, "every field"),
        (("export", "mine:app", "users/a b/posts", "-o", "x.csv"), 2, "no stream"),
        (("export", "mine:app", "notes", "-o", "no/x.csv"), 1, "cannot be written"),
        (("import", "no.csv", "mine:app", "notes"), 1, "no.csv cannot be read"),
        (("import", "open.csv", "mine:app", "notes"), 1, "Line 2: a quote has no end"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Run, local: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    """And leaves no file behind."""
    (local / "open.csv").write_text('id,text\na,"open\n')
    done = run(*arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert sentence in done.stderr
    assert not list(local.glob("x.csv*"))


def test_rows_before_a_fault_of_the_file_go_in(target: str, run: Run, local: Path) -> None:
    """And --resume goes on behind them when it is repaired."""
    (local / "in.csv").write_text('id,text\na,x\nb,"open\n')
    done = run("import", "in.csv", target, "notes")
    assert done.returncode == 1
    assert "a quote has no end. Once it is repaired, --resume goes on behind line 2." in done.stderr
    (local / "in.csv").write_text('id,text\na,x\nb,"open"\n')
    done = run("import", "in.csv", target, "notes", "--resume")
    assert (done.returncode, done.stderr) == (0, "1 items imported, 0 lines failed.\n")


def test_a_store_in_memory_takes_no_import(run: Run, local: Path) -> None:
    """Since nothing would be left of it."""
    done = run("import", "-", "mine:app", "notes", given="{}", storage_default="memory://")
    assert done.returncode == 2
    assert "memory of one process" in done.stderr


def test_rows_of_csv_are_checked(run: Run, local: Path) -> None:
    """Another number of cells, and quotes in the wrong place."""
    (local / "in.csv").write_text(
        '\ufeffid,text\r\na,b,c\r\nb,x"y"\r\n\r\nc,"fine"\r\n', newline=""
    )
    done = run("import", "in.csv", "mine:app", "notes")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "line 2: The row has 3 cells, and the first row 2."
    assert lines[1].startswith("line 3: ")
    assert lines[2] == "1 items imported, 2 lines failed."
