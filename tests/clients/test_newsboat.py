"""newsboat, a reader of feeds: each item once, and new ones when it looks again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from brubeck.client import Stream
from tests.servers import require
from tests.servers.programs import brubeck_run


def unread(program: str, folder: Path) -> int:
    """Let it look at its feeds; return the number of articles that nobody has read yet."""
    known = ("-u", str(folder / "urls"), "-c", str(folder / "cache.db"), "-C", "/dev/null")
    (folder / ".newsboat").mkdir(exist_ok=True)
    for command in ("reload", "print-unread"):
        done = subprocess.run(
            [program, *known, "-x", command],
            env={"HOME": str(folder), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    return int(done.stdout.split()[0])


@pytest.mark.reads("newsboat", "Atom")
def test_it_reads_a_stream(tmp_path: Path) -> None:
    """As Atom; an item that was changed is no new one."""
    program = require("newsboat", "newsboat")
    with brubeck_run("tests.explorer.week:app") as server:
        url = f"http://127.0.0.1:{server.port}/quakes"
        (tmp_path / "urls").write_text(f"{url}.atom\n")
        assert unread(program, tmp_path) == 25
        assert unread(program, tmp_path) == 25
        with Stream(url) as quakes:
            quakes.create({"id": "new", "place": "Ely"})
            newest = next(iter(quakes.items(limit=1)))
            quakes.update(newest["id"], {"place": "Elsewhere"})
        assert unread(program, tmp_path) == 26
