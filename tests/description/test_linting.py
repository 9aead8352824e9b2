"""httplint: no answer of a tour through the examples has a fault by the rules of HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Final

import pytest
from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

from tests.servers.programs import Program, brubeck_run

SSE: Final = {"Accept": "text/event-stream"}
EXPLAINED: Final = {
    "VARY_COMPLEX": "What is shown depends on Accept, on who asks, and on where the page is from.",
    "FRESHNESS_NO_CACHE_NO_VALIDATOR": "Errors and changes are asked for anew; they have no tag.",
    "CREATED_WITHOUT_LOCATION": "A list has created many, and says each one's id.",
    "REQUEST_HDR_IN_RESPONSE": "Accept belongs to a 415 (RFC 9110, section 12.5.1).",
    "STATUS_BAD_REQUEST": "The request was meant to be wrong.",
}
"""The warnings that stay, and why."""


class Tour:
    """A caller whose answers are all looked at."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.notes: dict[str, str] = {}
        self.statuses: set[int] = set()
        self.faults: list[str] = []

    def ask(
        self, method: str, path: str, body: object = None, *, who: str = "", **headers: str
    ) -> tuple[dict[str, str], bytes]:
        """Ask, look at the answer, and return its headers and body."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            sent["Authorization"] = f"Basic {base64.b64encode(who.encode()).decode()}"
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            sent.setdefault("Content-Type", "application/json")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, content or None, sent)
            response = connection.getresponse()
            feed = response.getheader("content-type") == "text/event-stream"
            got = b"" if feed else response.read()
        finally:
            connection.close()
        self.statuses.add(response.status)
        request = HttpRequestLinter()
        target = f"http://127.0.0.1:{self.port}{path}"
        request.process_request_topline(method.encode(), target.encode(), b"HTTP/1.1")
        request.process_headers([(name.encode(), text.encode()) for name, text in sent.items()])
        request.feed_content(content)
        request.finish_content(True)
        linter = HttpResponseLinter(no_content=method == "HEAD")
        linter.request = request
        status = str(response.status).encode()
        linter.process_response_topline(b"HTTP/1.1", status, response.reason.encode())
        pairs = [(name.encode(), text.encode()) for name, text in response.getheaders()]
        linter.process_headers(pairs)
        linter.feed_content(got)
        linter.finish_content(not feed)
        for note in linter.notes:
            name = type(note).__name__
            if note.level not in (levels.GOOD, levels.INFO) and name not in EXPLAINED:
                self.faults.append(f"{method} {path} {response.status} {name}: {note.summary}")
        return dict(response.getheaders()), got


@pytest.fixture
def program() -> Iterator[Program]:
    """Run all the examples."""
    with brubeck_run("tests.description.program:app", storage_default="memory://") as started:
        yield started


def test_no_answer_has_a_fault(program: Program) -> None:
    """Of a tour through pages, items, errors, feeds and descriptions."""
    tour = Tour(program.port)
    _, body = tour.ask("POST", "/quakes", {"place": "Isangel", "magnitude": 5.6})
    tour.ask("POST", "/quakes", [{"place": "a" * 200}] * 30)
    tour.ask("POST", "/quakes", [{"place": "Hualian"}, {}])
    tour.ask("POST", "/quakes", {"place": ""})
    tour.ask("POST", "/quakes", {"place": "x"}, Content_Type="text/plain")
    headers, _ = tour.ask("GET", "/quakes")
    tour.ask("GET", "/quakes", If_None_Match=headers["ETag"])
    tour.ask("GET", "/quakes", Accept_Encoding="gzip")
    tour.ask("GET", "/quakes?limit=1&total=true")
    for kind in ("text/html", "application/atom+xml", "application/feed+json", "text/csv"):
        headers, _ = tour.ask("GET", "/quakes", Accept=kind)
        if "ETag" in headers:
            tour.ask("GET", "/quakes", Accept=kind, If_None_Match=headers["ETag"])
    tour.ask("GET", "/quakes", Accept="application/x-ndjson")
    tour.ask("POST", "/quakes", {"place": "x"}, Content_Type="application/x-ndjson")
    tour.ask("GET", "/quakes?kind=", Accept="text/html")
    tour.ask("HEAD", "/quakes")
    tour.ask("OPTIONS", "/quakes")
    tour.ask("GET", "/quakes?limt=1")
    tour.ask("GET", "/quakes", Accept="image/png")
    tour.ask("TRACE", "/quakes")
    item = f"/quakes/{json.loads(body)['data']['id']}"
    headers, _ = tour.ask("GET", item)
    tour.ask("GET", item, If_None_Match=headers["ETag"])
    tour.ask("GET", f"{item},nothing")
    tour.ask("GET", "/quakes/nothing")
    tour.ask("GET", "/nothing")
    tour.ask("PATCH", item, {"magnitude": 6}, If_Match='"1"')
    tour.ask("PATCH", item, {"magnitude": 6}, If_Match=headers["ETag"])
    tour.ask("PATCH", item, {"magnitude": 6}, Content_Type="text/plain")
    tour.ask("PUT", "/quakes/new", {"place": "Hualian"}, Idempotency_Key='"k"')
    tour.ask("PUT", "/quakes/new", {"place": "Hualian"}, Idempotency_Key='"k"')
    tour.ask("POST", "/quakes", {"place": "x", "id": "new"})
    tour.ask("DELETE", item)
    tour.ask("GET", item)
    tour.ask("GET", "/quakes/changes")
    tour.ask("GET", "/quakes/changes?after=1~x")
    tour.ask("GET", "/quakes/changes", **SSE)
    tour.ask("GET", "/journal")
    tour.ask("GET", "/journal", who="ella:wrong")
    tour.ask("GET", "/journal", who="ella:a-tisket")
    tour.ask("GET", "/bulletins", who="joe:flying-home")
    tour.ask("GET", "/bulletins", who="ella:a-tisket")
    tour.ask("GET", "/users/ella/posts", who="ella:a-tisket")
    tour.ask("POST", "/users/joe/posts", {"text": "x"}, who="ella:a-tisket")
    tour.ask("PUT", "/todo/01a20966-3642-7431-a488-0e4ac910c7b5", {"title": "x"})
    tour.ask("POST", "/todo", [{"title": "x"}, {}])
    tour.ask("GET", "/todo")
    tour.ask("GET", "/todo/nothing")
    for path in ("/openapi.json", "/manifest.json"):
        headers, _ = tour.ask("GET", path)
        tour.ask("GET", path, If_None_Match=headers["ETag"])
    assert not tour.faults, "\n".join(sorted(set(tour.faults)))
    assert tour.statuses == {
        *(200, 201, 204, 207, 303, 304),
        *(400, 401, 403, 404, 405, 406, 409, 410, 412, 415, 422),
    }
