"""Supervision: workers that never serve, and what counts as a change of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brubeck.errors import ConfigError
from brubeck.serving.supervising import VARIABLE, SourceWatch, inherited
from tests.servers import wait_until

SUPERVISOR = """
import sys
from brubeck.serving import supervising as supervisor
from brubeck.errors import ConfigError

supervisor._LOOK = 0.01
worker = supervisor.inherited()
if worker is not None:
    if sys.argv[1] == "ready":
        worker.tell_ready()
    with open(sys.argv[2], "a") as file:
        print(worker.supervisor, file=file)
    sys.exit(3)
one = supervisor.Supervisor(1, None, grace=1, soon=0)
try:
    one.run()
except ConfigError as reason:
    print(reason)
"""


def supervised(kind: str, path: Path) -> subprocess.Popen[str]:
    """Start a supervisor whose workers note that they ran, and die."""
    command = [sys.executable, "-c", SUPERVISOR, kind, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_workers_that_never_serve_are_given_up(tmp_path: Path) -> None:
    """However long each of them takes to die."""
    path = tmp_path / "lives"
    with supervised("never", path) as process:
        assert process.communicate(timeout=60)[0].startswith("The workers die as soon as")
    assert len(path.read_text().splitlines()) == 5


def test_workers_that_served_are_replaced_without_end(tmp_path: Path) -> None:
    """Whatever kills them."""
    path = tmp_path / "lives"
    path.touch()
    with supervised("ready", path) as process:
        wait_until(lambda: len(path.read_text().splitlines()) > 6, seconds=60)
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_worker_that_nobody_supervises_any_more_goes_on(engine: str) -> None:
    """To where it finds that out: telling a dead supervisor that it is ready holds up nothing."""
    code = (
        "import os, sys; from brubeck import green; green.patch(sys.argv[1])\n"
        "from brubeck.serving.supervising import Inherited\n"
        "pipe, end = os.pipe(); os.close(pipe)\n"
        "Inherited(1, None, end).tell_ready(); print('told')"
    )
    command = [sys.executable, "-c", code, engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("told\n", "")


@pytest.mark.parametrize("text", ["junk", "1:2", "", "1:-1:0:3"])
def test_who_is_no_worker_is_told_so(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whatever it says, it says it to nobody else."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="BRUBECK_WORKER is what a supervisor tells"):
        inherited()
    assert inherited() is None


def test_a_change_is_one_of_a_source(tmp_path: Path) -> None:
    """New, other or gone; what editors leave lying about is none, and a dangling link no error."""
    source = tmp_path / "mine.py"
    changed = SourceWatch(tmp_path)
    assert not changed()
    source.write_text("1")
    assert changed()
    (tmp_path / "link.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".#mine.py").symlink_to("somebody@somewhere")
    (tmp_path / ".mine.py").write_text("2")
    assert not changed()
    source.unlink()
    assert changed()
