"""Streams answer alike over every connection, to the last byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.behaviour.conftest import Everywhere
from tests.behaviour.connections import Answer

HEADERS = {"Content-Type": "application/json"}


def send(ask: Everywhere, method: str, target: str, document: Any, **headers: str) -> Answer:
    """Send a document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(method, target, json.dumps(document).encode(), HEADERS | named)


def data(answer: Answer) -> Any:
    """Return the data of an answer."""
    return json.loads(answer.body)["data"]


def ids(answer: Answer) -> list[str]:
    """Return the ids of a page or of changes."""
    return [each["id"] for each in data(answer)]


def paging(answer: Answer) -> Any:
    """Return the paging of an answer."""
    return json.loads(answer.body)["paging"]


def detail(answer: Answer) -> str:
    """Return what a problem says."""
    found: str = json.loads(answer.body)["detail"]
    return found


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
            "total": 3,
            "total_exact": True,
        }
        assert data(answer) == [{"id": "g", "place": "at 40"}]
        link = '</pages?network=a&limit=1&since=0&fields=place&before=40~g>; rel="next"'
        assert answer.header("link") == link

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
            assert answer.header("vary") == "Accept, Authorization, Cookie, Origin"
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


class TestWrites:
    """`POST` to the collection."""

    def test_one_document_is_created(self, ask: Everywhere) -> None:
        """201, where it is, its tag, and itself; then it is there."""
        document = {"id": "one", "created_at": 5, "updated_at": 6, "place": "here", "tags": ["a"]}
        answer = send(ask, "POST", "/writes", document)
        assert answer.status == 201
        assert answer.header("location") == "/writes/one"
        assert data(answer) == document
        found = ask("GET", "/writes/one")
        assert (found.body, found.header("etag")) == (answer.body, answer.header("etag"))

    def test_the_server_makes_what_is_missing(self, asks: Any) -> None:
        """An id of its own, and both times by its clock."""
        for ask in asks.values():
            answer = ask("POST", "/fresh", b'{"place":"here"}', HEADERS)
            made = data(answer)
            assert answer.header("location") == f"/fresh/{made['id']}"
            assert made["created_at"] == made["updated_at"] == 1_700_000_000_123

    def test_the_servers_times_cannot_be_set(self, ask: Everywhere) -> None:
        """Where the handler does not say that they may."""
        answer = send(ask, "POST", "/fresh", {"place": "x", "created_at": 5})
        assert answer.status == 422
        assert json.loads(answer.body)["errors"][0]["pointer"] == "/created_at"

    def test_a_taken_id_is_a_409(self, ask: Everywhere) -> None:
        """And the item stays as it was."""
        document = {"id": "taken", "created_at": 5, "updated_at": 6, "place": "first"}
        before = send(ask, "POST", "/writes", document)
        assert send(ask, "POST", "/writes", document | {"place": "second"}).status == 409
        assert ask("GET", "/writes/taken").body == before.body

    def test_every_failing_field_is_named(self, ask: Everywhere) -> None:
        """At once, by JSON pointer."""
        document = {"id": "-", "magnitude": 11, "network": "too long for it", "x": 1, "tags": [1]}
        answer = send(ask, "POST", "/writes", document)
        assert answer.status == 422
        pointers = {each["pointer"] for each in json.loads(answer.body)["errors"]}
        assert {"/place", "/magnitude", "/network", "/x"} <= pointers
        assert any(pointer.startswith("/tags") for pointer in pointers)

    def test_a_list_is_created_item_by_item(self, ask: Everywhere) -> None:
        """207 when they differ, a result for each in order."""
        documents = [
            {"id": "l1", "created_at": 1, "updated_at": 1, "place": "x", "tags": []},
            {"id": "l2", "place": 7},
            {"id": "l1", "place": "again"},
        ]
        answer = send(ask, "POST", "/writes", documents)
        assert answer.status == 207
        assert [each["status"] for each in data(answer)] == [201, 422, 409]
        assert data(answer)[0]["data"] == documents[0]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b"[", 400),
            (b"[]", 422),
            (b"null", 422),
            (b'"x"', 422),
            (b"7", 422),
            (b"[[]]", 207),
            (b'{"place":"a\xff"}', 400),
            (b'{"place":"\\ud800"}', (400, 422)),
            (b'{"place":"a\\u0000b"}', 422),
            (b'{"place":NaN}', 400),
            (b'{"place":"x","magnitude":1e999}', (400, 422)),
            (b"[" * 100_000, 400),
            (b'{"place":' + b"9" * 5000 + b"}", (400, 422)),
            (b"[" + b'{"place":"x"},' * 20 + b'{"place":"x"}]', 413),
        ],
    )
    def test_a_bad_body_is_a_clear_4xx(self, ask: Everywhere, body: bytes, status: Any) -> None:
        """400 for what is not JSON, 422 for what is no document; nothing is created."""
        before = ask("GET", "/nonsense?total=true").body
        answer = ask("POST", "/nonsense", body, HEADERS)
        assert answer.status in (status if isinstance(status, tuple) else (status,))
        if answer.status != 207:
            assert detail(answer)
        assert ask("GET", "/nonsense?total=true").body == before

    def test_a_body_of_another_type_is_a_415(self, ask: Everywhere) -> None:
        """What curl sends when nobody tells it."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert ask("POST", "/nonsense", b"place=x", headers).status == 415

    def test_a_key_that_is_none_is_a_400(self, ask: Everywhere) -> None:
        """And nothing is written."""
        answer = send(ask, "POST", "/nonsense", {"place": "x"}, Idempotency_Key="a b")
        assert answer.status == 400
        assert "Idempotency-Key" in detail(answer)

    def test_parameters_have_no_business_with_a_write(self, ask: Everywhere) -> None:
        """They are refused as everywhere."""
        assert send(ask, "POST", "/nonsense?limit=2", {"place": "x"}).status == 400


class TestItems:
    """`/items/<id>`."""

    def make(self, ask: Everywhere, name: str, **values: Any) -> str:
        """Create an item and return its tag."""
        document = {"id": name, "created_at": 5, "updated_at": 5, "place": "here"} | values
        answer = send(ask, "POST", "/items", document)
        assert answer.status == 201
        return answer.header("etag") or ""

    def test_put_replaces_all_but_the_beginning(self, ask: Everywhere) -> None:
        """Id and time of creation stay; the tag moves on."""
        tag = self.make(ask, "p1", magnitude=1)
        answer = send(ask, "PUT", "/items/p1", {"place": "there"})
        assert answer.status == 200
        assert data(answer) == {
            "id": "p1",
            "created_at": 5,
            "updated_at": 1_700_000_000_123,
            "place": "there",
            "tags": [],
        }
        assert answer.header("etag") != tag

    def test_put_begins_a_life(self, ask: Everywhere) -> None:
        """201 and where it is; after a deletion too, with a time of its own."""
        answer = send(ask, "PUT", "/items/p2", {"created_at": 1, "place": "x"})
        assert (answer.status, answer.header("location")) == (201, "/items/p2")
        assert ask("DELETE", "/items/p2").status == 204
        again = send(ask, "PUT", "/items/p2", {"created_at": 2, "place": "x"})
        assert (again.status, data(again)["created_at"]) == (201, 2)

    def test_patch_changes_what_it_names(self, ask: Everywhere) -> None:
        """Null removes; the rest stays (RFC 7396)."""
        self.make(ask, "p3", magnitude=1, network="ci")
        patch = {"magnitude": 2, "network": None}
        answer = send(ask, "PATCH", "/items/p3", patch, Content_Type="application/merge-patch+json")
        assert answer.status == 200
        assert data(answer)["magnitude"] == 2
        assert "network" not in data(answer)
        assert data(answer)["place"] == "here"

    @pytest.mark.parametrize(
        ("patch", "pointer"),
        [
            ({"place": None}, "/place"),
            ({"id": "other"}, "/id"),
            ({"created_at": 6}, "/created_at"),
            ({"magnitude": "x"}, "/magnitude"),
            ({"nope": 1}, "/nope"),
        ],
    )
    def test_a_bad_patch_changes_nothing(
        self, ask: Everywhere, patch: dict[str, Any], pointer: str
    ) -> None:
        """422 at the field that is wrong."""
        name = "p4" + pointer.strip("/")
        self.make(ask, name)
        before = ask("GET", f"/items/{name}")
        answer = send(ask, "PATCH", f"/items/{name}", patch)
        assert answer.status == 422
        assert json.loads(answer.body)["errors"][0]["pointer"] == pointer
        assert ask("GET", f"/items/{name}") == before

    def test_a_patch_of_another_type_is_told_which(self, ask: Everywhere) -> None:
        """415 with `Accept-Patch`."""
        answer = send(ask, "PATCH", "/items/p5", {}, Content_Type="text/plain")
        assert answer.status == 415
        assert "merge-patch" in (answer.header("accept-patch") or "")
        assert send(ask, "PATCH", "/items/p5", [1]).status == 422

    def test_one_writer_of_a_version_wins(self, ask: Everywhere) -> None:
        """`If-Match` with a tag that has moved on is a 412."""
        tag = self.make(ask, "p6")
        won = send(ask, "PUT", "/items/p6", {"place": "won"}, If_Match=tag)
        assert won.status == 200
        assert send(ask, "PUT", "/items/p6", {"place": "lost"}, If_Match=tag).status == 412
        assert send(ask, "PATCH", "/items/p6", {"place": "lost"}, If_Match=tag).status == 412
        assert ask("DELETE", "/items/p6", b"", {"If-Match": tag}).status == 412
        weak = f"W/{won.header('etag')}"
        assert send(ask, "PUT", "/items/p6", {"place": "lost"}, If_Match=weak).status == 412
        both = f'"1", {won.header("etag")}'
        assert ask("DELETE", "/items/p6", b"", {"If-Match": both}).status == 204

    def test_put_may_insist_on_creating(self, ask: Everywhere) -> None:
        """`If-None-Match: *` is a 412 for what is there."""
        first = send(ask, "PUT", "/items/p7", {"place": "x", "created_at": 1}, If_None_Match="*")
        assert first.status == 201
        assert send(ask, "PUT", "/items/p7", {"place": "y"}, If_None_Match="*").status == 412
        assert send(ask, "PUT", "/items/never", {"place": "y"}, If_Match="*").status == 412

    def test_gone_is_not_never_there(self, ask: Everywhere) -> None:
        """410 for what was deleted, 404 for what never was."""
        self.make(ask, "p8")
        assert ask("DELETE", "/items/p8").status == 204
        for method in ("GET", "DELETE"):
            assert ask(method, "/items/p8").status == 410
            assert ask(method, "/items/never").status == 404
        assert send(ask, "PATCH", "/items/p8", {}).status == 410
        assert send(ask, "PATCH", "/items/never", {}).status == 404

    def test_several_have_a_result_each(self, ask: Everywhere) -> None:
        """200, or 207 when they differ; deleted together."""
        self.make(ask, "s1")
        self.make(ask, "s2")
        assert ask("GET", "/items/s1,s2").status == 200
        answer = ask("GET", "/items/s1,nope,s2")
        assert (answer.status, [each["status"] for each in data(answer)]) == (207, [200, 404, 200])
        assert ask("DELETE", "/items/s1,s2").status == 200
        assert ask("DELETE", "/items/s1,s2").status == 207
        assert ask("GET", "/items/" + ",".join(["a"] * 101)).status == 400
        assert send(ask, "PUT", "/items/a,b", {"place": "x"}).status == 400

    def test_an_unchanged_item_is_a_304(self, ask: Everywhere) -> None:
        """Its tag is its position; another shape of it has another tag."""
        tag = self.make(ask, "t1")
        assert ask("GET", "/items/t1", b"", {"If-None-Match": tag}).status == 304
        cut = ask("GET", "/items/t1?fields=place")
        assert data(cut) == {"id": "t1", "place": "here"}
        assert (cut.header("etag") or "").startswith(tag[:-1] + "-")
        matched = send(ask, "PUT", "/items/t1", {"place": "x"}, If_Match=cut.header("etag") or "")
        assert matched.status == 200

    @pytest.mark.parametrize("name", ["-x", "a~b", "a%20b", "%C3%A9", "x" * 129])
    def test_what_cannot_be_an_id_is_refused(self, ask: Everywhere, name: str) -> None:
        """404 to read it, 400 to write it."""
        assert ask("GET", f"/items/{name}").status == 404
        assert ask("DELETE", f"/items/{name}").status == 404
        assert send(ask, "PUT", f"/items/{name}", {"place": "x"}).status == 400

    def test_a_body_may_repeat_what_is_there(self, ask: Everywhere) -> None:
        """What was read can be sent back as it is."""
        self.make(ask, "r1")
        document = data(ask("GET", "/items/r1"))
        assert send(ask, "PUT", "/items/r1", document).status == 200
        assert send(ask, "PUT", "/items/r1", document | {"created_at": 9}).status == 422


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
        assert answer.header("cache-control") == "no-store"
        assert answer.body == (
            b'retry: 2000\n\nevent: reset\nid: reset\ndata: {"status":410,"restart":"/feeds"}\n\n'
        )
        again = ask("GET", "/feeds/changes", b"", headers | {"Last-Event-ID": "reset"})
        assert (again.status, again.body) == (204, b"")
