"""``Idempotency-Key``: sent as often as anybody likes, carried out once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.storage import RecordStream, Storage, Unavailable
from brubeck.storage.memory import MemoryStorage
from brubeck.storage.records import Outcome, Write
from brubeck.streams import Context, StreamedDocument, StreamHandler
from brubeck.streams.idempotency import KEEP, LEASE, IdempotencyStore
from brubeck.testing import Client, Reply
from brubeck.timekeeping import HeldClock
from tests.streams.people import World

NOW = 1_700_000_000_000_000


class Note(StreamedDocument):
    """A note."""

    text = StringField()


def notes(path: str = "/notes") -> type[StreamHandler]:
    """Declare a stream of notes."""
    return type("Notes", (StreamHandler,), {"model": Note, "path": path})


def key(text: str = '"k1"') -> dict[str, str]:
    """Return the header with a key."""
    return {"Idempotency-Key": text}


def said(reply: Reply) -> tuple[int, dict[str, str], bytes]:
    """Return all that an answer says."""
    return reply.status, dict(reply.headers.items()), reply.body


class TestRepeated:
    """The answer was recorded."""

    @pytest.fixture
    def path(self) -> str:
        """Return a path of its own."""
        return f"/notes-{uuid4().hex[:8]}"

    @pytest.fixture
    def client(self, any_storage: Storage, path: str) -> Client:
        """Make a client over a storage of each kind."""
        return Client(Brubeck(streams=[notes(path)], storage={"default": any_storage}))

    @pytest.mark.parametrize("body", [{"text": "x"}, [{"text": "x"}, {"text": 1}, {"text": "y"}]])
    def test_the_same_answer_comes_again(self, client: Client, path: str, body: Any) -> None:
        """One item and a list, to the byte; what was written was written once."""
        first = client.post(path, json=body, headers=key())
        again = client.post(path, json=body, headers=key("k1"))
        assert first.status in (201, 207)
        assert said(again) == said(first)
        count = 1 if isinstance(body, dict) else 2
        assert len(client.get(path).json()["data"]) == count
        client.post(path, json=body, headers=key("another"))
        assert len(client.get(path).json()["data"]) == 2 * count

    def test_every_way_of_writing(self, client: Client, path: str) -> None:
        """Although conditions would fail the second time."""
        made = client.put(f"{path}/n", json={}, headers=key() | {"If-None-Match": "*"})
        assert made.status == 201
        again = client.put(f"{path}/n", json={}, headers=key() | {"If-None-Match": "*"})
        assert said(again) == said(made)
        match = {"If-Match": made.headers["ETag"]}
        change = {"text": "x"}
        patched = client.patch(f"{path}/n", json=change, headers=key() | match)
        assert patched.status == 200
        assert said(client.patch(f"{path}/n", json=change, headers=key() | match)) == said(patched)
        assert client.delete(f"{path}/n", headers=key()).status == 204
        assert client.delete(f"{path}/n", headers=key()).status == 204
        assert client.delete(f"{path}/n").status == 410

    def test_a_refusal_is_an_answer(self, client: Client, path: str) -> None:
        """It comes again, also when it would be no refusal any more."""
        client.post(path, json={"id": "taken"})
        refused = client.post(path, json={"id": "taken"}, headers=key())
        assert refused.status == 409
        client.delete(f"{path}/taken")
        assert said(client.post(path, json={"id": "taken"}, headers=key())) == said(refused)

    def test_another_request_with_the_same_key_is_refused(self, client: Client, path: str) -> None:
        """Another body is; another method or path is another key."""
        assert client.post(path, json={"text": "x"}, headers=key()).status == 201
        refused = client.post(path, json={"text": "y"}, headers=key())
        assert refused.status == 422
        assert "Idempotency-Key" in refused.json()["detail"]
        assert client.put(f"{path}/n", json={"text": "y"}, headers=key()).status == 201
        conditional = key() | {"If-None-Match": "*"}
        assert client.put(f"{path}/n", json={"text": "y"}, headers=conditional).status == 422

    @pytest.mark.parametrize("bad", ["", '""', "a b", "x" * 256, '"é"', 'a"b', "\x7f"])
    def test_a_key_that_is_none_is_refused(self, client: Client, path: str, bad: str) -> None:
        """And nothing is written."""
        assert client.post(path, json={}, headers=key(bad)).status == 400
        assert client.get(path).json()["data"] == []

    def test_readers_need_no_key(self, client: Client, path: str) -> None:
        """It is not looked at."""
        assert client.get(path, headers=key("")).status == 200

    def test_everybody_has_keys_of_their_own(self, any_storage: Storage) -> None:
        """Another's key tells nothing."""
        world = World(any_storage)
        mine = world.ask("ann", "POST", json={"text": "x"}, headers=key()).json()["data"]
        theirs = world.ask("bob", "POST", json={"text": "x"}, headers=key()).json()["data"]
        assert (mine["owner_id"], theirs["owner_id"]) == ("ann", "bob")


class Breaking:
    """A stream that breaks after so many items, as a server does that is killed."""

    def __init__(self, queryset: RecordStream, after: int) -> None:
        self._queryset = queryset
        self._after = after

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write some, and break."""
        self._queryset.write(writes[: self._after])
        raise Unavailable("It broke.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queryset, name)


@contextmanager
def breaking(app: Brubeck, after: int) -> Iterator[None]:
    """Let the records of the stream fail after so many writes."""
    stream = app.stream(app.streams[0])
    whole = stream.wrap
    stream.close()
    stream.wrap = lambda records: cast("RecordStream", Breaking(records, after))
    try:
        yield
    finally:
        stream.close()
        stream.wrap = whole


class TestResumed:
    """Whoever was to answer died."""

    @pytest.fixture
    def clock(self) -> HeldClock:
        """Return a clock that stands still."""
        return HeldClock(NOW)

    @pytest.fixture
    def app(self, clock: HeldClock) -> Brubeck:
        """Make a program."""
        storage = MemoryStorage(clock=clock)
        return Brubeck(streams=[notes()], storage={"default": storage}, clock=clock)

    @contextmanager
    def crash(self) -> Iterator[None]:
        """Let what was done be known to nobody."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(IdempotencyStore, "_conclude", lambda *_: None)
            yield

    def test_who_is_still_at_it_is_left_to_it(self, app: Brubeck, clock: HeldClock) -> None:
        """Until it has not been heard of for so long that it must be gone."""
        client = Client(app)
        with self.crash():
            made = client.post("/notes", json={"text": "x"}, headers=key())
        busy = client.post("/notes", json={"text": "x"}, headers=key())
        assert busy.status == 409
        assert busy.headers["Retry-After"] == "1"
        clock.advance(int(LEASE * 1e6) + 1)
        again = client.post("/notes", json={"text": "x"}, headers=key())
        assert said(again) == said(made)
        assert len(client.get("/notes").json()["data"]) == 1

    def test_a_killed_worker_blocks_a_retry_for_seconds(self) -> None:
        """The recorded plan may be carried out twice, so nobody has to wait for long."""
        assert LEASE <= 5

    def test_a_key_of_a_method_that_is_not_there_is_not_recorded(self, app: Brubeck) -> None:
        """Nothing is written for a request that is not carried out."""
        client, store = Client(app), app.store()
        kept = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(store), "attempt", lambda *_, **__: kept.append(1))
            for method, path in [("PUT", ""), ("POST", "/a"), ("POST", "/changes")]:
                assert client.request(method, f"/notes{path}", json={}, headers=key()).status == 405
        assert not kept

    def test_cookies_stay_apart_in_a_replay(self, clock: HeldClock) -> None:
        """Two lines of Set-Cookie are not one with a comma."""

        def prepare(_self: Any, context: Context) -> None:
            context.headers.add("Set-Cookie", "a=1")
            context.headers.add("Set-Cookie", "b=2")

        stream = type("Crumbs", (StreamHandler,), {"model": StreamedDocument, "prepare": prepare})
        client = Client(Brubeck(streams=[stream], clock=clock))
        replies = [client.post("/streameddocument", json={}, headers=key()) for _ in range(2)]
        for reply in replies:
            assert reply.headers.get_all("Set-Cookie") == ["a=1", "b=2"]

    @pytest.mark.parametrize("after", [0, 1, 2, 3])
    @pytest.mark.parametrize("late", [0, 7_200_000_000])
    def test_a_list_is_finished(
        self, app: Brubeck, clock: HeldClock, after: int, late: int
    ) -> None:
        """By the ids that were chosen first, whatever of it was written, also hours later."""
        client = Client(app)
        body = [{"text": "a"}, {"text": "b", "id": "mine"}, {"text": "c"}]
        with breaking(app, after):
            assert client.post("/notes", json=body, headers=key()).status == 503
        written = client.get("/notes").json()["data"]
        assert len(written) == after
        clock.advance(late)
        done = client.post("/notes", json=body, headers=key())
        assert done.status == 201
        data = [each["data"] for each in done.json()["data"]]
        assert [each["text"] for each in data] == ["a", "b", "c"]
        assert client.get("/notes", params={"order": "oldest"}).json()["data"] == sorted(
            data, key=lambda each: (each["created_at"], each["id"])
        )
        assert {each["id"] for each in written} <= {each["id"] for each in data}

    def test_what_was_written_is_known_when_its_token_is_not_any_more(
        self, app: Brubeck, clock: HeldClock
    ) -> None:
        """By the ids that were made for it: it is neither refused nor brought back to life."""
        client = Client(app)
        body = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
        with self.crash():
            client.post("/notes", json=body, headers=key())
        first, second, _ = client.get("/notes", params={"order": "oldest"}).json()["data"]
        for each in (first, second):
            for number in range(70):
                client.patch(f"/notes/{each['id']}", json={"text": str(number)})
        client.delete(f"/notes/{second['id']}")
        clock.advance(int(LEASE * 1e6) + 1)
        done = client.post("/notes", json=body, headers=key())
        assert [each["status"] for each in done.json()["data"]] == [201, 201, 201]
        assert [each["text"] for each in client.get("/notes").json()["data"]] == ["c", "69"]

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_a_write_that_happened_is_not_done_again(
        self, app: Brubeck, clock: HeldClock, method: str
    ) -> None:
        """Although its condition holds no longer, and nobody was told."""
        client = Client(app)
        tag = client.put("/notes/n", json={"text": "1"}).headers["ETag"]
        options: dict[str, Any] = {"headers": key() | {"If-Match": tag}}
        if method != "DELETE":
            options["json"] = {"text": "2"}
        with self.crash():
            done = client.request(method, "/notes/n", **options)
        clock.advance(int(LEASE * 1e6) + 1)
        again = client.request(method, "/notes/n", **options)
        assert (again.status, again.body) == (done.status, done.body)
        assert len(client.get("/notes/changes").json()["data"]) == 1
        assert client.request(
            method, "/notes/n", **(options | {"headers": {"If-Match": tag}})
        ).status in (410, 412)

    def test_a_write_that_did_not_happen_is_done(self, app: Brubeck) -> None:
        """By whoever sends it again."""
        client = Client(app)
        client.put("/notes/n", json={"text": "1"})
        with breaking(app, 0):
            assert client.patch("/notes/n", json={"text": "2"}, headers=key()).status == 503
        done = client.patch("/notes/n", json={"text": "2"}, headers=key())
        assert done.status == 200
        assert client.get("/notes/n").json()["data"]["text"] == "2"

    def test_a_key_is_kept_for_a_day(self, app: Brubeck, clock: HeldClock) -> None:
        """Then it is as good as new."""
        client = Client(app)
        client.post("/notes", json={}, headers=key())
        clock.advance(int(KEEP * 1e6) + 1)
        assert client.post("/notes", json={}, headers=key()).status == 201
        assert len(client.get("/notes").json()["data"]) == 2
