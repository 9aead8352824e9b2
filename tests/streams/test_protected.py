"""Protected and owned streams (G8): one test for each way by which something might get out."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock
from tests.streams.people import SSE, Entry, World, events


@pytest.fixture
def world(any_storage: Storage) -> World:
    """Make a journal in a storage of each kind."""
    return World(any_storage)


class TestAdmission:
    """Who is let in."""

    def test_without_credentials_nobody_is(self) -> None:
        """Reading, writing, following: 401 with a way in, and nothing happens."""
        attributes = {"model": Entry, "path": "/journal", "schemes": [BearerAuth()]}
        journal = type("Journal", (AuthStreamHandler,), attributes)
        client = Client(Brubeck(streams=[journal]))
        for method, path in [("GET", ""), ("POST", ""), ("GET", "/changes"), ("DELETE", "/x")]:
            reply = client.request(method, f"/journal{path}", json={})
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"]
        assert client.options("/journal").status == 204

    def test_a_401_names_every_scheme(self) -> None:
        """In one header, in the order in which they are tried."""
        attributes = {"model": Entry, "path": "/j", "schemes": (BearerAuth(), BasicAuth("j"))}
        client = Client(Brubeck(streams=[type("J", (AuthStreamHandler,), attributes)]))
        reply = client.get("/j")
        assert reply.headers["WWW-Authenticate"] == (
            'Bearer realm="brubeck", Basic realm="j", charset="UTF-8"'
        )
        reply = client.get("/j", headers={"Authorization": "Bearer brb_nonsense"})
        assert reply.status == 401
        assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]

    def test_users_of_the_application_come_with_their_passwords_and_tokens(self) -> None:
        """The schemes find them in the application's accounts, with no more than a declaration."""
        attributes = {
            "model": Entry,
            "path": "/j",
            "owned": True,
            "schemes": (BearerAuth(), BasicAuth()),
            "scopes": {"write": "w"},
        }
        app = Brubeck(streams=[type("J", (AuthStreamHandler,), attributes)])
        user = app.accounts.users.create("dave", "take:five", scopes=["w"])
        basic = {"Authorization": "Basic ZGF2ZTp0YWtlOmZpdmU="}
        reply = Client(app, basic).post("/j", json={"text": "x"})
        assert reply.status == 201
        assert reply.json()["data"]["owner_id"] == user.id
        assert reply.json()["data"]["owner_username"] == "dave"
        wrong = {"Authorization": "Basic ZGF2ZTp3cm9uZw=="}
        assert Client(app, wrong).get("/j").status == 401

    def test_known_is_not_allowed(self, world: World) -> None:
        """Without the scope it is 403, by action."""
        world.rights["ann"] = frozenset({"r"})
        assert world.ask("ann", "GET").status == 200
        assert world.ask("ann", "HEAD").status == 200
        assert world.ask("ann", "POST", json={}).status == 403
        assert world.ask("ann", "DELETE", "/x").status == 403
        assert world.ask("zoe", "GET").status == 401
        assert world.ask(None, "GET").status == 401

    def test_answers_are_for_one_caller(self, world: World) -> None:
        """No shared cache keeps them, errors neither."""
        for rest in ("", "/changes", "/nothing", "?limit=0"):
            reply = world.ask("ann", "GET", rest)
            assert reply.headers["Cache-Control"] == "private, no-cache"
            assert "Authorization" in reply.headers["Vary"]

    @pytest.mark.parametrize(
        ("attributes", "said"),
        [
            ({"owned": True, "model": StreamedDocument}, "must be an OwnedDocument"),
            ({"schemes": BasicAuth()}, "schemes is a tuple"),
            ({"schemes": ("basic",)}, "schemes is a tuple"),
            ({"scopes": {"reed": "r"}}, 'Did you mean "read"'),
            ({"scope": {"read": "r"}}, 'Did you mean "scopes"'),
        ],
    )
    def test_a_declaration_that_cannot_work_is_refused(
        self, attributes: dict[str, Any], said: str
    ) -> None:
        """When the class is made."""
        with pytest.raises(ConfigError, match=said):
            type("Journal", (AuthStreamHandler,), {"model": Entry} | attributes)

    def test_protection_is_not_declared_by_accident(self) -> None:
        """A plain stream that says it is owned is not; so it is refused."""
        with pytest.raises(ConfigError, match="takes an AuthStreamHandler"):
            type("Journal", (StreamHandler,), {"model": Entry, "owned": True})


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
        rest = link.removeprefix(f"<{world.path}").partition(">")[0]
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
        assert before.status == 200
        text = before.text
        assert "of mine" in text
        assert "for both" in text
        assert "of theirs" not in text
        world.write("bob", text="later")
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
            next(chunks)
            world.write("bob", text="theirs")
            mine = world.write("ann", text="mine")["id"]
            text = next(chunks).decode()
            assert mine in text
            assert "theirs" not in text


def test_a_page_tells_nobody_when_others_write() -> None:
    """What is asked for again and again is as new when nobody has written as when eve has."""
    clock = HeldClock(1_700_000_000_000_000)
    world = World(MemoryStorage(clock=clock))
    world.app.clock = clock
    world.write("ann", text="x")

    def followed() -> str:
        found: str = world.ask("ann", "GET").json()["paging"]["changes"]
        return found

    for _ in range(3):
        followed()
    clock.advance(5_000_000)
    before = followed()
    world.write("eve", text="x")
    clock.advance(1)
    assert followed() == before


class TestRevocation:
    """Rights that end while somebody follows."""

    @pytest.fixture
    def world(self, monkeypatch: pytest.MonkeyPatch) -> World:
        """Make a journal in memory, whose readers are looked after often."""
        monkeypatch.setattr("brubeck.streams.following.RECHECK_SECONDS", 0.02)
        return World(MemoryStorage())

    @pytest.mark.parametrize(("rights", "status"), [(None, 401), (frozenset({"w"}), 403)])
    def test_an_open_feed_ends_with_a_reset(
        self, world: World, rights: frozenset[str] | None, status: int
    ) -> None:
        """The credentials are gone, or only the scope."""
        with world.ask("ann", "GET", "/changes", headers=SSE) as feed:
            chunks = feed.chunks()
            next(chunks)
            next(chunks)
            if rights is None:
                del world.rights["ann"]
            else:
                world.rights["ann"] = rights
            found = events(feed, "reset")
        assert found[-1]["event"] == "reset"
        assert found[-1]["data"] == {"status": status, "restart": world.path}

    def test_a_long_poll_ends_with_a_refusal(self, world: World) -> None:
        """Long before it would have ended by itself."""
        answered: list[int] = []
        here = world.ask("ann", "GET", "/changes").json()["paging"]["next"]
        rest = here.removeprefix(world.path)

        def poll() -> None:
            answered.append(world.ask("ann", "GET", f"{rest}&wait=60").status)

        thread = threading.Thread(target=poll)
        thread.start()
        del world.rights["ann"]
        thread.join(20)
        assert answered == [401]


class TestOwnPartitions:
    """A path with the owner in it: one stream for each, where its owner may choose ids."""

    @pytest.fixture
    def world(self, any_storage: Storage) -> World:
        """Make journals of each owner."""
        part = World(any_storage)
        path = part.path
        return World(any_storage, path=f"{path}/<owner>/entries")

    def ask(self, world: World, name: str, owner: str, method: str, **options: Any) -> Any:
        """Let somebody ask for something in an owner's partition."""
        path = world.path.replace("<owner>", owner)
        rest = options.pop("rest", "")
        return world.client(name).request(method, f"{path}{rest}", **options)

    def test_an_owner_chooses_ids_at_home(self, world: World) -> None:
        """Two owners may choose the same one, and neither learns of it."""
        for name in ("ann", "bob"):
            made = self.ask(world, name, name, "POST", json={"id": "same", "text": name})
            assert made.status == 201
            location = world.path.replace("<owner>", name) + "/same"
            assert made.headers["Location"] == location
            put = self.ask(world, name, name, "PUT", rest="/mine", json={"text": name})
            assert put.status == 201
            page = self.ask(world, name, name, "GET").json()
            assert [each["text"] for each in page["data"]] == [name, name]
            assert page["paging"]["changes"].startswith(location.removesuffix("/same"))

    def test_elsewhere_there_is_only_what_is_shared(self, world: World) -> None:
        """And nothing to be written."""
        self.ask(world, "ann", "ann", "POST", json={"id": "a"})
        self.ask(world, "ann", "ann", "POST", json={"id": "b", "readers": ["bob"]})
        page = self.ask(world, "bob", "ann", "GET").json()
        assert [each["id"] for each in page["data"]] == ["b"]
        assert self.ask(world, "bob", "ann", "GET", rest="/a").status == 404
        assert self.ask(world, "bob", "ann", "POST", json={}).status == 403
        assert self.ask(world, "bob", "ann", "POST", json={"id": "a"}).status in (403, 422)
        assert self.ask(world, "bob", "ann", "PUT", rest="/new", json={}).status == 404
