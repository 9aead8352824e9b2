"""Owned streams (G8): what a viewer sees, and that there is nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck.storage import Storage
from tests.servers import wait_until
from tests.streams.people import SSE, World


@pytest.fixture
def world(any_storage: Storage) -> World:
    """Make a journal in a storage of each kind."""
    return World(any_storage)


class TestSight:
    """What an owned stream shows to whom."""

    def test_a_page_shows_what_is_ones_own(self, world: World) -> None:
        """Or shared; with its total, its tag and its links."""
        mine = world.write("ann", text="mine")
        tag = world.ask("ann", "GET").headers["ETag"]
        theirs = world.write("bob", text="theirs")
        shared = world.write("bob", text="shared", readers=["ann"])
        assert world.ids("ann") == [shared["id"], mine["id"]]
        assert world.ids("bob") == [shared["id"], theirs["id"]]
        assert world.ids("eve") == []
        page = world.ask("ann", "GET", "?total=true&limit=1").json()
        assert page["paging"]["total"] == 2
        assert [each["id"] for each in page["data"]] == [shared["id"]]
        assert page["paging"]["next"]
        rest = page["paging"]["next"].removeprefix(world.path)
        assert world.ids("ann", rest) == [mine["id"]]
        assert world.ask("ann", "GET").headers["ETag"] != tag

    def test_a_tag_and_a_place_tell_nothing_of_what_others_write(self, world: World) -> None:
        """Whatever they do, the page stays the page."""
        world.write("ann", text="mine")
        before = world.ask("ann", "GET")
        made = world.write("bob", text="theirs")
        world.ask("bob", "DELETE", f"/{made['id']}")
        after = world.ask("ann", "GET")
        assert after.headers["ETag"] == before.headers["ETag"]
        assert after.json()["data"] == before.json()["data"]
        tag = {"If-None-Match": before.headers["ETag"]}
        assert world.ask("ann", "GET", headers=tag).status == 304

    def test_a_tag_tells_nothing_of_what_others_deleted_long_ago(self, world: World) -> None:
        """When their deletions are forgotten, the page stays the page."""
        world.write("ann", text="mine")
        made = world.write("bob", text="theirs")
        world.ask("bob", "DELETE", f"/{made['id']}")
        tag = world.ask("ann", "GET").headers["ETag"]
        stream = world.app.stream(world.stream).records()
        assert stream.purge(stream.head().position) == 1
        assert world.ask("ann", "GET").headers["ETag"] == tag

    def test_a_filter_finds_only_what_is_in_sight(self, world: World) -> None:
        """And counts only that."""
        world.write("ann", mood="glad")
        world.write("bob", mood="sad")
        assert len(world.ids("ann", "?mood=glad")) == 1
        found = world.ask("ann", "GET", "?mood=sad&total=true").json()
        assert found["data"] == []
        assert found["paging"]["total"] == 0

    @pytest.mark.parametrize(
        ("method", "options"),
        [
            ("GET", {}),
            ("GET", {"headers": {"If-Match": '"1"'}}),
            ("PUT", {"json": {"text": "x"}}),
            ("PUT", {"json": {"text": "x"}, "headers": {"If-None-Match": "*"}}),
            ("PATCH", {"json": {"text": "x"}}),
            ("DELETE", {}),
            ("DELETE", {"headers": {"If-Match": "*"}}),
        ],
    )
    def test_anothers_item_is_answered_like_one_that_never_was(
        self, world: World, method: str, options: dict[str, Any]
    ) -> None:
        """The same status, headers and words but for the id; and it stays as it was."""
        theirs = world.write("bob", text="theirs")["id"]
        gone = world.write("bob", text="gone")["id"]
        world.ask("bob", "DELETE", f"/{gone}")
        never = theirs[:-4] + "ffff"
        replies = []
        for each in (theirs, gone, never):
            reply = world.ask("ann", method, f"/{each}", **options)
            headers = dict(reply.headers.items())
            replies.append((reply.status, headers, reply.text.replace(each, "ID")))
        assert replies[0] == replies[1] == replies[2]
        assert replies[0][0] == 404
        assert world.ask("bob", "GET", f"/{theirs}").json()["data"]["text"] == "theirs"

    def test_several_ids_find_only_what_is_in_sight(self, world: World) -> None:
        """For reading and deleting alike."""
        mine, theirs = world.write("ann")["id"], world.write("bob")["id"]
        found = world.ask("ann", "GET", f"/{mine},{theirs},nothing").json()["data"]
        assert [each["status"] for each in found] == [200, 404, 404]
        found = world.ask("ann", "DELETE", f"/{theirs},{mine}").json()["data"]
        assert [each["status"] for each in found] == [404, 200]
        assert world.ids("bob") == [theirs]

    def test_ones_own_deleted_item_is_gone(self, world: World) -> None:
        """To its owner, who may know."""
        mine = world.write("ann")["id"]
        assert world.ask("ann", "DELETE", f"/{mine}").status == 204
        assert world.ask("ann", "GET", f"/{mine}").status == 410

    def test_a_reader_reads(self, world: World) -> None:
        """And writes nothing: the item is not theirs."""
        made = world.write("ann", text="mine", readers=["bob"])["id"]
        assert world.ask("bob", "GET", f"/{made}").status == 200
        assert world.ask("bob", "PATCH", f"/{made}", json={"text": "x"}).status == 403
        assert world.ask("bob", "PUT", f"/{made}", json={"text": "x"}).status == 403
        assert world.ask("bob", "DELETE", f"/{made}").status == 403
        assert world.ask("bob", "DELETE", f"/{made},{made}").json()["data"][0]["status"] == 403
        assert world.ask("ann", "GET", f"/{made}").json()["data"]["text"] == "mine"

    def test_readers_are_few(self, world: World) -> None:
        """Each costs every write of the item."""
        many = [f"r{number}" for number in range(101)]
        reply = world.ask("ann", "POST", json={"readers": many})
        assert reply.status == 422
        assert reply.json()["errors"][0]["pointer"] == "/readers"
        made = world.write("ann", readers=many[:100])
        reply = world.ask("ann", "PATCH", f"/{made['id']}", json={"readers": many})
        assert reply.status == 422

    def test_the_server_says_whose_an_item_is(self, world: World) -> None:
        """What a body says of it is ignored, when it is made and ever after."""
        made = world.write("ann", owner_id="bob", owner_username="Bob")
        assert (made["owner_id"], made["owner_username"]) == ("ann", "Ann")
        for method in ("PUT", "PATCH"):
            body = {"owner_id": "bob", "text": method}
            reply = world.ask("ann", method, f"/{made['id']}", json=body)
            assert reply.status == 200
            assert reply.json()["data"]["owner_id"] == "ann"

    def test_nobody_chooses_an_id(self, world: World) -> None:
        """A taken one would tell what exists: 422, and PUT begins no life."""
        reply = world.ask("ann", "POST", json={"id": "mine"})
        assert reply.status == 422
        assert reply.json()["errors"][0]["pointer"] == "/id"
        assert world.ask("ann", "PUT", "/mine", json={}).status == 404
        batch = world.ask("ann", "POST", json=[{"id": "mine"}, {"text": "x"}])
        assert [each["status"] for each in batch.json()["data"]] == [422, 201]

    def test_changes_are_ones_own(self, world: World) -> None:
        """Also what was deleted; and no place in them is of another's write."""
        mine = world.write("ann")["id"]
        start = world.ask("ann", "GET").json()["paging"]["changes"].removeprefix(world.path)
        theirs = world.write("bob")["id"]
        assert world.changes("ann") == {mine: "put"}
        world.ask("bob", "DELETE", f"/{theirs}")
        assert world.changes("ann", start) == {}
        world.ask("ann", "DELETE", f"/{mine}")
        assert world.changes("ann", start) == {mine: "delete"}
        assert world.changes("bob", start) == {theirs: "delete"}

    def test_a_right_given_is_a_put_and_one_taken_away_a_delete(self, world: World) -> None:
        """In the feed of whom it concerns; later changes are not told."""
        made = world.write("ann", text="1")["id"]
        here = world.ask("bob", "GET", "/changes").json()["paging"]["next"]
        here = here.removeprefix(world.path)
        world.ask("ann", "PATCH", f"/{made}", json={"readers": ["bob"]})
        assert world.changes("bob", here) == {made: "put"}
        world.ask("ann", "PATCH", f"/{made}", json={"readers": []})
        assert world.changes("bob", here) == {made: "delete"}
        here = world.ask("bob", "GET", here).json()["paging"]["next"].removeprefix(world.path)
        world.ask("ann", "PATCH", f"/{made}", json={"text": "2"})
        assert world.changes("bob", here) == {}
        assert world.ask("bob", "GET", f"/{made}").status == 404

    @pytest.mark.parametrize("kind", ["application/x-ndjson", "text/csv"])
    def test_an_export_is_ones_own(self, world: World, kind: str) -> None:
        """With its filters; and its way to the changes is not of another's write."""
        accept = {"Accept": kind}
        mine = world.write("ann", text="mine", mood="glad")["id"]
        link = world.ask("ann", "GET", headers=accept).headers["Link"]
        theirs = world.write("bob", text="theirs", mood="glad")["id"]
        shared = world.write("bob", text="shared", readers=["ann"])["id"]
        found = world.ask("ann", "GET", headers=accept).text
        assert (mine in found, shared in found, theirs in found) == (True, True, False)
        assert "theirs" not in found
        found = world.ask("ann", "GET", "?mood=glad&order=oldest", headers=accept).text
        assert (mine in found, shared in found, theirs in found) == (True, False, False)
        empty = world.ask("eve", "GET", headers=accept).text
        assert not {mine, theirs, shared} & set(empty.replace('"', ",").split(","))
        rest = link.removeprefix(f"<http://localhost{world.path}").partition(">")[0]
        assert world.changes("ann", rest) == {shared: "put"}
        positions = {
            each["position"] for each in world.ask("bob", "GET", "/changes").json()["data"]
        }
        assert int(rest.partition("after=")[2].partition("~")[0]) not in positions
        world.rights["ann"] = frozenset({"w"})
        assert world.ask("ann", "GET", headers=accept).status == 403
        assert world.ask(None, "GET", headers=accept).status == 401

    @pytest.mark.parametrize("kind", ["application/atom+xml", "application/feed+json"])
    def test_a_feed_is_ones_own(self, world: World, kind: str) -> None:
        """With its total, its tag and its times."""
        accept = {"Accept": kind}
        mine = world.write("ann", text="mine", mood="glad")["id"]
        before = world.ask("ann", "GET", "?total=true", headers=accept)
        theirs = world.write("bob", text="theirs", mood="glad")["id"]
        after = world.ask("ann", "GET", "?total=true", headers=accept)
        assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])
        assert mine in after.text
        assert theirs not in after.text
        assert "theirs" not in after.text
        tag = {"If-None-Match": before.headers["ETag"]}
        assert world.ask("ann", "GET", "?total=true", headers=accept | tag).status == 304
        assert mine not in world.ask("eve", "GET", headers=accept).text
        assert mine in world.ask("ann", "GET", "?mood=glad", headers=accept).text
        assert world.ask(None, "GET", headers=accept).status == 401

    def test_a_page_for_people_is_ones_own(self, world: World) -> None:
        """Of the timeline, of an item, and of what is not there."""
        accept = {"Accept": "text/html"}
        mine = world.write("ann", text="mine", mood="glad")["id"]
        before = world.ask("ann", "GET", "?total=true", headers=accept)
        theirs = world.write("bob", text="theirs", mood="glad")["id"]
        after = world.ask("ann", "GET", "?total=true", headers=accept)
        assert after.headers["ETag"] == before.headers["ETag"]
        assert mine in after.text
        assert theirs not in after.text
        assert "theirs" not in after.text
        assert world.ask("ann", "GET", f"/{mine}", headers=accept).status == 200
        never = theirs[:-4] + "ffff"
        replies = [world.ask("ann", "GET", f"/{each}", headers=accept) for each in (theirs, never)]
        assert replies[0].status == replies[1].status == 404
        assert replies[0].text.replace(theirs, "ID") == replies[1].text.replace(never, "ID")
        unknown = world.ask(None, "GET", headers=accept)
        assert unknown.status == 401
        assert unknown.headers["WWW-Authenticate"]
        assert unknown.headers["Content-Type"].startswith("text/html")

    def test_a_page_for_people_holds_what_is_in_sight(self, world: World) -> None:
        """And its tag tells nothing of what others write."""
        world.write("ann", text="of mine")
        world.write("bob", text="of theirs", readers=["eve"])
        world.write("bob", text="for both", readers=["ann"])
        accept = {"Accept": "text/html"}
        before = world.ask("ann", "GET", headers=accept)
        position = world.ask("ann", "GET").json()["paging"]["changes"]
        assert before.status == 200
        text = before.text
        assert "of mine" in text
        assert "for both" in text
        assert "of theirs" not in text
        world.write("bob", text="later")
        # A caller's position is the time of day, rounded; it has to move on before the next look.
        wait_until(lambda: world.ask("ann", "GET").json()["paging"]["changes"] != position)
        after = world.ask("ann", "GET", headers=accept)
        assert after.headers["ETag"] == before.headers["ETag"]
        assert "later" not in after.text
        assert "of mine" not in world.ask("eve", "GET", headers=accept).text
        assert world.ask(None, "GET", headers=accept).status == 401

    def test_a_page_for_people_of_anothers_item_is_that_of_none(self, world: World) -> None:
        """The same words but for the id."""
        theirs = world.write("bob", text="theirs")["id"]
        never = theirs[:-4] + "ffff"
        accept = {"Accept": "text/html"}
        found = [
            (reply.status, reply.text.replace(each, "ID"))
            for each in (theirs, never)
            for reply in [world.ask("ann", "GET", f"/{each}", headers=accept)]
        ]
        assert found[0] == found[1]
        assert found[0][0] == 404

    def test_an_open_feed_shows_what_is_in_sight(self, world: World) -> None:
        """And nothing else passes through it."""
        with world.ask("ann", "GET", "/changes?after=now", headers=SSE) as feed:
            chunks = feed.chunks()
            next(chunks)
            world.write("bob", text="theirs")
            mine = world.write("ann", text="mine")["id"]
            text = next(chunks).decode()
            assert mine in text
            assert "theirs" not in text
