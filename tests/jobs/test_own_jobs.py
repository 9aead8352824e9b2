"""Jobs in memory: done by the process that serves, and by no other."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from tests.jobs.program import Jobs
from tests.servers import wait_until
from tests.servers.programs import ROOT, brubeck, brubeck_run

PROGRAM = "tests.jobs.served:app"


def post(port: int, path: str, data: object) -> str:
    """Send JSON, and return the location of the job."""
    body = json.dumps(data).encode()
    request = Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as reply:
        assert reply.status == 202
        return str(reply.headers["Location"])


def state(port: int, location: str) -> str:
    """Return the state of a job."""
    with urlopen(f"http://127.0.0.1:{port}{location}", timeout=30) as reply:
        return str(json.load(reply)["data"]["state"])


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_server_does_its_jobs(tmp_path: Path, engine: str) -> None:
    """Beside its requests; and finishes what is in hand when it is told to stop."""
    told = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")}
    with brubeck_run(PROGRAM, green=engine, jobs_concurrency="1") as web:
        first = post(web.port, "/send/wait", told)
        wait_until((tmp_path / "begun").exists)
        second = post(web.port, "/send/note/second", {"file": str(tmp_path / "done")})
        assert [state(web.port, each) for each in (first, second)] == ["running", "queued"]
        (tmp_path / "go").touch()
        wait_until(lambda: state(web.port, second) == "done")
        assert state(web.port, first) == "done"

        (tmp_path / "go").unlink()
        post(web.port, "/send/wait", told)
        wait_until(lambda: (tmp_path / "begun").read_text().count("\n") == 2)
        post(web.port, "/send/note/third", {"file": str(tmp_path / "done")})
        web.process.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert web.process.wait(30) == 0
        assert "Jobs that waited in memory end with this process: 1." in web.output
    assert (tmp_path / "done").read_text() == "second\n"


def test_no_other_process_does_jobs_in_memory() -> None:
    """And the error says what to do: of a worker, of a WSGI server, and of the commands."""
    for command in (("work",), ("jobs", "count"), ("jobs", "dead")):
        done = brubeck(
            ROOT, *command, PROGRAM, jobs_queue="memory://", storage_default="sqlite:///x.db"
        )
        assert done.returncode != 0
        assert "in the memory of" in done.stderr
        assert 'jobs.queue = "sqlite:///jobs.db"' in done.stderr
        assert "Traceback" not in done.stderr
    with pytest.raises(ConfigError, match="memory of one process"):
        Brubeck(streams=[Jobs]).wsgi  # noqa: B018, it checks


def test_a_check_says_where_the_jobs_are(tmp_path: Path) -> None:
    """In memory they end with the process; in a file they can be sent and done."""
    done = brubeck(ROOT, "check", PROGRAM)
    assert "note  jobs: they wait in the memory of the process that serves, which does them" in (
        done.stdout
    )
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    done = brubeck(ROOT, "check", PROGRAM, jobs_queue=url)
    assert f"fine  jobs: they can be sent and done at {url}" in done.stdout
    done = brubeck(ROOT, "check", PROGRAM, jobs_queue=f"sqlite:///{tmp_path}/no/jobs.db")
    assert done.returncode == 1
    assert "wrong jobs: The queue at" in done.stdout
