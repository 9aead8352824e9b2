"""Monitoring of real processes: names in logs, figures of all workers, the line that blocks."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.servers import free_port, wait_until
from tests.servers.processes import suspend
from tests.servers.programs import Program, brubeck_run
from tests.servers.redis import RedisServer

PROGRAM = "tests.monitoring.program:app"


def ask(port: int, path: str, **headers: str) -> tuple[int, Any, str]:
    """Return the status, the headers and the text of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"http://127.0.0.1:{port}{path}", headers=named)
    try:
        with urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    """Serve with JSON logs, request ids and a proxy on this machine."""
    with brubeck_run(
        PROGRAM,
        app_log_format="json",
        server_request_ids="true",
        server_access_log="true",
        server_trusted_proxies="127.0.0.1",
    ) as program:
        yield program


def lines(program: Program) -> list[dict[str, Any]]:
    """Return the log, of which each line is an object of JSON."""
    return [json.loads(line) for line in program.output.splitlines() if line.startswith("{")]


def logged(program: Program, **members: object) -> dict[str, Any]:
    """Wait for a line with some members, and return it."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [line for line in lines(program) if members.items() <= line.items()]
        return bool(found)

    wait_until(is_there, what=f"no line of the log has {members}")
    return found[-1]


def test_every_line_of_a_request_has_its_id(server: Program) -> None:
    """That of a proxy, in the program's own lines, the access log, and the answer."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    status, headers, _ = ask(server.port, "/log/hello", X_Request_ID="front-17", traceparent=trace)
    assert (status, headers["X-Request-ID"]) == (200, "front-17")
    said = logged(server, message="said hello")
    assert said["request_id"] == "front-17"
    assert said["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    access = logged(server, logger="brubeck.access", target="/log/hello")
    assert access["request_id"] == "front-17"
    assert (access["method"], access["status"], access["bytes"]) == ("GET", 200, 4)
    assert access["duration_ms"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", access["time"])


def test_an_error_has_the_id_of_its_answer(server: Program) -> None:
    """And its traceback is in one line."""
    status, headers, text = ask(server.port, "/fail")
    assert status == 500
    assert headers["X-Request-ID"] in text
    line = logged(server, level="ERROR", request_id=headers["X-Request-ID"])
    assert "RuntimeError: on purpose" in line["exception"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", '"', "{}"])
def test_an_id_that_is_none_is_not_taken(server: Program, given: str) -> None:
    """Logs are searched by it."""
    _, headers, _ = ask(server.port, "/notes", X_Request_ID=given)
    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])


def figures(port: int, path: str = "/-/metrics") -> dict[str, float]:
    """Return the figures by their names and labels."""
    status, headers, text = ask(port, path)
    assert status == 200, text
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


@pytest.mark.parametrize("workers", [1, 2])
def test_metrics_are_those_of_all_workers(tmp_path: Any, workers: int) -> None:
    """Requests by route, storage by operation, open feeds while they are open."""
    with brubeck_run(
        PROGRAM,
        server_metrics="/-/metrics",
        server_workers=str(workers),
        storage_default=f"sqlite:///{tmp_path}/notes.db",
    ) as program:
        for number in range(20):
            assert ask(program.port, f"/notes/n{number}")[0] == 404
        named = 'brubeck_requests_total{method="GET",route="/notes/{ids}",status="404"}'
        wait_until(lambda: figures(program.port).get(named) == 20)
        found = figures(program.port)
        key = 'brubeck_storage_seconds_count{operation="get",store="default"}'
        assert found[key] == 20
        url = f"http://127.0.0.1:{program.port}/notes/changes?after=now"
        feeds = 'brubeck_open_feeds{route="/notes/changes"}'
        with urlopen(Request(url, headers={"Accept": "text/event-stream"}), timeout=30) as feed:
            feed.readline()
            wait_until(lambda: figures(program.port)[feeds] == 1)
        wait_until(lambda: figures(program.port)[feeds] == 0, seconds=20)


def test_operations_that_wait_for_a_store_are_counted(tmp_path: Path) -> None:
    """While a Redis answers nothing, and no longer."""
    name = 'brubeck_storage_operations_in_progress{store="default"}'
    redis = RedisServer(tmp_path)
    try:
        redis.run()
        url = f"{redis.url}?timeout=30s"
        with brubeck_run(PROGRAM, server_metrics="/-/metrics", storage_default=url) as program:
            assert ask(program.port, "/notes/a")[0] == 404
            purged = 'brubeck_storage_seconds_count{operation="purge",store="default"}'
            wait_until(lambda: purged in figures(program.port))  # the sweeper begins at the start
            assert figures(program.port)[name] == 0
            assert redis.process is not None
            suspend(redis.process.pid)
            caller = Thread(target=ask, args=(program.port, "/notes/b"))
            caller.start()
            wait_until(lambda: figures(program.port)[name] == 1)
            redis.process.send_signal(signal.SIGCONT)
            caller.join()
            wait_until(lambda: figures(program.port)[name] == 0)
    finally:
        redis.kill()


def test_metrics_may_have_an_address_of_their_own() -> None:
    """Which one of the workers serves; the program's own port does not have them."""
    port = free_port()
    with brubeck_run(PROGRAM, server_metrics=f"127.0.0.1:{port}") as program:
        assert ask(program.port, "/-/metrics")[0] == 404
        wait_until(lambda: "brubeck_requests_in_progress" in figures(port, "/metrics"))


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_the_line_that_holds_up_everybody_is_named(engine: str) -> None:
    """The program's own line, and the time."""
    with brubeck_run(PROGRAM, green=engine, server_blocked_after="200ms") as program:
        ask(program.port, "/compute")
        program.await_output("Everything waited ")
        assert re.search(
            r"Everything waited 0\.\d\d s for \S+program\.py:\d+ in compute", program.output
        )
