"""Shared caches: what they may keep, and what a reader of kept answers ends with."""

from __future__ import annotations

import itertools
import random
from typing import Any
from uuid import uuid4

import pytest

from brubeck import Brubeck
from brubeck.auth import BearerAuth, Caller
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.access import OpenAccess
from brubeck.streams.context import Context
from brubeck.testing import Client, Reply
from brubeck.timekeeping import HeldClock

KEPT = "public, max-age=1, stale-while-revalidate=1"


class Note(StreamedDocument):
    """A note."""

    text = StringField(max_length=80)


class Notes(StreamHandler):
    """Notes that anyone reads and writes, kept for a second."""

    model = Note
    cache = "1s"
    filters = ("text",)


def client(handler: type[StreamHandler] = Notes, **options: Any) -> Client:
    """Return a client of a program with one stream."""
    return Client(Brubeck(streams=[handler], **options))


def create(notes: Client, text: str = "hello") -> str:
    """Create a note and return its id."""
    return str(notes.post("/note", json={"text": text}).json()["data"]["id"])


class TestDeclaration:
    """What may be kept is decided when the class is made."""

    @pytest.mark.parametrize(
        ("declared", "rule"),
        [
            ({"cache": "no"}, "Kept.cache must be a time"),
            ({"cache": "0s"}, "Kept.cache must be a time"),
            ({"cache": "1.5s"}, "whole seconds"),
            ({"cache": "2d"}, "of a day at most"),
            ({"cache": True}, "Kept.cache must be a time"),
            ({"cache": "20s", "keep_deletions": "30s"}, "Kept.cache is too long"),
            ({"cache": "1s", "admit": lambda _self, _context: None}, "cache and admit"),
            ({"cache": "1s", "prepare": lambda _self, _context: None}, "cache and prepare"),
            ({"cache": "1s", "access": type("Own", (OpenAccess,), {})}, "access class of its own"),
        ],
    )
    def test_what_is_not_for_everybody_is_refused(
        self, declared: dict[str, Any], rule: str
    ) -> None:
        """A cache answers without asking the program."""
        with pytest.raises(ConfigError, match=rule):
            type("Kept", (StreamHandler,), {"model": Note, **declared})

    @pytest.mark.parametrize("declared", [{}, {"owned": True}, {"may_read": "authenticated"}])
    def test_a_protected_stream_is_refused(self, declared: dict[str, Any]) -> None:
        """Its answers are for one caller."""
        attributes = {"model": OwnedDocument, "schemes": (BearerAuth(),), "cache": "1s", **declared}
        with pytest.raises(ConfigError, match="anyone may read"):
            type("Kept", (AuthStreamHandler,), attributes)

    def test_the_public_read_side_of_a_protected_stream_may_be_kept(self) -> None:
        """A write of it is nobody's to keep."""
        attributes = {
            "model": OwnedDocument,
            "schemes": (BearerAuth(),),
            "cache": "5s",
            "may_read": "anyone",
            "may_write": "owner",
            "get_current_user": lambda _self, _context: Caller("ann"),
        }
        shown: type[StreamHandler] = type("Shown", (AuthStreamHandler,), attributes)
        notes = client(shown)
        page = notes.get("/owneddocument")
        assert page.headers["Cache-Control"] == "public, max-age=5, stale-while-revalidate=5"
        assert page.headers["Vary"] == "Accept"
        made = notes.post("/owneddocument", json={})
        assert "public" not in made.headers["Cache-Control"]


class TestHeaders:
    """What may be kept says so; nothing else does."""

    @pytest.mark.parametrize(("cache", "second"), [("1s", 1000), ("5s", 1004)])
    def test_nginx_keeps_an_answer_no_longer_than_others(self, cache: str, second: int) -> None:
        """It counts whole seconds, and is named the last one."""
        stream = type("Kept", (StreamHandler,), {"model": Note, "path": "/kept", "cache": cache})
        clock = HeldClock(1_000_900_000)
        notes = Client(Brubeck(streams=[stream], storage="memory://", clock=clock))
        note = notes.post("/kept", json={}).json()["data"]["id"]
        here = notes.get("/kept").json()["paging"]["changes"]
        for path in ("/kept", "/kept.atom", f"/kept/{note}"):
            for _ in range(2):
                assert notes.get(path).headers["X-Accel-Expires"] == f"@{second}", path
        # A page of changes is right however old it is, and long polls are to share it.
        others = ("/kept.csv", "/kept/none", "/kept?limit=x", "/kept/changes?after=now")
        for path in (*others, "/kept/changes", here):
            assert "X-Accel-Expires" not in notes.get(path).headers, path
        assert "X-Accel-Expires" not in notes.post("/kept", json={}).headers

    def test_pages_items_and_changes_may_be_kept(self) -> None:
        """Also in the other formats of a page, and where nothing has changed."""
        notes = client()
        note = create(notes)
        for path in ("/note", "/note.json", "/note.atom", "/note.feed.json", f"/note/{note}"):
            found = notes.get(path)
            assert found.headers["Cache-Control"] == KEPT, path
            same = notes.get(path, headers={"If-None-Match": found.headers["ETag"]})
            assert (same.status, same.headers["Cache-Control"]) == (304, KEPT)
        changes = notes.get("/note/changes")
        assert changes.headers["Cache-Control"] == KEPT
        same = notes.get("/note/changes", headers={"If-None-Match": changes.headers["ETag"]})
        assert (same.status, same.headers["Cache-Control"]) == (304, KEPT)
        several = notes.get(f"/note/{note},{note}")
        assert several.headers["Cache-Control"] == KEPT

    def test_a_lost_place_stays_lost_and_may_be_kept(self) -> None:
        """So that many readers of one do not queue up behind a cache."""
        notes = client()
        create(notes)
        lost = notes.get("/note/changes?after=17~lost")
        assert (lost.status, lost.headers["Cache-Control"]) == (410, "public, max-age=1")

        class Plain(StreamHandler):
            model = Note

        notes = client(Plain)
        create(notes)
        lost = notes.get("/note/changes?after=17~lost")
        assert (lost.status, "public" in lost.headers["Cache-Control"]) == (410, False)

    def test_nothing_else_may_be_kept(self) -> None:
        """Writes, errors, feeds, exports, pages for people, and what is true of now alone."""
        notes = client()
        note = create(notes)
        html, feed = {"Accept": "text/html"}, {"Accept": "text/event-stream"}
        requests: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/note", {"json": {"text": "more"}}),
            ("PATCH", f"/note/{note}", {"json": {"text": "more"}}),
            ("POST", "/note", {"json": {"text": 5}}),
            ("GET", "/note/none", {}),
            ("GET", f"/note/{note},none", {}),
            ("GET", "/note?limit=none", {}),
            ("GET", "/note/changes?after=now", {}),
            ("GET", "/note.csv", {}),
            ("GET", "/note.ndjson", {}),
            ("GET", "/note", {"headers": html}),
            ("GET", f"/note/{note}", {"headers": html}),
            ("GET", "/note", {"headers": {"Accept": "image/png"}}),
        ]
        for method, path, options in requests:
            found = notes.request(method, path, **options)
            assert "public" not in found.headers["Cache-Control"], (method, path)
            assert "max-age" not in found.headers["Cache-Control"], (method, path)
        with notes.get("/note/changes", headers=feed) as opened:
            assert opened.headers["Cache-Control"] == "no-store, no-transform"

    def test_without_a_word_nothing_is_kept(self) -> None:
        """As before."""

        class Plain(StreamHandler):
            model = Note

        assert client(Plain).get("/note").headers["Cache-Control"] == "no-cache"

    def test_a_hook_that_looks_at_the_caller_makes_the_answer_its_own(self) -> None:
        """And one that sets a cookie."""

        class Looking(Notes):
            model = Note

            def feed_entry(self, context: Context, item: dict[str, Any]) -> Any:
                context.get_cookie("theme")
                return super().feed_entry(context, item)

        notes = client(Looking)
        create(notes)
        found = notes.get("/note.atom")
        assert found.headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in found.headers["Vary"]

    def test_a_kept_answer_has_no_quota_of_one_caller(self) -> None:
        """Everybody would read the quota of the first."""

        class Limited(Notes):
            model = Note
            rate = "100/minute"

        notes = client(Limited)
        note = create(notes)
        assert "RateLimit" not in notes.get(f"/note/{note}").headers
        assert "RateLimit" in notes.get("/note/none").headers

    @pytest.mark.parametrize(
        ("cors", "vary"),
        [((), "Accept"), ("*", "Accept"), (("https://app.example",), "Accept, Origin")],
    )
    def test_vary_names_what_answers_depend_on(self, cors: Any, vary: str) -> None:
        """The origin only where some are named: the star is sent to everybody."""
        shared: type[StreamHandler] = type("Shared", (Notes,), {"model": Note, "cors": cors})
        notes = client(shared)
        create(notes)
        for path in ("/note", "/note/changes", "/note.csv"):
            for headers in ({}, {"Origin": "https://app.example"}):
                found = notes.get(path, headers=headers)
                named = found.headers["Vary"].removesuffix(", Accept-Encoding")
                assert named == vary, path
                allowed = found.headers.get("Access-Control-Allow-Origin")
                star = "*" if cors == "*" else None
                assert allowed == (headers.get("Origin") if "Origin" in vary else star), path


def same_for_a_cache(first: Reply, second: Reply) -> bool:
    """Return whether two answers are the same, also in their headers."""
    ignored = {"date", "age", "content-length", "x-accel-expires"}  # of the moment alone

    def shown(reply: Reply) -> dict[str, str]:
        return {k.lower(): v for k, v in reply.headers.items() if k.lower() not in ignored}

    return (first.status, first.text, shown(first)) == (second.status, second.text, shown(second))


def test_no_kept_answer_depends_on_what_vary_does_not_name() -> None:
    """Over all combinations of headers that requests have: no cache can be poisoned."""

    class Shared(Notes):
        model = Note
        cors = ("https://app.example",)

    notes = client(Shared)
    note = create(notes)
    choices: dict[str, tuple[str | None, ...]] = {
        "Accept": (None, "application/json", "text/html"),
        "Accept-Encoding": (None, "gzip"),
        "Authorization": (None, "Bearer x"),
        "Cookie": (None, "a=b"),
        "Origin": (None, "https://app.example"),
        "X-Forwarded-Host": (None, "evil.example"),
        "X-Forwarded-Prefix": (None, "/evil"),
        "Last-Event-ID": (None, "17~none"),
        "Accept-Language": (None, "de"),
    }
    for path in ("/note", f"/note/{note}", "/note/changes", "/note.atom"):
        kept: dict[tuple[str | None, ...], Reply] = {}
        for values in itertools.product(*choices.values()):
            headers = {k: v for k, v in zip(choices, values, strict=True) if v is not None}
            found = notes.get(path, headers=headers)
            if "public" not in found.headers["Cache-Control"]:
                continue
            named = [name.strip() for name in found.headers["Vary"].split(",")]
            first = kept.setdefault(tuple(headers.get(name) for name in named), found)
            assert same_for_a_cache(first, found), (path, headers)
        assert kept


class StaleCache:
    """A cache that answers with any page that it has ever got for a URL, or a new one."""

    def __init__(self, origin: Client, chance: random.Random) -> None:
        self.origin, self.chance = origin, chance
        self.pages: dict[str, list[Reply]] = {}

    def get(self, path: str) -> Reply:
        """Return an answer, perhaps a stale one; what may not be kept is new."""
        known = self.pages.setdefault(path, [])
        if known and self.chance.random() < 0.6:
            return self.chance.choice(known)
        found = self.origin.get(path)
        if found.headers["Cache-Control"].startswith("public"):
            known.append(found)
        return found


class FollowingReader:
    """A reader of the change order, by whatever pages a cache gives it."""

    def __init__(self, cache: StaleCache, stream: str) -> None:
        self.cache, self.path = cache, f"{stream}/changes?limit=3"
        self.items: dict[str, Any] = {}
        self.is_lost = False

    def step(self) -> bool:
        """Take a page; whether it had anything."""
        found = self.cache.get(self.path)
        if found.status == 410:
            self.is_lost = True
            return False
        for change in found.json()["data"]:
            if change["op"] == "put":
                self.items[change["id"]] = change["data"]
            else:
                self.items.pop(change["id"], None)
        self.path = found.json()["paging"]["next"]
        return bool(found.json()["data"])


@pytest.mark.parametrize("seed", range(6))
def test_a_reader_of_stale_pages_ends_with_the_truth_or_knows_that_it_is_lost(
    any_storage: Storage, seed: int
) -> None:
    """However stale each page is: what changed later stands later."""
    chance = random.Random(seed)
    path = f"/note{uuid4().hex[:8]}"
    handler: type[StreamHandler] = type("Own", (Notes,), {"model": Note, "path": path})
    notes = client(handler, storage={"default": any_storage})
    records = notes.application.stream(handler).records("")
    readers = [FollowingReader(StaleCache(notes, chance), path) for _ in range(3)]
    ids: list[str] = []
    for _ in range(80):
        act = chance.random()
        if act < 0.3 or not ids:
            ids.append(notes.post(path, json={"text": str(act)}).json()["data"]["id"])
        elif act < 0.5:
            notes.patch(f"{path}/{chance.choice(ids)}", json={"text": str(act)})
        elif act < 0.6:
            notes.delete(f"{path}/{ids.pop(chance.randrange(len(ids)))}")
        elif act < 0.62:
            records.purge(records.head().position)
        else:
            chance.choice(readers).step()
    truth = {each["id"]: each for each in notes.get(f"{path}?limit=200").json()["data"]}
    for reader in readers:
        ends = any(not reader.step() and reader.items == truth for _ in range(500))
        assert ends or reader.is_lost


def test_idle_readers_behind_a_cache_share_one_url_and_do_not_spin() -> None:
    """An empty page leads to another URL each time, the same one for all of them."""
    notes = client()
    create(notes)
    path = notes.get("/note/changes").json()["paging"]["next"]
    seen = [path]
    for _ in range(5):
        first, second = (notes.get(path) for _ in range(2))
        assert first.json()["data"] == []
        assert first.headers["Cache-Control"] == "public, max-age=1"
        assert "ETag" not in first.headers
        path = first.json()["paging"]["next"]
        assert path not in seen
        assert second.json()["paging"]["next"] >= path  # the clock may have ticked in between
        seen.append(path)
    note = create(notes)
    found = notes.get(path).json()
    assert [each["id"] for each in found["data"]] == [note]
    assert "tick" not in found["paging"]["next"]


@pytest.mark.parametrize("tick", ["-1", "x", "", "1" * 16, "1&tick=2"])
def test_a_tick_that_no_link_had_is_refused(tick: str) -> None:
    """By name, as any parameter."""
    assert client().get(f"/note/changes?tick={tick}").status == 400
