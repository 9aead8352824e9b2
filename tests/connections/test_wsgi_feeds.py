"""Feeds and long polls under WSGI servers end by themselves, and hold up nobody else."""

from __future__ import annotations

import http.client
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from tests.connections.wsgi_program import app
from tests.servers import free_port
from tests.servers.programs import Program, running

FEED = {"Accept": "text/event-stream"}


class Site:
    """A running gunicorn, and the connections that tests have to it."""

    def __init__(self, program: Program, port: int) -> None:
        self.program, self._port = program, port
        self._connections: list[http.client.HTTPConnection] = []

    def ask(self, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
        """Send a request and return the answer; its body is not read yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        self._connections.append(connection)
        body = json.dumps({"text": "one"}) if method == "POST" else None
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def close(self) -> None:
        """Leave."""
        for each in self._connections:
            each.close()


@contextmanager
def gunicorn(worker: str, *options: str, patience: float = 45) -> Iterator[Site]:
    """Serve the stream by one gunicorn worker."""
    port = free_port()
    command = (sys.executable, "-m", "gunicorn", "tests.connections.wsgi_program:wsgi")
    where = ("-k", worker, "-b", f"127.0.0.1:{port}", "--no-control-socket", *options)
    with running(*command, *where, env={"PATIENCE": str(patience)}) as program:
        program.await_output("Booting worker")
        with closing(Site(program, port)) as site:
            yield site


def test_one_feed_does_not_stop_a_server_that_serves_one_at_a_time() -> None:
    """It is answered with what there is, and its reader comes back with its place."""
    with gunicorn("sync") as site:
        begun = monotonic()
        assert site.ask("POST", "/notes").status == 201
        feed = site.ask("GET", "/notes/changes?after=now", **FEED)
        place = [line for line in feed.read().decode().splitlines() if line.startswith("id: ")][-1]
        assert site.ask("POST", "/notes").status == 201
        headers = {**FEED, "Last-Event-ID": place.removeprefix("id: ")}
        again = site.ask("GET", "/notes/changes", **headers).read()
        assert again.count(b"event: put") == 1
        waited = site.ask("GET", "/notes/changes?after=now&wait=30")
        assert (waited.status, json.loads(waited.read())["data"]) == (200, [])
        assert monotonic() - begun < 20  # three waits would take more


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_a_feed_of_a_reader_that_left_ends(worker: str) -> None:
    """A server tells nobody that a reader has left; so every feed ends after a while, whole."""
    with gunicorn(worker, "--threads", "2", patience=1) as site:
        feeds = [site.ask("GET", "/notes/changes?after=now", **FEED) for _ in range(2)]
        assert all(b"checkpoint" in feed.read() for feed in feeds)
        assert site.ask("GET", "/notes").status == 200


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_a_stop_ends_within_the_grace(worker: str) -> None:
    """Whatever is followed then, and with what has come until then."""
    with gunicorn(worker, "--threads", "2", "--graceful-timeout", "2") as site:
        feed = site.ask("GET", "/notes/changes?after=now", **FEED)
        while feed.readline() != b"event: checkpoint\n":
            pass
        assert site.ask("POST", "/notes").status == 201
        while feed.readline() != b"event: put\n":
            pass
        begun = monotonic()
        site.program.stop(signal.SIGTERM)
        assert monotonic() - begun < 15


@pytest.mark.parametrize("shared", [False, True])
def test_an_answer_waits_only_where_others_are_served(shared: bool) -> None:
    """By the server's own word in the environ."""
    environ: dict[str, Any] = {"PATH_INFO": "/notes/changes", "HTTP_ACCEPT": FEED["Accept"]}
    environ |= {"QUERY_STRING": "after=now", "wsgi.multithread": shared}
    setup_testing_defaults(environ)
    environ["wsgi.multithread"] = shared
    chunks = iter(app.wsgi(environ, lambda *_: None))
    assert b"checkpoint" in next(chunks)
    if not shared:
        assert list(chunks) == []
