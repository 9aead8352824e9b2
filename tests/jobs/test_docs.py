"""The page on jobs is true, and so is its example."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import click
import pytest
from playwright.sync_api import expect

from brubeck.cli import main
from tests.jobs.conftest import KINDS, backend_of
from tests.servers import wait_until
from tests.servers.browser import person, running_chromium
from tests.servers.mongrel2 import running_mongrel2
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


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_program_does_what_it_says(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Sent by the web, done by a worker or the server itself, followed by its link."""
    (tmp_path / "pictures.py").write_text(BLOCKS[0])
    backend = backend_of(kind, request, tmp_path)
    with ExitStack() as afterwards:
        served = brubeck_run("pictures:app", cwd=tmp_path, storage_default=backend.url)
        web = afterwards.enter_context(served)
        if backend.shared:
            afterwards.enter_context(worker("pictures:app", tmp_path, backend.url))
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
    """Those of jobs behind the first, the messages by themselves."""
    for block in BLOCKS[1:-1]:
        known: dict[str, object] = {}
        exec(compile(BLOCKS[0], "jobs.md", "exec"), known)
        exec(compile(block, "jobs.md", "exec"), known)
    exec(compile(BLOCKS[-1], "jobs.md", "exec"), {})


def test_every_command_is_there() -> None:
    """And none is missing."""
    group = main.commands["jobs"]
    assert isinstance(group, click.Group)
    assert set(re.findall(r"^\$ brubeck jobs (\w+)", PAGE, re.MULTILINE)) == set(group.commands)


@pytest.fixture(params=["embedded", "memory", pytest.param("mongrel2", marks=pytest.mark.mongrel2)])
def counting(request: pytest.FixtureRequest, emptied: str) -> Iterator[str]:
    """Run the example with a worker, and yield the URL at which it is served."""
    program = "examples.demo_jobs:app"
    with ExitStack() as afterwards:
        if request.param == "memory":
            web = afterwards.enter_context(brubeck_run(program))
            yield f"http://127.0.0.1:{web.port}"
            return
        afterwards.enter_context(worker(program, ROOT, emptied))
        if request.param == "embedded":
            web = afterwards.enter_context(brubeck_run(program, storage_default=emptied))
            yield f"http://127.0.0.1:{web.port}"
        else:
            front = afterwards.enter_context(running_mongrel2())
            sockets = f"{front.send_spec},{front.recv_spec}"
            afterwards.enter_context(brubeck_run(program, listen=sockets, storage_default=emptied))
            yield front.url


def test_people_watch_primes_being_counted(counting: str) -> None:
    """In a real browser, on the example's page."""
    with running_chromium() as browser, person(browser) as page:
        page.goto(counting)
        page.get_by_label("Below").fill("1000000")
        page.get_by_role("button", name="Count").click()
        expect(page.locator("#jobs p")).to_have_text("78498 primes below 1000000")
        expect(page.locator("progress")).to_have_attribute("value", "1")


def test_the_example_counts_primes(counting: str) -> None:
    """With its page, and a bad number told as one."""
    with urlopen(counting, timeout=30) as reply:
        assert "EventSource" in reply.read().decode()
    _, headers = post(f"{counting}/primes", {"below": 1000})
    assert followed(counting, headers["Link"])["result"] == {"below": 1000, "primes": 168}
    _, headers = post(f"{counting}/primes", {"below": -1})
    failed = followed(counting, headers["Link"])
    assert failed["error"] == "Primes are counted below a number of at most 10000000."

    def dead() -> bool:
        with urlopen(f"{counting}/jobs?state=failed", timeout=30) as reply:
            return len(json.load(reply)["data"]) == 1

    wait_until(dead)
