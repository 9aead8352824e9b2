"""``brubeck demo``: a stream to try things on; and its items as GeoJSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from brubeck.client import Stream
from tests.servers.programs import Program, brubeck, running


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Run the command in a folder with nothing in it."""
    folder = tmp_path_factory.mktemp("demo")
    command = (sys.executable, "-W", "error", "-m", "brubeck", "demo")
    with running(*command, "--port", "0", cwd=folder) as program:
        program.await_output("Ctrl-C stops it")
        found = re.search(r"Brubeck on http://127\.0\.0\.1:(\d+)", program.output)
        assert found is not None
        program.port = int(found[1])
        yield program


def test_it_needs_nothing_but_the_package(demo: Program) -> None:
    """Every item is there, and the commands to type name the stream."""
    with Stream(f"http://127.0.0.1:{demo.port}/quakes") as quakes:
        assert sum(1 for _ in quakes.items()) == 1707
    assert "/quakes?limit=2'" in demo.output
    assert f":{demo.port}/quakes, http://127.0.0.1:{demo.port}/docs (" in demo.output


def test_its_items_are_exported_as_geojson(demo: Program, tmp_path: Path) -> None:
    """By a server and by a program alike; a stream without coordinates is told apart."""
    server = f"http://127.0.0.1:{demo.port}"
    done = brubeck(tmp_path, "export", server, "quakes", "-o", "quakes.geojson")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "quakes.geojson").read_text())
    assert (found["type"], len(found["features"])) == ("FeatureCollection", 1707)
    store = "sqlite:///quakes.db"
    fill = "from brubeck.demo.week import quakes as week; quakes.insert_many(week())"
    app = "brubeck.demo.app:app"
    brubeck(tmp_path, "shell", app, given=fill, storage_default=store)
    done = brubeck(tmp_path, "export", app, "quakes", "-o", "own.geojson", storage_default=store)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "own.geojson").read_text()) == found


def test_an_empty_stream_is_an_empty_collection(tmp_path: Path) -> None:
    """And still one."""
    done = brubeck(tmp_path, "export", "brubeck.demo.app:app", "quakes", "-o", "none.geojson")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "none.geojson").read_text())["features"] == []


def test_no_coordinates_are_no_geojson(local: Path) -> None:
    """Which is said before a file is written."""
    done = brubeck(local, "export", "mine:app", "notes", "-o", "notes.geojson")
    assert (done.returncode, done.stderr) == (
        2,
        "brubeck: The items of /notes have no coordinates.\n",
    )
    assert not (local / "notes.geojson").exists()
