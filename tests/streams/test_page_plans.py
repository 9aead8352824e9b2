"""Plans of pages: the same page, whether its start stands last in the query, as links have it."""

from __future__ import annotations

import zlib
from itertools import product

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import IntField, StringField
from brubeck.http import Headers, Request
from brubeck.http.proxies import Client as Caller
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock


class Note(StreamedDocument):
    """A note."""

    text = StringField(max_length=400)
    stars = IntField()


class Notes(StreamHandler):
    """A stream with filters, and as many notes as fill several pages."""

    model = Note
    path = "/notes"
    filters = ("text", "stars__gte")
    page_size, max_page_size = 3, 5


STARTS = (
    *("before=6000~n5", "after=6000~n5", "before=1~n", "after=99999999999999~n"),
    *("before=999999999999999~n5", "after=6000~changes", "before=6000~", "after=6000~n%35"),
    *("before=6000~n5~n6", "before=6000", "after=-1~n", "before=x", "after="),
)
WALKS = (
    *("limit=2", "count=9", "order=oldest", "order=newest&limit=4", "fields=text", "total=true"),
    *("since=2000&until=7000", "text=even", "stars__gte=3&limit=1", "text=%65ven", "text=a+b"),
    *("limit=0", "limt=2", "fields=txt", "order=up", "limit=2&limit=2", "limit=2&count=2"),
    *("before=5000~n4", "after=5000~n4", "before=5000~n4&before=5000~n4", "&&limit=2"),
)


@pytest.fixture(scope="module")
def client() -> Client:
    clock = HeldClock(1_000_000)
    app = Brubeck(streams=[Notes], storage=MemoryStorage(clock=clock), clock=clock)
    found = Client(app)
    for number in range(10):
        found.put(f"/notes/n{number}", json={"text": "odd" if number % 2 else "even", "stars": 2})
        clock.advance(1_000_000)
    for number in range(10, 15):
        found.put(f"/notes/l{number}", json={"text": "long " * 70})
    return found


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("shape", ["", ".atom", ".feed.json"])
def test_a_start_that_comes_last_is_read_as_one_that_comes_first(
    client: Client, start: str, shape: str
) -> None:
    for walk in WALKS:
        last = client.get(f"/notes{shape}?{walk}&{start}")
        first = client.get(f"/notes{shape}?{start}&{walk}")
        assert last.status == first.status, walk
        if last.status == 400:  # which of two mistakes is named does not matter
            alone = client.get(f"/notes?{walk}").status == 400 or "~n4" in walk
            assert alone or last.json()["detail"] == first.json()["detail"], walk
            continue
        if not shape:  # feeds name their own URL
            assert last.json() == first.json(), walk
        for name in ("ETag", "Link"):
            assert last.headers.get(name) == first.headers.get(name), walk


def test_a_walk_by_its_links_finds_each_note_once(client: Client) -> None:
    for order, limit in product(("newest", "oldest"), (1, 2, 3, 5)):
        seen: list[str] = []
        link: str | None = f"/notes?order={order}&limit={limit}"
        while link and len(seen) <= 15:
            page = client.get(link).json()
            seen += [item["id"] for item in page["data"]]
            link = page["paging"]["next"]
        expected = [f"n{number}" for number in range(10)] + [
            f"l{number}" for number in range(10, 15)
        ]
        assert seen == (expected if order == "oldest" else expected[::-1])


def test_a_page_is_the_same_when_its_walk_was_asked_for_before_and_when_not(client: Client) -> None:
    fresh = client.get("/notes?limit=2&text=odd&before=6000~n5").json()
    client.get("/notes?limit=2&text=odd")
    client.get("/notes?limit=2&text=odd&before=6000~n5")
    again = client.get("/notes?limit=2&text=odd&before=6000~n5").json()
    assert again == fresh
    assert [item["id"] for item in fresh["data"]] == ["n3", "n1"]


def test_a_kept_page_is_the_same_for_every_origin_and_coding(client: Client) -> None:
    """The first reader, and the number of readers, make no difference."""
    bodies: set[bytes] = set()
    for _ in range(4):
        for host, coding in product(("one.example", "two.example"), ("", "gzip", "identity")):
            headers = Headers({"Accept-Encoding": coding})
            target = "/notes?limit=5&since=2000&fields=text,created_at"
            caller = Caller("127.0.0.1", "http", host)
            reply = client.application.respond(Request("GET", target, headers, client=caller))
            is_zipped = coding == "gzip"
            assert reply.headers.get("Content-Encoding") == ("gzip" if is_zipped else None)
            assert reply.headers["ETag"].endswith('-gzip"') == is_zipped
            assert reply.headers["Content-Type"] == "application/json"
            assert "Accept-Encoding" in reply.headers["Vary"]
            assert f"<http://{host}/notes" in reply.headers["Link"]
            bodies.add(zlib.decompress(reply.body, 31) if is_zipped else reply.body)
    (body,) = bodies
    assert len(body) > 1000
