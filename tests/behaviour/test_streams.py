"""Streams answer alike over every connection, to the last byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.behaviour.answers import HEADERS, data, detail, ids, paging, send
from tests.behaviour.conftest import Everywhere


@pytest.fixture(scope="session")
def filled(asks: Any) -> None:
    """Seven items, two pairs of them at one time, in the stream of pages."""
    times = [("a", 10), ("b", 20), ("c", 20), ("d", 30), ("e", -5), ("f", 40), ("g", 40)]
    documents = [
        {"id": i, "created_at": at, "place": f"at {at}", "magnitude": n, "network": "abab"[n % 4]}
        for n, (i, at) in enumerate(times)
    ]
    for ask in asks.values():
        assert ask("POST", "/pages", json.dumps(documents).encode(), HEADERS).status == 201


@pytest.mark.usefixtures("filled")
class TestPages:
    """`GET` of the collection."""

    def test_a_walk_yields_everything_newest_first(self, ask: Everywhere) -> None:
        """By `next`, to its end."""
        seen, target = [], "/pages"
        while target:
            answer = ask("GET", target)
            seen += ids(answer)
            target = paging(answer)["next"]
        assert seen == ["g", "f", "d", "c", "b", "a", "e"]

    def test_a_walk_can_be_turned_round(self, ask: Everywhere) -> None:
        """`previous` of a page is the page before it."""
        first = ask("GET", "/pages?limit=2")
        second = ask("GET", paging(first)["next"])
        assert paging(first)["previous"] is None
        back = ask("GET", paging(second)["previous"])
        assert ids(back) == ids(first)
        assert paging(back)["previous"] is None
        assert ids(ask("GET", paging(back)["next"])) == ids(second)

    def test_oldest_first_is_the_same_walk_from_the_other_end(self, ask: Everywhere) -> None:
        """And its links keep the order."""
        seen, target = [], "/pages?order=oldest&limit=3"
        while target:
            answer = ask("GET", target)
            seen += ids(answer)
            target = paging(answer)["next"]
        assert seen == ["e", "a", "b", "c", "d", "f", "g"]

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("before=20~c", ["b", "a", "e"]),
            ("before=20", ["a", "e"]),
            ("after=20&limit=2", ["f", "d"]),
            ("after=20&order=oldest&limit=2", ["d", "f"]),
            ("after=20~b&limit=1", ["c"]),
            ("since=20&until=40", ["d", "c", "b"]),
            ("since=1970-01-01T00:00:00.0195Z&until=1970-01-01T00:00:00.040Z", ["d", "c", "b"]),
            ("before=1970-01-01T00:00:00.0105Z", ["a", "e"]),
            ("after=1970-01-01T00:00:00.0305Z&order=oldest", ["f", "g"]),
            ("after=1970-01-01T00:00:00.0195Z&order=oldest", ["b", "c", "d"]),
            ("network=a&limit=5", ["g", "c", "a", "e"]),
            ("magnitude__gte=5", ["g", "f"]),
            ("network__in=b&network__in=zz&limit=5", ["f", "d", "b"]),
            ("limit=99", ["g", "f", "d", "c", "b"]),
            ("limit=99999999999999999999", ["g", "f", "d", "c", "b"]),
            ("count=1", ["g"]),
        ],
    )
    def test_a_page_starts_and_ends_where_it_is_told(
        self, ask: Everywhere, query: str, wanted: list[str]
    ) -> None:
        """Cursors exclude, `since` includes, `until` excludes, filters filter."""
        assert ids(ask("GET", f"/pages?{query}")) == wanted

    def test_links_keep_what_was_asked(self, ask: Everywhere) -> None:
        """Filters, bounds, fields, limit and order; `changes` keeps filters and fields."""
        answer = ask("GET", "/pages?network=a&limit=1&since=0&fields=place&total=true")
        assert paging(answer) == {
            "limit": 1,
            "next": "/pages?network=a&limit=1&since=0&fields=place&before=40~g",
            "previous": None,
            "changes": "/pages/changes?network=a&fields=place&after=1700000000123462~blue",
            "cursor": "40~g",
            "has_more": True,
            "total": 3,
            "total_exact": True,
        }
        assert data(answer) == [{"id": "g", "place": "at 40"}]
        query = "network=a&limit=1&since=0&fields=place&before=40~g"
        assert answer.header("link") == f'<http://localhost/pages?{query}>; rel="next"'

    def test_a_poll_for_news_misses_nothing_when_it_turns(self, ask: Everywhere) -> None:
        """An empty page's way back leads to the very item that it started from."""
        empty = ask("GET", "/pages?after=40~g")
        assert ids(empty) == []
        assert ids(ask("GET", paging(empty)["next"])) == ["g", "f", "d"]
        bottom = ask("GET", "/pages?before=-5~e")
        assert ids(bottom) == []
        assert ids(ask("GET", paging(bottom)["previous"]))[-1] == "e"

    def test_an_unchanged_page_is_a_304(self, ask: Everywhere) -> None:
        """Its weak tag covers what is shown and nothing else."""
        tag = ask("GET", "/pages?limit=2").header("etag") or ""
        assert tag.startswith('W/"')
        again = ask("GET", "/pages?limit=2", b"", {"If-None-Match": f'"x", {tag}'})
        assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
        assert ask("GET", "/pages?limit=3").header("etag") != tag

    def test_every_answer_says_what_it_varies_by(self, ask: Everywhere) -> None:
        """Also a problem."""
        for target in ("/pages", "/pages?limit=0", "/pages/a", "/pages/nope"):
            answer = ask("GET", target)
            assert answer.header("vary") == "Accept"
            assert answer.header("cache-control") == "no-cache"

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("limt=3", 'Did you mean "limit"'),
            ("limit=0", '"limit"'),
            ("limit=-1", '"limit"'),
            ("limit=x", '"limit"'),
            ("limit=1&limit=2", '"limit"'),
            ("limit=1&count=1", '"count"'),
            ("order=up", '"order"'),
            ("before=x", '"before"'),
            ("before=20~", '"before"'),
            ("before=20~a/b", '"before"'),
            ("before=999999999999999999", '"before"'),
            ("before=20&after=10", '"after"'),
            ("since=yesterday", '"since"'),
            ("until=1970-13-01", '"until"'),
            ("fields=plaice", 'Did you mean "place"'),
            ("fields=", '"fields"'),
            ("total=1", '"total"'),
            ("magnitude=5", '"magnitude"'),
            ("magnitude__gte=big", '"magnitude__gte"'),
            ("magnitude__gte=nan", '"magnitude__gte"'),
            ("network=a&network=b", '"network"'),
            ("network=%00", '"network"'),
            ("wait=1", '"wait"'),
            ("a" * 100 + "=1", "There is no parameter"),
        ],
    )
    def test_nonsense_is_refused_by_name(self, ask: Everywhere, query: str, named: str) -> None:
        """Never ignored."""
        answer = ask("GET", f"/pages?{query}")
        assert answer.status == 400
        assert named in detail(answer)

    @pytest.mark.parametrize("cursor", ["253402300799999", "-62135596800000~zz", "40~zzz", "31~a"])
    def test_a_cursor_from_anywhere_is_a_place_in_time(self, ask: Everywhere, cursor: str) -> None:
        """Before and after it lie all items, each on one side."""
        below = ids(ask("GET", f"/pages?before={cursor}&limit=5"))
        above = ids(ask("GET", f"/pages?after={cursor}&limit=5&order=oldest"))
        assert not set(below) & set(above)
        assert len(below) == 5 or len(above) == 5 or len(below + above) == 7

    def test_what_is_not_on_offer_is_refused(self, ask: Everywhere) -> None:
        """With what there is instead."""
        answer = ask("GET", "/pages", b"", {"Accept": "image/png"})
        assert answer.status == 406
        assert "application/json" in detail(answer)
        assert "text/csv" in detail(answer)
        assert ask("GET", "/pages", b"", {"Accept": "image/png, application/*;q=0.1"}).status == 200


class TestChanges:
    """`GET` of the changes."""

    def test_changes_are_followed_by_their_next(self, ask: Everywhere) -> None:
        """Each item once, at its latest; then nothing but the place."""
        for name in ("a", "b", "c"):
            document = {"id": name, "created_at": 5, "updated_at": 5, "place": "x", "magnitude": 3}
            assert send(ask, "POST", "/changes", document).status == 201
        assert send(ask, "PATCH", "/changes/a", {"magnitude": 1}).status == 200
        assert ask("DELETE", "/changes/b").status == 204
        first = ask("GET", "/changes/changes?limit=2")
        assert [(each["id"], each["op"]) for each in data(first)] == [("c", "put"), ("a", "put")]
        assert not paging(first)["caught_up"]
        second = ask("GET", paging(first)["next"])
        assert data(second) == [
            {"position": 1700000000123460, "id": "b", "op": "delete", "data": None}
        ]
        assert paging(second)["caught_up"]
        third = ask("GET", paging(second)["next"])
        assert (data(third), paging(third)["position"]) == ([], 1700000000123460)

        filtered = ask("GET", "/changes/changes?magnitude__gte=2&fields=place")
        assert [(each["id"], each["op"], each["data"]) for each in data(filtered)] == [
            ("c", "put", {"id": "c", "place": "x"}),
            ("a", "delete", None),
            ("b", "delete", None),
        ]
        now = ask("GET", "/changes/changes?after=now&wait=0.01")
        assert (data(now), paging(now)["caught_up"]) == ([], True)

    @pytest.mark.parametrize(
        "after", ["5~green", "9999999999999999", "9999999999999999~blue", "5~blue~9999999999999999"]
    )
    def test_a_lost_place_is_a_410_with_the_way_to_start_over(
        self, ask: Everywhere, after: str
    ) -> None:
        """Of another era, or past the head."""
        answer = ask("GET", f"/changes/changes?after={after}")
        assert answer.status == 410
        assert json.loads(answer.body)["restart"] == "/changes"

    @pytest.mark.parametrize(
        "query",
        ["after=x", "after=-1", "after=1~", "wait=x", "wait=-1", "order=oldest", "total=true"],
    )
    def test_nonsense_is_refused_by_name(self, ask: Everywhere, query: str) -> None:
        """As on every resource."""
        answer = ask("GET", f"/feeds/changes?{query}")
        assert answer.status == 400
        assert query.partition("=")[0] in detail(answer)

    def test_a_feed_ends_with_a_reset_where_its_place_is_lost(self, ask: Everywhere) -> None:
        """A 200 that browsers read; who comes back all the same is told to stop."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": "5~green"}
        answer = ask("GET", "/feeds/changes?after=now", b"", headers)
        assert answer.status == 200
        assert answer.header("content-type") == "text/event-stream"
        assert answer.header("cache-control") == "no-store, no-transform"
        assert answer.body == (
            b'retry: 2000\nevent: reset\nid: reset\ndata: {"status":410,"restart":"/feeds"}\n\n'
        )
        again = ask("GET", "/feeds/changes", b"", headers | {"Last-Event-ID": "reset"})
        assert (again.status, again.body) == (204, b"")
