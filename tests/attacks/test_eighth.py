"""What an attack on the newest parts found: each fault with its kind."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from brubeck import Brubeck
from brubeck.client import Stream
from brubeck.consumers import ConsumedChange, Consumer, catch_up
from brubeck.consumers.track import Track
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.http import Response
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import Collection
from brubeck.streams.items import Items
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note."""

    text = StringField()


def served(**declared: Any) -> Client:
    """Return a client of a program with notes at ``/notes``."""
    attributes = {"model": Note, "path": "/notes", **declared}
    handler: type[StreamHandler] = type("Notes", (StreamHandler,), attributes)
    return Client(Brubeck(streams=[handler], storage="memory://"))


def over_a_cache(client: Client, stale: dict[str, httpx.Response]) -> httpx.MockTransport:
    """Return a transport to a program, behind a cache that gives some URLs as they were."""

    def send(request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        if target in stale:
            return stale.pop(target)
        target = target.replace("wait=30", "wait=0.1")  # nothing interrupts it here
        reply = client.request(request.method, target, headers={"Accept": "application/json"})
        return httpx.Response(reply.status, content=reply.body, headers=dict(reply.headers))

    return httpx.MockTransport(send)


def test_a_mirror_of_stale_pages_has_every_change_between_them() -> None:
    """A later page that is older than the first, as a shared cache may give it."""
    client = served()
    for number in range(250):
        client.put(f"/notes/n{number:03}", json={"text": "old"})
    first = client.get("/notes?limit=200").json()
    older = client.get(first["paging"]["next"])
    kept = httpx.Response(200, content=older.body, headers={"Content-Type": "application/json"})
    client.patch("/notes/n010", json={"text": "new"})
    client.delete("/notes/n020")
    client.post("/notes", json={"text": "the first page is made anew"})
    link = client.get("/notes?limit=200").json()["paging"]["next"]
    # The page behind the first one, as it was before these writes.
    transport = over_a_cache(client, {link: kept})
    with Stream("http://localhost/notes", transport=transport) as notes, notes.mirror() as mirror:
        assert mirror["n010"]["text"] == "new"
        assert "n020" not in mirror


def test_pages_of_two_eras_are_no_copy() -> None:
    """They are read again."""
    client = served()
    for number in range(250):
        client.put(f"/notes/n{number:03}", json={"text": "a"})
    link = client.get("/notes?limit=200").json()["paging"]["next"]
    page = client.get(link).json()
    page["paging"]["changes"] = "/notes/changes?after=17~0ther"
    kept = httpx.Response(200, json=page)
    transport = over_a_cache(client, {link: kept})
    with Stream("http://localhost/notes", transport=transport) as notes, notes.mirror() as mirror:
        assert len(mirror) == 250


@pytest.mark.parametrize("base", [Collection, Items, ChangeFeed])
@pytest.mark.parametrize("method", ["prepare", "get", "_answer", "__call__", "answer", "on_finish"])
def test_a_kept_stream_has_no_class_that_a_cache_would_pass_by(base: type, method: str) -> None:
    """A guard in a class for pages, items or changes; another format of a page may be."""
    own = type("Own", (base,), {method: lambda self, *of: getattr(super(base, self), method)(*of)})
    name = {"Collection": "collection", "Items": "items", "ChangeFeed": "changes"}[base.__name__]
    with pytest.raises(ConfigError, match=f"cache and Own.{method}"):
        served(cache="1s", **{name: own})
    served(**{name: own})


def test_a_kept_stream_may_have_formats_and_writes_of_its_own() -> None:
    """Neither is passed by."""

    class Own(Collection):
        representations = dict(Collection.representations)

        def post(self) -> Response:
            return super().post()

    assert served(cache="1s", collection=Own).get("/notes").status == 200


def test_a_long_poll_takes_the_tick_along() -> None:
    """Else a cache would give the same empty page again."""
    client = served(cache="1s")
    client.post("/notes", json={"text": "a"})
    asked: list[str] = []

    def send(request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        if "event-stream" in request.headers["Accept"]:
            return httpx.Response(406)
        asked.append(target)
        if len(asked) == 4:
            client.post("/notes", json={"text": "b"})
        reply = client.get(
            target.replace("wait=", "wait=0.01&limit=") if "wait" in target else target
        )
        return httpx.Response(reply.status, content=reply.body, headers=dict(reply.headers))

    transport = httpx.MockTransport(send)
    with Stream("http://localhost/notes", transport=transport) as notes:
        feed = notes.follow()
        assert [next(feed).item["text"] for _ in range(2)] == ["a", "b"]  # type: ignore[index]
    idle = [each for each in asked if "after=" in each]
    assert len(set(idle)) == len(idle), "every empty page leads to another URL"


class Collected(Consumer):
    """Collects what it is given; raises what its item says."""

    seen: list[ConsumedChange]

    def changed(self, change: ConsumedChange) -> None:
        """Collect it, or fail."""
        self.seen.append(change)
        text = getattr(change.document, "text", "")
        if text == "exit":
            raise SystemExit(3)
        if text == "mute":
            raise Mute
        if text == "bad":
            raise RuntimeError("no")


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("nothing to say")


def consuming(storage: Storage, path: str = "", **declared: Any) -> tuple[Brubeck, Any, Any, Any]:
    """Return a program with a consumer, its stream, what it has seen, and its class."""
    path = path or f"/n{uuid4().hex[:8]}"
    handler: Any = type("Notes", (StreamHandler,), {"model": Note, "path": path})
    given = {"start": "beginning", "attempts": 2, "backoff": 0.01, **declared}
    seen: list[ConsumedChange] = []
    consumer = type("Collects", (Collected,), {"stream": handler, "seen": seen, **given})
    app = Brubeck(streams=[handler], consumers=[consumer], storage={"default": storage})
    return app, app.stream(handler), seen, consumer


@pytest.mark.parametrize("text", ["exit", "mute", "bad"])
def test_whatever_a_consumer_raises_is_a_failure_like_any_other(
    any_storage: Storage, text: str
) -> None:
    """Also the wish to exit, and an exception that cannot say what it is."""
    app, notes, seen, _ = consuming(any_storage)
    notes.insert_many([{"text": text}, {"text": "good"}])
    assert catch_up(app) == 2
    assert [getattr(each.document, "text", "") for each in seen] == [text, text, "good"]
    (letter,) = Track("Collects", notes, "").letters()
    assert letter.key == seen[0].key


def test_dead_letters_are_those_of_their_own_track(any_storage: Storage) -> None:
    """However many there are, and whatever they hold."""
    app, notes, _, consumer = consuming(any_storage, attempts=1)
    other = type("Other", (Collected,), {**dict(vars(consumer)), "seen": [], "name": "Other"})
    notes.insert_many([{"text": "bad"} for _ in range(1100)])
    assert catch_up(app) == 1100
    track = Track("Collects", notes, "")
    assert track.dead() == len(list(track.letters())) == 1100
    assert Track("Other", notes, "").dead() == 0
    del other


def test_the_key_of_a_change_outlives_an_era() -> None:
    """A storage that was restarted delivers everything again, by the same keys."""
    from brubeck.storage.memory import MemoryStorage

    storage = MemoryStorage()
    app, notes, seen, _ = consuming(storage)
    notes.insert_many([{"text": "a"}, {"text": "b"}])
    assert catch_up(app) == 2
    storage.new_era()
    notes.insert({"text": "c"})
    catch_up(app)
    again = [each.key for each in seen[2:]]
    assert [each.key for each in seen[:2]] == again[:2]
    assert len(set(again)) == 3


def test_a_partition_that_fails_holds_up_no_other(any_storage: Storage) -> None:
    """What is tried again later is tried later; the others go on meanwhile."""
    app, notes, seen, _ = consuming(
        any_storage, f"/u{uuid4().hex[:8]}/<user>/notes", attempts=3, backoff=0.05
    )
    notes.insert({"text": "bad"}, partition="ann")
    notes.insert({"text": "good"}, partition="bob")
    assert catch_up(app) == 2
    assert [(each.partition, each.attempt) for each in seen][:2] == [("ann", 1), ("bob", 1)] or [
        (each.partition, each.attempt) for each in seen
    ][:2] == [("bob", 1), ("ann", 1)]
    assert [each.attempt for each in seen if each.partition == "ann"] == [1, 2, 3]
