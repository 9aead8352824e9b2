"""The other shapes of a timeline are alike over every connection, too."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.behaviour.conftest import Everywhere
from tests.behaviour.connections import HOLDING

NDJSON = "application/x-ndjson"
SHAPES = (
    *("application/atom+xml", "application/feed+json"),
    *("text/html", NDJSON, "text/csv"),
)
HOST = {"Host": "localhost"}
LINES = 300


@pytest.fixture(scope="session")
def filled(asks: Any) -> None:
    """Seven items, two of them at one time, of which one would like to be a formula or markup."""
    items = [
        {"id": f"s{number}", "created_at": number // 2, "updated_at": 9, "place": f"at {number}"}
        for number in range(6)
    ]
    items.append({"id": "s6", "created_at": 9, "updated_at": 9, "place": '=<b>&"\r\n'})
    for ask in asks.values():
        body = json.dumps(items).encode()
        assert ask("POST", "/shapes", body, {"Content-Type": "application/json"}).status == 201


@pytest.mark.usefixtures("filled")
class TestShapes:
    """`GET` of the collection with another `Accept`."""

    @pytest.mark.parametrize("kind", SHAPES)
    @pytest.mark.parametrize("query", ["", "?order=oldest&fields=place&since=1", "?network=a"])
    def test_every_shape_is_the_same_everywhere(
        self, ask: Everywhere, kind: str, query: str
    ) -> None:
        """To the last byte, as every answer is; asked by HEAD, too."""
        answer = ask("GET", f"/shapes{query}", b"", HOST | {"Accept": kind})
        assert answer.status == 200
        assert (answer.header("content-type") or "").startswith(kind)
        assert (b"s2" in answer.body or b"s5" in answer.body) == ("network" not in query)
        assert (answer.header("link") or "").count("rel=") <= 2
        head = ask("HEAD", f"/shapes{query}", b"", HOST | {"Accept": kind})
        assert (head.status, head.headers, head.body) == (200, answer.headers, b"")

    def test_an_export_is_whole(self, ask: Everywhere) -> None:
        """Whatever a page holds; with the way on."""
        answer = ask("GET", "/shapes", b"", {"Accept": NDJSON})
        lines = [json.loads(line) for line in answer.body.splitlines()]
        assert [each["id"] for each in lines] == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]
        assert answer.header("link") == (
            '<http://localhost/shapes/changes?after=1700000000123462~blue>; rel="changes"'
        )
        table = ask("GET", "/shapes?fields=place&after=8", b"", {"Accept": "text/csv"})
        assert table.body == b'id,place\r\ns6,"\'=<b>&""\r\n"\r\n'

    @pytest.mark.parametrize("kind", SHAPES)
    @pytest.mark.parametrize("query", ["?limt=1", "?before=x", "?before=1&after=1", "?fields=x"])
    def test_nonsense_is_refused_in_every_shape(
        self, ask: Everywhere, kind: str, query: str
    ) -> None:
        """By name; to people on a page."""
        answer = ask("GET", f"/shapes{query}", b"", HOST | {"Accept": kind})
        assert answer.status == 400
        wanted = "text/html; charset=utf-8" if kind == "text/html" else "application/problem+json"
        assert answer.header("content-type") == wanted

    @pytest.mark.parametrize("kind", SHAPES[:3])
    def test_an_unchanged_page_is_a_304(self, ask: Everywhere, kind: str) -> None:
        """In every shape that has pages."""
        headers = HOST | {"Accept": kind}
        tag = ask("GET", "/shapes", b"", headers).header("etag") or ""
        again = ask("GET", "/shapes", b"", headers | {"If-None-Match": tag})
        assert (again.status, again.body, again.header("etag")) == (304, b"", tag)

    def test_an_item_is_a_page_too(self, ask: Everywhere) -> None:
        """With a tag of its own."""
        answer = ask("GET", "/shapes/s6", b"", {"Accept": "text/html"})
        assert b"=&lt;b&gt;&amp;&#34;" in answer.body
        assert (answer.header("etag") or "").endswith('-html"')


class TestImports:
    """`POST` of lines."""

    def test_each_line_has_a_result(self, ask: Everywhere) -> None:
        """The good ones are there afterwards."""
        body = b'{"id":"a","created_at":1,"place":"x"}\n{}\n\n[\n{"id":"a","place":"y"}'
        answer = ask("POST", "/imports", body, {"Content-Type": NDJSON})
        assert (answer.status, answer.header("content-type")) == (200, NDJSON)
        results = [json.loads(line) for line in answer.body.splitlines()]
        statuses = [(each["line"], each["status"]) for each in results]
        assert statuses == [(1, 201), (2, 422), (4, 400), (5, 409)]
        assert ask("GET", "/imports/a").status == 200

    def test_a_long_body_is_read_line_by_line(self, ask: Everywhere) -> None:
        """Also where the connection keeps it in a file."""
        item = b'{"id":"n%d","created_at":2,"place":"x","tags":["' + b"y" * 9000 + b'"]}\n'
        body = b"".join([item % number for number in range(LINES)])
        answer = ask("POST", "/imports", body, {"Content-Type": NDJSON})
        results = [json.loads(line) for line in answer.body.splitlines()]
        assert [each["status"] for each in results] == [201] * LINES
        found = ask("GET", "/imports?since=2&until=3&fields=place", b"", {"Accept": "text/csv"})
        assert found.body.count(b"\r\n") == LINES + 1

    @pytest.mark.parametrize(
        ("body", "headers", "status"),
        [
            (b"", {}, 422),
            (b"\n \n", {}, 422),
            (b"{}", {"Accept": "application/json"}, 406),
            (b"{}", {"Idempotency-Key": '"k"'}, 400),
        ],
    )
    def test_what_is_no_import_is_refused(
        self, ask: Everywhere, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        """As a whole."""
        answer = ask("POST", "/imports", body, {"Content-Type": NDJSON} | headers)
        assert answer.status == status
        assert json.loads(answer.body)["detail"]


@pytest.mark.parametrize("name", HOLDING)
def test_a_feed_can_be_asked_for_by_another_name(asks: dict[str, Any], name: str) -> None:
    """Its URLs are those of whoever asks, over every connection that has a port."""
    connection = HTTPConnection("127.0.0.1", asks[name].port, timeout=60)
    try:
        connection.request("GET", "/shapes", headers={"Accept": "application/feed+json"})
        found = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    assert found["feed_url"] == f"http://127.0.0.1:{asks[name].port}/shapes"
