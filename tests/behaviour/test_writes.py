"""Writes to streams are answered alike over every connection, to the last byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.behaviour.answers import HEADERS, data, detail, send
from tests.behaviour.conftest import Everywhere


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
        weak = f"W/{tag}"
        assert send(ask, "PUT", "/items/p6", {"place": "lost"}, If_Match=weak).status == 412
        both = f'"1", {won.header("etag")}'
        assert ask("DELETE", "/items/p6", b"", {"If-Match": both}).status == 204

    @pytest.mark.parametrize("weak", ["", "W/"])
    @pytest.mark.parametrize("suffix", ["-gzip", ";br", "-zstd", "+deflate", ""])
    def test_a_tag_that_a_proxy_has_changed_is_understood(
        self, ask: Everywhere, weak: str, suffix: str
    ) -> None:
        """Proxies that compress weaken it or add a suffix; the position says it all."""
        name = f"tag-{weak[:1]}{suffix[1:]}"
        tag = self.make(ask, name)
        sent = f'"1", {weak}{tag[:-1]}{suffix}"'
        assert send(ask, "PATCH", f"/items/{name}", {"place": "won"}, If_Match=sent).status == 200
        assert send(ask, "PATCH", f"/items/{name}", {"place": "no"}, If_Match=sent).status == 412

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
