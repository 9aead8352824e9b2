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
