"""The page on jobs is true, and so is its example."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import click

from brubeck.cli import main
from tests.servers import wait_until
from tests.servers.programs import ROOT, brubeck_run, running

PAGE = (ROOT / "docs" / "jobs.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@contextmanager
def worker(program: str, cwd: Path, url: str) -> Iterator[None]:
    """Do the jobs of a program."""
    command = (sys.executable, "-W", "error", "-m", "brubeck", "work", program)
    with running(*command, cwd=cwd, env={"BRUBECK_STORAGE_DEFAULT": url}) as program_:
        program_.await_output("Ctrl-C stops it")
        yield


def post(url: str, data: object) -> tuple[int, dict[str, str]]:
    """Send JSON, and return the status and the headers."""
    body = json.dumps(data).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=30) as reply:
        return reply.status, dict(reply.headers)


def followed(base: str, link: str) -> dict[str, object]:
    """Follow a job to its end, and return it."""
    url = link.removeprefix("<").partition(">")[0]
    while True:
        with urlopen(f"{base}{url}&wait=20", timeout=60) as reply:
            found = json.load(reply)
        if found["data"] and found["data"][-1]["data"]["state"] in ("done", "failed"):
            job: dict[str, object] = found["data"][-1]["data"]
            return job
        url = found["paging"]["next"]


def test_the_first_program_does_what_it_says(emptied: str, tmp_path: Path) -> None:
    """Sent by the web, done by a worker, followed by its link."""
    (tmp_path / "pictures.py").write_text(BLOCKS[0])
    with (
        brubeck_run("pictures:app", cwd=tmp_path, storage_default=emptied) as web,
        worker("pictures:app", tmp_path, emptied),
    ):
        base = f"http://127.0.0.1:{web.port}"
        status, headers = post(f"{base}/pictures", {"picture": "ella.png"})
        assert status == 202
        shape = re.sub(r"[0-9a-f]{8}-[-0-9a-f]+", "ID", headers["Link"])
        shown = re.search(r"^Link: (.*)$", PAGE, re.MULTILINE)
        assert shown is not None
        assert re.sub(r"\d{16}", "N", shape) == re.sub(
            r"\d{16}", "N", re.sub(r"[0-9a-f]{8}-[-0-9a-f]+", "ID", shown[1])
        )
        assert followed(base, headers["Link"])["result"] == {"url": "/small/ella.png"}


def test_the_other_programs_run() -> None:
    """The protected jobs behind the first, the messages by themselves."""
    known: dict[str, object] = {}
    for block in BLOCKS[:2]:
        exec(compile(block, "jobs.md", "exec"), known)
    exec(compile(BLOCKS[2], "jobs.md", "exec"), {})


def test_every_command_is_there() -> None:
    """And none is missing."""
    group = main.commands["jobs"]
    assert isinstance(group, click.Group)
    assert set(re.findall(r"^\$ brubeck jobs (\w+)", PAGE, re.MULTILINE)) == set(group.commands)


def test_the_example_counts_primes(emptied: str) -> None:
    """With its page, and a bad number told as one."""
    program = "examples.demo_jobs:app"
    with brubeck_run(program, storage_default=emptied) as web, worker(program, ROOT, emptied):
        base = f"http://127.0.0.1:{web.port}"
        with urlopen(base, timeout=30) as reply:
            assert "EventSource" in reply.read().decode()
        _, headers = post(f"{base}/primes", {"below": 1000})
        assert followed(base, headers["Link"])["result"] == {"below": 1000, "primes": 168}
        _, headers = post(f"{base}/primes", {"below": -1})
        failed = followed(base, headers["Link"])
        assert failed["error"] == "Primes are counted below a number of at most 10000000."

        def dead() -> bool:
            with urlopen(f"{base}/jobs?state=failed", timeout=30) as reply:
                return len(json.load(reply)["data"]) == 1

        wait_until(dead)
