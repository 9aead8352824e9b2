"""``brubeck new``: what it makes runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brubeck.cli.scaffold import FILES
from brubeck.client import Stream
from tests.servers.programs import brubeck, brubeck_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a project."""
    done = brubeck(tmp_path, "new", "events")
    assert done.returncode == 0, done.stderr
    assert "brubeck run app:app" in done.stdout
    return tmp_path / "events"


def test_the_tests_of_a_new_project_pass(project: Path) -> None:
    """By the command in its README, and they leave no data behind."""
    assert {path.name for path in project.iterdir()} == set(FILES)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert not list(project.glob("*.db"))


def test_a_new_project_is_served_and_keeps_its_items(project: Path) -> None:
    """In the file that its settings name, across two runs."""
    with brubeck_run("app:app", cwd=project) as program:
        with Stream(f"http://127.0.0.1:{program.port}/events") as events:
            events.create({"title": "Take five", "amount": 5})
        assert program.stop() == 0
    with brubeck_run("app:app", cwd=project) as program:
        with Stream(f"http://127.0.0.1:{program.port}/events") as events:
            (item,) = events.items(amount__gte=5)
        assert item["title"] == "Take five"
    done = brubeck(project, "routes", "app:app")
    assert "/events" in done.stdout


@pytest.mark.parametrize("name", ["no-dashes", "9lives", "class", "brubeck", "json", "caf\u00e9"])
def test_a_name_is_that_of_a_package(tmp_path: Path, name: str) -> None:
    """And not one that hides another module."""
    done = brubeck(tmp_path, "new", name)
    assert done.returncode == 2
    assert done.stderr.startswith(f'brubeck: "{name}" is ')
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    """An empty one is used; a file is refused as well."""
    (tmp_path / "events").mkdir()
    assert brubeck(tmp_path, "new", "events").returncode == 0
    before = (tmp_path / "events" / "app.py").read_text()
    done = brubeck(tmp_path, "new", "events")
    assert done.returncode == 1
    assert done.stderr == "brubeck: events exists already and is not an empty folder.\n"
    assert (tmp_path / "events" / "app.py").read_text() == before
    (tmp_path / "notes").write_text("")
    assert brubeck(tmp_path, "new", "notes").returncode == 1
