"""The clients of the documentation keep a copy that is right, whatever happens to it."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import formatdate
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clients.front import LOST, PASS, SILENCE, Front, front_of
from tests.clients.test_eventsource import node_package, served
from tests.servers import wait_until
from tests.servers.browser import person, running_chromium
from tests.servers.cutting import Cutter, cutter
from tests.servers.programs import ROOT, Program, running

HERE = Path(__file__).parent


def send(port: int, method: str, path: str, body: object = None) -> Any:
    """Ask for something, and return the answer's JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse().read()
    connection.close()
    return json.loads(answer) if answer else None


def truth(port: int) -> list[Any]:
    """Return every item, by its id."""
    found = send(port, "GET", "/notes?limit=200")["data"]
    return sorted(found, key=lambda item: str(item["id"]))


def last_copy(program: Program) -> list[Any]:
    """Return the copy that a mirror has printed last."""
    lines = [line for line in program.output.splitlines() if line.startswith("[")]
    try:
        found: list[Any] = json.loads(lines[-1]) if lines else []
    except json.JSONDecodeError:  # it is just being written
        return []
    return found


def command_of(language: str) -> list[str]:
    """Return the command that runs a mirror, without its URL."""
    if language == "python":
        return [sys.executable, "-m", "tests.clients.mirrored"]
    node_package()
    return ["node", str(HERE / "mirror.mjs")]


@pytest.mark.reads("mirror.mjs", "pages", "changes", "SSE")
@pytest.mark.parametrize("language", ["python", "node"])
def test_a_copy_comes_to_be_the_truth(language: str) -> None:
    """After writes of every kind, cuts, and a new era that loses its place."""
    command = command_of(language)
    dice = random.Random(7)
    with ExitStack() as stack:
        port = stack.enter_context(served("embedded"))
        way = stack.enter_context(cutter(port))
        _write(port, dice, 60)
        url = f"http://127.0.0.1:{way.port}/notes"
        program = stack.enter_context(running(*command, url))
        wait_until(lambda: last_copy(program) == truth(port), seconds=30)
        for _ in range(5):
            taken = way.taken
            _write(port, dice, 20)
            way.cut()
            _write(port, dice, 20)
            wait_until(partial(_comes_back, way, taken), seconds=30)
        send(port, "POST", "/new-era")
        _write(port, dice, 20)
        way.cut()
        wait_until(lambda: last_copy(program) == truth(port), seconds=30)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the notes, and yield the port."""
    with served("embedded") as found:
        yield found


@pytest.fixture
def front(port: int) -> Iterator[Front]:
    """Yield a server in front of the notes, of which there are more than a page has."""
    for number in range(0, 210, 30):
        _put(port, *(f"n{number + each}" for each in range(30)))
    with front_of(port) as found:
        yield found


def _put(port: int, *ids: str) -> None:
    for each in ids:
        send(port, "PUT", f"/notes/{each}", {"kind": "a", "text": str(random.random())})


def _copies(program: Program, count: int) -> bool:
    return len(last_copy(program)) == count


REQUESTS = [
    (language, kind) for language in ("python", "node") for kind in ("page", "changes", "feed")
]


@pytest.mark.parametrize(("language", "kind"), REQUESTS)
def test_a_mirror_goes_on_after_what_passes(language: str, kind: str, front: Front) -> None:
    """Limits of rate, a storage that is down, a proxy without a server, a lost connection."""
    date = formatdate(time.time() + 2, usegmt=True)
    waits = [(502, ""), (LOST, ""), (429, "1"), (503, date)]
    for status, text in waits:
        front.plan(kind, status, **({"Retry_After": text} if text else {}))
    with running(*command_of(language), f"http://127.0.0.1:{front.port}/notes?kind=a") as program:
        wait_until(lambda: not front.plans[kind] and _copies(program, 210), seconds=60)
        name = f"{language}-{kind}"
        _put(front.target, name)
        wait_until(lambda: f'"{name}"' in program.output, seconds=30)
        assert "refused" not in program.output
    send(front.target, "DELETE", f"/notes/{name}")
    asked = front.of(kind)
    for number, (_, text) in enumerate(waits):
        gap = asked[number + 1].at - asked[number].at
        shows_headers = language == "python" or kind != "feed"  # an EventSource does not
        if text == "1" and shows_headers:
            assert 0.95 <= gap < 10
    # It continues at its position: the pages are read once.
    assert len(front.of("page")) == 2 + (len(waits) if kind == "page" else 0)


@pytest.mark.parametrize(("language", "kind"), REQUESTS)
@pytest.mark.parametrize("status", [200, 401, 403, 404])  # 200 is a page in HTML
def test_a_mirror_ends_with_an_error_that_is_final(
    language: str, kind: str, status: int, front: Front
) -> None:
    """And sends no further request: nothing of it is left."""
    front.plan(kind, status, Retry_After="1")
    if kind == "feed":  # an EventSource shows no status, the next request does
        front.plan("changes", PASS)
        front.plan("changes", status)
    with running(*command_of(language), f"http://127.0.0.1:{front.port}/notes") as program:
        assert program.process.wait(30) == 0, program.output
        asked = len(front.requests)
        assert json.loads(program.output.splitlines()[-1]) == {"refused": status}
        assert len(front.of(kind)) == 1
        assert len(front.requests) == asked


@pytest.mark.parametrize(
    ("language", "kind"), [("python", "changes"), ("node", "page"), ("node", "changes")]
)
def test_a_lost_position_starts_over(language: str, kind: str, front: Front) -> None:
    """A 410 at any request; `reset` of an open feed is in the test of the new era."""
    front.plan(kind, 410)
    with running(*command_of(language), f"http://127.0.0.1:{front.port}/notes") as program:
        wait_until(lambda: len(front.of("page")) >= 3 and _copies(program, 210), seconds=30)
        wait_until(lambda: bool(front.of("changes")), seconds=30)
        assert "refused" not in program.output


@pytest.mark.parametrize("language", ["python", "node"])
def test_the_query_of_the_url_is_in_every_request(language: str, front: Front) -> None:
    """A filter and the fields, in pages, changes and feeds; so the copy has only that."""
    url = f"http://127.0.0.1:{front.port}/notes?kind=b&fields=kind"
    with running(*command_of(language), url) as program:
        wait_until(lambda: bool(front.of("feed")), seconds=30)
        send(front.target, "PUT", "/notes/b", {"kind": "b", "text": "x"})
        wait_until(lambda: last_copy(program) == [{"id": "b", "kind": "b"}], seconds=30)
        _put(front.target, "b")
        wait_until(lambda: program.output.endswith("\n[]\n"), seconds=30)
    send(front.target, "DELETE", "/notes/b")
    for each in front.requests:
        query = parse_qs(urlsplit(each.path).query)
        assert (query["kind"], query["fields"]) == (["b"], ["kind"]), each.path


@pytest.mark.parametrize(
    ("language", "kind", "status"),
    [
        (language, kind, status)
        for language, kind in REQUESTS
        for status in (None, SILENCE, 429)
        if (kind, status) not in (("page", None), ("feed", 429))
    ],
)
def test_close_ends_everything(language: str, kind: str, status: int | None, front: Front) -> None:
    """An open feed or long poll, a request without an answer, a pause; then nothing happens."""
    if status is not None:
        front.plan(kind, status, Retry_After="3600")
    with running(*command_of(language), f"http://127.0.0.1:{front.port}/notes") as program:
        wait_until(lambda: bool(front.of(kind)), seconds=30)
        asked = front.of(kind)[0]
        if status == 429:
            wait_until(asked.ended.is_set, seconds=30)
        elif kind == "feed" or (kind == "changes" and status is None):
            wait_until(lambda: _copies(program, 210), seconds=30)
        # A program without anything left to do ends by itself.
        assert program.stop() == 0, program.output
        wait_until(asked.ended.is_set, seconds=30)
        assert "closed\n" in program.output  # a thread of it may be writing of its pause
        assert len(front.of(kind)) == 1 or status is None


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_link_to_another_server_is_not_followed(language: str, front: Front) -> None:
    """Nor one without the prefix that a proxy strips: the URL is that which the user gave."""
    front.prefix, front.links = "/api", b'"http://elsewhere.invalid/notes'
    with running(*command_of(language), f"http://127.0.0.1:{front.port}/api/notes") as program:
        wait_until(lambda: _copies(program, 210) and bool(front.of("feed")), seconds=30)
        _put(front.target, f"link-{language}")
        wait_until(lambda: f'"link-{language}"' in program.output, seconds=30)
    send(front.target, "DELETE", f"/notes/link-{language}")
    assert {urlsplit(each.path).path for each in front.requests} == {
        "/api/notes",
        "/api/notes/changes",
    }


@pytest.mark.parametrize(("language", "kind"), [("python", "feed"), ("node", "changes")])
def test_a_cut_feed_goes_on_behind_its_last_change(language: str, kind: str, front: Front) -> None:
    """And not where it was opened first."""
    name = f"cut-{language}"
    with cutter(front.port) as way:
        url = f"http://127.0.0.1:{way.port}/notes"
        with running(*command_of(language), url) as program:
            wait_until(lambda: bool(front.of("feed")), seconds=30)
            before = len(front.of(kind))
            send(front.target, "PUT", f"/notes/{name}", {"kind": name})
            wait_until(lambda: f'"{name}"' in program.output, seconds=30)
            way.cut()
            wait_until(lambda: len(front.of(kind)) > before, seconds=30)
    found = send(front.target, "GET", f"/notes/changes?kind={name}")["data"]
    position = found[-1]["position"]
    after = parse_qs(urlsplit(front.of(kind)[-1].path).query)["after"]
    assert after[0].startswith(f"{position}~")
    send(front.target, "DELETE", f"/notes/{name}")


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_silent_feed_is_opened_again(language: str, front: Front) -> None:
    """A server that is lost without a word, which no end of a connection tells."""
    front.plan("feed", SILENCE)
    url = f"http://127.0.0.1:{front.port}/notes"
    with running(*command_of(language), url, env={"SILENCE": "500"}) as program:
        wait_until(lambda: bool(front.of("feed")), seconds=30)
        assert front.of("feed")[0].ended.wait(30)
        _put(front.target, f"silent-{language}")
        wait_until(lambda: f'"silent-{language}"' in program.output, seconds=30)
    send(front.target, "DELETE", f"/notes/silent-{language}")


@pytest.mark.reads("EventSource of Chromium", "SSE")
def test_a_browser_opens_a_refused_feed_again(front: Front) -> None:
    """Its own EventSource gives up for good; and after `close()` it sends and reports nothing."""
    for status in (429, 502, LOST):
        front.plan("feed", status)
    with running_chromium() as browser, person(browser) as page:
        page.route("**/blank.html", lambda route: route.fulfill(body="", content_type="text/html"))
        code = ROOT / "examples" / "clients" / "mirror.mjs"
        page.route("**/mirror.mjs", lambda route: route.fulfill(path=code))
        page.goto(f"http://127.0.0.1:{front.port}/blank.html")
        page.evaluate(
            """async () => {
                const { mirror } = await import("/mirror.mjs");
                const changed = (items) => { window.ids = [...items.keys()]; };
                const failed = (error) => { window.error = error; };
                window.copy = mirror("/notes?kind=a", changed, failed);
            }"""
        )
        page.wait_for_function("window.ids?.length === 210")
        wait_until(lambda: len(front.of("feed")) == 4, seconds=30)
        _put(front.target, "browser")
        page.wait_for_function("window.ids.includes('browser')")
        feed = front.of("feed")[-1]
        assert not feed.ended.is_set()
        page.evaluate("window.copy.close()")
        wait_until(feed.ended.is_set, seconds=30)
        asked = len(front.requests)
        send(front.target, "DELETE", "/notes/browser")
        # A request of the page itself shows that time has passed for the browser, too.
        page.evaluate("fetch('/notes?limit=1').then((reply) => reply.text())")
        assert len(front.requests) == asked + 1
        assert page.evaluate("[window.ids.includes('browser'), window.error ?? null]") == [
            True,
            None,
        ]


def _comes_back(way: Cutter, taken: int) -> bool:
    return way.taken > taken


def _write(port: int, dice: random.Random, count: int) -> None:
    """Create, replace and delete some of forty items."""
    for _ in range(count):
        path = f"/notes/n{dice.randrange(40)}"
        if dice.random() < 0.3:
            send(port, "DELETE", path)
        else:
            send(port, "PUT", path, {})
