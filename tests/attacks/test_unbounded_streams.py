"""Requests to a stream that keep the server or its storage busy for long."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler, green
from brubeck.dictshield.fields import IntField, StringField
from brubeck.storage import Put
from brubeck.streams import following
from brubeck.testing import Client
from tests.attacks.people import JSON


class Quake(StreamedDocument):
    """An item."""

    place = StringField()
    depth = IntField()


class Quakes(StreamHandler):
    """A public stream with filters."""

    model = Quake
    path = "/quakes"
    filters = ("place", "depth__gte")


def filled(storage: str, count: int) -> Client:
    """Return a client of a stream of many items of the depth 1."""
    app = Brubeck(streams=[Quakes], storage=storage)
    queryset = app.stream(Quakes).records()
    for start in range(0, count, 1000):
        puts = [
            Put(
                id=f"q{number}",
                created_at=number,
                body=b'{"id":"q%d","created_at":%d,"updated_at":%d,"place":"Ely","depth":1}'
                % (number, number, number),
                token=f"t{number}",
            )
            for number in range(start, start + 1000)
        ]
        queryset.write(puts)
    return Client(app)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_following_what_a_filter_hides_lets_others_be_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """At least once between two steps that found nothing."""
    storage = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/quakes.db"
    client = filled(storage, 10_000)
    taken: list[str] = []
    step = following.Follower.step

    def noted(self: Any) -> Any:
        taken.append("step")
        return step(self)

    monkeypatch.setattr(following.Follower, "step", noted)
    monkeypatch.setattr(following.Follower, "wait", lambda *_: taken.append("turn"))
    monkeypatch.setattr(green, "sleep", lambda _seconds=0.0: taken.append("turn"))
    monkeypatch.setattr(green, "take_turn", lambda: taken.append("turn"))
    assert client.get("/quakes/changes?depth__gte=1000&wait=1").status == 200
    assert taken.count("step") >= 2
    assert ("step", "step") not in set(pairwise(taken))


def test_the_history_of_a_filtered_text_is_bounded(tmp_path: Path) -> None:
    """Eight changes of a text of 1 MB do not keep 8 MB."""
    path = tmp_path / "quakes.db"
    client = Client(Brubeck(streams=[Quakes], storage=f"sqlite:///{path}"))
    for number in range(8):
        body = b'{"place":"%d%b"}' % (number, b"a" * 1_000_000)
        assert client.put("/quakes/q", body=body, headers=JSON).status in (200, 201, 422)
    with closing(sqlite3.connect(path)) as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (free,) = database.execute("PRAGMA freelist_count").fetchone()
    assert (pages - free) * size < 5_000_000


FLOODS: dict[str, tuple[str, str]] = {
    "types": ("Accept", "a/b;q=0.1," * 6_000 + "application/json"),
    "parameters of a type": ("Accept", "application/json" + ";a=b" * 15_000),
    "commas": ("Accept", "," * 60_000 + "application/json"),
    "codings": ("Accept-Encoding", "a;q=0," * 9_000 + "gzip"),
    "tags": ("If-None-Match", '"a",' * 15_000),
    "an open quote": ("If-None-Match", '"' + "\\" * 60_000),
    "cookies": ("Cookie", "a=1;" * 15_000),
    "one cookie": ("Cookie", "a=" + '"' * 60_000),
    "languages": ("Accept-Language", "en," * 20_000),
    "ranges": ("Range", "bytes=" + "0-0," * 15_000),
    "signatures": ("Signature-Input", 'a=("b");c=1,' * 5_000),
    "forwarded": ("Forwarded", 'for="' + "\\a" * 30_000),
    "an origin": ("Origin", "http://" + "a." * 30_000),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flooded_header_changes_nothing(kind: str) -> None:
    """A header of 60 kB: the same answer, at once."""
    client = Client(Brubeck(streams=[Quakes], storage="memory://"))
    client.put("/quakes/q", json={"place": "Ely"})
    name, value = FLOODS[kind]
    start = time.perf_counter()
    reply = client.get("/quakes", headers={name: value})
    assert reply.status == 200
    assert [each["id"] for each in reply.json()["data"]] == ["q"]
    assert time.perf_counter() - start < 1


QUERIES: dict[str, tuple[str, int]] = {
    "fields": ("fields=" + "place," * 10_000 + "place", 200),
    "a long field": ("fields=" + "plac" * 15_000, 400),
    "a long name": ("plac" * 15_000 + "=1", 400),
    "many of one": ("&".join(["place=a"] * 900), 400),
    "too many": ("&" * 2_000, 400),
    "escapes": ("place=" + "%41" * 20_000, 200),
    "broken escapes": ("place=" + "%" * 60_000, 200),
    "digits of a limit": ("limit=" + "9" * 60_000, 400),
    "digits of a time": ("since=" + "9" * 60_000, 400),
    "fraction of a second": ("since=2026-01-01T00:00:00." + "1" * 60_000 + "Z", 200),
    "digits of a filter": ("depth__gte=" + "9" * 60_000, 400),
    "a cursor": ("before=1~" + "a" * 60_000, 400),
    "a wait": ("wait=" + "1" * 60_000, 400),
}


@pytest.mark.parametrize("kind", QUERIES)
def test_a_flooded_query_is_answered_at_once(kind: str) -> None:
    """A query string of 60 kB."""
    client = Client(Brubeck(streams=[Quakes], storage="memory://"))
    query, status = QUERIES[kind]
    start = time.perf_counter()
    reply = client.get(f"/quakes?{query}")
    assert reply.status in (status, 400)
    assert time.perf_counter() - start < 1


def test_head_of_an_export_walks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked for."""
    client = filled("memory://", 3_000)
    walked: list[int] = []
    queryset = type(client.application.stream(Quakes).records())
    page = queryset.page

    def noted(self: Any, query: Any) -> Any:
        walked.append(query.limit)
        return page(self, query)

    monkeypatch.setattr(queryset, "page", noted)
    with client.head("/quakes", headers={"Accept": "text/csv"}) as reply:
        assert reply.status == 200
    assert len(walked) == 1
