"""The page on pipelines: the tools of others, as they come from PyPI, with what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from brubeck.client import Stream
from tests.servers.programs import Program, brubeck_run

PAGE: Final = Path(__file__).parents[2] / "docs" / "pipelines.md"
SECTIONS: Final = dict(re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text()))
PRINTED: Final = {
    "pandas": "1707 2018-02-07 01:26:13.840000+00:00",
    "polars": "1707 6.4",
    "DuckDB": "(1707, 6.4)",
    "csvkit": "place,magnitude",
    "dlt: pages": "1707",
    "dlt: changes": "1707",
}
"""The beginning of what each section prints, by its title; those by hand are not here."""


@pytest.fixture(scope="module")
def week() -> Iterator[Program]:
    """Serve the earthquakes."""
    with brubeck_run("tests.explorer.week:app") as program:
        yield program


def run(title: str, port: int, folder: Path) -> str:
    """Run the block of a section against a server; return what it prints."""
    language, block = re.findall(r"(?ms)^```(python|sh)\n(.*?)^```", SECTIONS[title])[0]
    text = block.replace(":6767", f":{port}")
    command = [sys.executable, "-c", text] if language == "python" else ["bash", "-c", text]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The tool's own reports to its makers have no network here, and would wait for it.
    env = os.environ | {
        "PATH": tools,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": str(folder),
    }
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.reads("pandas", "CSV")
@pytest.mark.reads("polars", "NDJSON")
@pytest.mark.reads("DuckDB", "NDJSON")
@pytest.mark.reads("csvkit", "CSV")
@pytest.mark.reads("dlt", "pages")
@pytest.mark.parametrize("title", PRINTED)
def test_a_tool_reads_the_earthquakes(week: Program, tmp_path: Path, title: str) -> None:
    """All of them, or those that it asks for."""
    assert run(title, week.port, tmp_path).startswith(PRINTED[title])


def test_csvkit_gets_what_it_asks_for(week: Program, tmp_path: Path) -> None:
    """Sorted by the number that is one."""
    _, *rows = run("csvkit", week.port, tmp_path).splitlines()
    magnitudes = [float(row.rpartition(",")[2]) for row in rows]
    assert magnitudes == sorted(magnitudes, reverse=True)
    assert magnitudes[0] == 6.4
    assert magnitudes[-1] >= 5


@pytest.mark.reads("dlt", "changes")
def test_the_changes_go_on_from_the_last_run(tmp_path: Path) -> None:
    """A new row, a changed one and one that is gone."""
    with brubeck_run("tests.explorer.week:app") as own:
        run_twice(own.port, tmp_path)


def run_twice(port: int, tmp_path: Path) -> None:
    """Run the block on changes, write, and run it again."""
    run("dlt: changes", port, tmp_path)
    with Stream(f"http://127.0.0.1:{port}/quakes") as quakes:
        kept, gone = [each["id"] for each in islice(quakes.items(limit=2), 2)]
        quakes.delete(gone)
        quakes.update(kept, {"place": "Elsewhere"})
        quakes.create({"id": "new", "place": "New"})
    assert run("dlt: changes", port, tmp_path).strip() == "1707"
    import duckdb

    with duckdb.connect(str(tmp_path / "changes.duckdb")) as database:
        rows = database.sql("SELECT id, place FROM raw.quakes").fetchall()
        loads = database.sql("SELECT count(*) FROM raw._dlt_loads").fetchall()
    places = dict(rows)
    assert len(rows) == len(places) == 1707
    assert (places[kept], places["new"]) == ("Elsewhere", "New")
    assert gone not in places
    assert loads == [(2,)]
