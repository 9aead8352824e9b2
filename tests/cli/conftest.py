"""A server of the commands' program, and a folder from which the program is imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import program
from tests.servers.programs import Program, brubeck_run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Yield the running program; its streams are kept in SQLite."""
    url = f"sqlite:///{tmp_path_factory.mktemp('server')}/streams.db"
    with brubeck_run("tests.cli.program:app", storage_default=url) as started:
        yield started


@pytest.fixture
def base(server: Program) -> str:
    """Return the URL of the running program."""
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """Make a folder with the program as ``mine:app``, whose streams are kept in a file there."""
    (tmp_path / "mine.py").write_text(Path(program.__file__).read_text())
    (tmp_path / "brubeck.toml").write_text('[storage]\ndefault = "sqlite:///notes.db"\n')
    return tmp_path
