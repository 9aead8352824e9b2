"""Feeds: held to their formats rule by rule, and read by a reader that was not written here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import feedparser
import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import DictField, IntField, StringField
from brubeck.http import Headers, Request
from brubeck.storage import Storage
from brubeck.streams import FeedEntry, OwnedDocument, StreamHandler, atom, json_feed
from brubeck.streams.entries import LONGEST_TITLE, default_entry
from brubeck.testing import Client, Reply
from brubeck.timekeeping import rfc3339_to_millis

ATOM = {"Accept": "application/atom+xml"}
JSON_FEED = {"Accept": "application/feed+json"}
BOTH = pytest.mark.parametrize("headers", [ATOM, JSON_FEED], ids=("atom", "json"))
NS = "{http://www.w3.org/2005/Atom}"
TRICKY = (
    "<script>alert('x')</script> & \"quotes\" ]]> \x01\x08\x0b\x1b\x7f\x85\r\n\t \ufffe\uffff"
    " \u2028 é 𝄞 &amp; <!-- -- > <![CDATA[ %3C"
)


class Note(OwnedDocument):
    """A note, of which not everybody is shown everything."""

    text = StringField()
    number = IntField()
    extra = DictField()
    secret = StringField()

    _private_fields = ["secret"]


class Notes(StreamHandler):
    """Notes of any time."""

    model = Note
    path = "/notes"
    filters = ("number__gte", "text")
    feed_title = 'Notes & "more"'
    accept_created_at = True
    page_size, max_page_size = 3, 5

    def before_create(self, _context: Any, document: Any) -> None:
        """Give each note a secret, as only the program can."""
        document.secret = "hush"


@pytest.fixture
def client() -> Client:
    """Make a stream of seven notes."""
    client = Client(Brubeck(streams=[Notes]))
    for number in range(6):
        note = {"id": f"n{number}", "created_at": number, "updated_at": 100 - number}
        reply = client.post("/notes", json=note | {"number": number, "text": f"Note {number}"})
        assert reply.status == 201
    tricky = {"id": "tricky", "created_at": 10, "updated_at": 5, "text": TRICKY}
    tricky |= {"extra": {TRICKY: TRICKY}}
    assert client.post("/notes", json=tricky).status == 201
    return client


def hold_to_rfc_4287(reply: Reply, url: str) -> ET.Element:
    """Check a document against every rule of RFC 4287 that is about what is in it."""
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/atom+xml"
    feed = ET.fromstring(reply.body)
    assert feed.tag == f"{NS}feed"
    known = {"id", "title", "updated", "author", "link", "generator", "entry"}
    assert {each.tag.removeprefix(NS) for each in feed if each.tag.startswith(NS)} <= known
    for each in (feed, *feed.findall(f"{NS}entry")):
        for name in ("id", "title", "updated"):  # 4.1.1, 4.1.2: exactly one
            assert len(each.findall(f"{NS}{name}")) == 1
        assert re.fullmatch("urn:uuid:[0-9a-f-]{36}", each.findtext(f"{NS}id") or "")  # 4.2.6
        for name in ("updated", "published"):  # 3.3
            for found in each.findall(f"{NS}{name}"):
                moment(found.text)
        assert len(each.findall(f"{NS}published")) <= 1
        for person in each.findall(f"{NS}author"):  # 3.2: a name that says something
            assert (person.findtext(f"{NS}name") or "").strip()
        pairs = set()
        for link in each.findall(f"{NS}link"):  # 4.2.7
            absolute(link.get("href"))
            pairs.add((link.get("rel"), link.get("type"), link.get("hreflang")))
        assert len(pairs) == len(each.findall(f"{NS}link"))
        assert any(rel == "alternate" for rel, _, _ in pairs)
    assert feed.findall(f"{NS}author")  # 4.1.1: or else in every entry
    (own,) = (each for each in feed.findall(f"{NS}link") if each.get("rel") == "self")
    assert own.get("href") == url
    ids = [each.findtext(f"{NS}id") for each in feed.findall(f"{NS}entry")]
    assert len(set(ids)) == len(ids)
    for each in feed.findall(f"{NS}entry"):
        (content,) = each.findall(f"{NS}content")  # 4.1.3: plain text has no children
        assert content.get("type", "text") == "text"
        assert not list(content)
        assert not list(each.iter(f"{NS}feed"))
    return feed


def hold_to_json_feed(reply: Reply, url: str) -> dict[str, Any]:
    """Check a document against every rule of JSON Feed 1.1 that is about what is in it."""
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/feed+json"
    feed: dict[str, Any] = json.loads(reply.body)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert isinstance(feed["title"], str)
    assert feed["feed_url"] == url
    absolute(feed["home_page_url"])
    if "next_url" in feed:  # a feed may not lead to itself
        absolute(feed["next_url"])
        assert feed["next_url"] != feed["feed_url"]
    known = {"version", "title", "home_page_url", "feed_url", "next_url", "items"}
    for name in feed.keys() - known:
        assert re.fullmatch("_[a-zA-Z][^.]*", name)
        assert isinstance(feed[name], dict)
    assert isinstance(feed["items"], list)
    known = {"id", "url", "title", "content_text", "date_published", "date_modified", "authors"}
    for item in feed["items"]:
        assert item.keys() <= known
        assert isinstance(item["id"], str)
        assert isinstance(item["content_text"], str)
        absolute(item["url"])
        moment(item["date_published"])
        moment(item["date_modified"])
        for author in item.get("authors", ()):
            assert author.keys() & {"name", "url", "avatar"}
    assert len({item["id"] for item in feed["items"]}) == len(feed["items"])
    return feed


def absolute(text: str | None) -> None:
    """Check that a text is an absolute URL."""
    parts = urlsplit(text or "")
    assert parts.scheme in ("http", "https")
    assert parts.netloc
    assert re.fullmatch(r"[!-~]+", text or "")


def moment(text: str | None) -> None:
    """Check that a text is a date with a time and an offset (RFC 3339), in capitals."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text or "")
    rfc3339_to_millis(text or "")


def walk(client: Client, headers: dict[str, str], query: str) -> Iterator[tuple[str, Any]]:
    """Yield the pages of a feed, held to their format, and their URLs."""
    url: str | None = f"http://localhost/notes{query}"
    while url:
        reply = client.get(url.removeprefix("http://localhost"), headers=headers)
        if headers is ATOM:
            page: Any = hold_to_rfc_4287(reply, url)
            yield url, page
            links = {each.get("rel"): each.get("href") for each in page.findall(f"{NS}link")}
            url = links.get("next")
        else:
            page = hold_to_json_feed(reply, url)
            yield url, page
            url = page.get("next_url")


@pytest.mark.parametrize(
    "query",
    ["", "?order=oldest", "?limit=2&since=1", "?number__gte=2", "?fields=number", "?limit=5"],
)
def test_a_feed_has_the_items_of_the_pages(client: Client, query: str) -> None:
    """In their order, page by page, in both formats; and every page is valid."""
    pages, path = [], f"/notes{query}"
    while path:
        page = client.get(path).json()
        pages.append([f"http://localhost/notes/{each['id']}" for each in page["data"]])
        path = page["paging"]["next"]
    atom_pages = [page.findall(f"{NS}entry") for _, page in walk(client, ATOM, query)]
    json_pages = [page["items"] for _, page in walk(client, JSON_FEED, query)]
    assert [[entry_url(each) for each in page] for page in atom_pages] == pages
    assert [[each["url"] for each in page] for page in json_pages] == pages
    in_atom = [[each.findtext(f"{NS}id") for each in page] for page in atom_pages]
    assert in_atom == [[each["id"] for each in page] for page in json_pages]


def entry_url(entry: ET.Element) -> str | None:
    """Return the URL of an entry's item."""
    return {each.get("rel"): each.get("href") for each in entry.findall(f"{NS}link")}["alternate"]


@BOTH
def test_ids_do_not_depend_on_the_host(client: Client, headers: dict[str, str]) -> None:
    """A reader would take the same item under another name of the server for a new one."""
    ids = set()
    for host in ("a.example", "B.example:8080", "[::1]"):
        request = Request("GET", "/notes", Headers(headers | {"Host": host}))
        body = client.application.respond(request).body.decode()
        assert host in body
        ids.add(tuple(re.findall("urn:uuid:[0-9a-f-]{36}", body)))
    assert len(ids) == 1
    assert len(set(*ids)) == (4 if headers is ATOM else 3)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/atom+xml, text/html", "atom"),
        ("text/html, application/feed+json", "feed"),
        ("text/html;q=0.9, application/xml;q=0.9, application/atom+xml;q=0.9, */*;q=0.8", "atom"),
        ("application/json, application/feed+json", "feed"),
        ("text/html, application/atom+xml;q=0.9", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/html, */*", "html"),
        ("text/html, application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("*/*;q=0.1, application/*;q=0.1", "application/json"),
    ],
)
def test_a_reader_of_feeds_gets_a_feed(client: Client, accept: str, wanted: str) -> None:
    """Also one that takes pages for people as gladly; a browser and a program get theirs."""
    reply = client.get("/notes", headers={"Accept": accept})
    assert wanted in reply.headers["Content-Type"]


def test_a_page_of_a_feed_knows_its_neighbours(client: Client) -> None:
    """By the names of RFC 5005; all of them are pages of one feed."""
    seen, ids = [], set()
    for url, page in walk(client, ATOM, "?limit=3&number__gte=0"):
        links = {each.get("rel"): each.get("href") for each in page.findall(f"{NS}link")}
        assert links["first"] == "http://localhost/notes?limit=3&number__gte=0"
        ids.add(page.findtext(f"{NS}id"))
        assert links["alternate"] == "http://localhost/notes"
        seen.append((url, links.get("previous")))
    assert len(ids) == 1
    assert seen[0][1] is None
    assert "after=" in (seen[1][1] or "")


def test_a_total_is_told(client: Client) -> None:
    """By each format's own means."""
    feed = ET.fromstring(client.get("/notes?total=true", headers=ATOM).body)
    assert feed.findtext("{http://a9.com/-/spec/opensearch/1.1/}totalResults") == "7"
    found = client.get("/notes?total=true", headers=JSON_FEED).json()
    assert found["_paging"] == {"total": 7, "total_exact": True}


def test_any_text_is_kept_as_far_as_xml_can_hold_it(client: Client) -> None:
    """Nothing ends an element; JSON holds everything."""
    atom_feed = hold_to_rfc_4287(client.get("/notes", headers=ATOM), "http://localhost/notes")
    assert atom_feed.findtext(f"{NS}title") == 'Notes & "more"'
    entry = atom_feed.findall(f"{NS}entry")[0]
    shown = " ".join(TRICKY.split())
    for char in "\x01\x08\x0b\x1b\ufffe\uffff":
        shown = shown.replace(char, "\ufffd")
    assert entry.findtext(f"{NS}title") == shown
    found = client.get("/notes", headers=JSON_FEED).json()["items"][0]
    assert found["title"] == " ".join(TRICKY.split())
    assert json.loads(found["content_text"].removeprefix("extra: ")) == {TRICKY: TRICKY}


@BOTH
def test_what_is_hidden_is_not_in_a_feed(client: Client, headers: dict[str, str]) -> None:
    """Nor what was not asked for."""
    assert "hush" not in client.get("/notes", headers=headers).text
    assert client.get("/notes?fields=secret", headers=headers).status == 400
    assert "script" not in client.get("/notes?fields=number", headers=headers).text


@BOTH
def test_a_feed_of_nothing_is_a_feed(headers: dict[str, str]) -> None:
    """Also of a stream that never had an item."""
    ((_, page),) = walk(Client(Brubeck(streams=[Notes])), headers, "")
    if headers is ATOM:
        assert page.findtext(f"{NS}updated") == "1970-01-01T00:00:00.000Z"


@BOTH
def test_an_unchanged_feed_is_a_304(client: Client, headers: dict[str, str]) -> None:
    """By a tag of its own, which is no other shape's."""
    reply = client.get("/notes", headers=headers)
    tag = reply.headers["ETag"]
    bare = client.get("/notes").headers["ETag"]
    assert tag.startswith(bare[:-1])
    assert tag != bare
    again = client.get("/notes", headers=headers | {"If-None-Match": tag})
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert client.get("/notes", headers=headers | {"If-None-Match": bare}).status == 200
    assert client.get("/notes", headers={"If-None-Match": tag}).status == 200
    client.delete("/notes/tricky")
    assert client.get("/notes", headers=headers | {"If-None-Match": tag}).status == 200


@BOTH
@pytest.mark.parametrize("host", ["", "a b", 'x"><script>', "a/b", "user@host", "h:port"])
def test_a_host_that_is_none_is_a_400(client: Client, headers: dict[str, str], host: str) -> None:
    """It would be in every URL."""
    request = Request("GET", "/notes", Headers(headers | {"Host": host}))
    assert client.application.respond(request).status == 400


@BOTH
def test_urls_are_those_that_the_caller_sees(client: Client, headers: dict[str, str]) -> None:
    """By the host that was asked, whatever that is."""
    for host in ("quakes.example", "[::1]:6767", "127.0.0.1:80"):
        request = Request("GET", "/notes", Headers(headers | {"Host": host}))
        text = client.application.respond(request).body.decode()
        assert f"http://{host}/notes/tricky" in text


@BOTH
def test_parameters_are_those_of_pages(client: Client, headers: dict[str, str]) -> None:
    """And refused as there."""
    for query in ("limit=0", "limt=3", "before=x", "total=1", "text=a&text=b"):
        reply = client.get(f"/notes?{query}", headers=headers)
        assert reply.status == 400
        assert reply.headers["Content-Type"] == "application/problem+json"
    assert client.head("/notes", headers=headers).status == 200


def test_a_stream_words_its_entries(any_storage: Storage) -> None:
    """As its class says, on every storage."""

    class Worded(Notes):
        path = f"/worded-{uuid4().hex[:8]}"

        def feed_entry(self, _context: Any, item: dict[str, Any]) -> FeedEntry:
            return FeedEntry(f"No. {item['number']}", item["text"], "The <Author>")

    client = Client(Brubeck(streams=[Worded], storage={"default": any_storage}))
    client.post(Worded.path, json={"id": "a", "number": 7, "text": "seven", "created_at": 5})
    url = f"http://localhost{Worded.path}"
    feed = hold_to_rfc_4287(client.get(Worded.path, headers=ATOM), url)
    entry = feed.find(f"{NS}entry")
    assert entry is not None
    assert entry.findtext(f"{NS}title") == "No. 7"
    assert entry.findtext(f"{NS}content") == "seven"
    assert entry.findtext(f"{NS}author/{NS}name") == "The <Author>"
    (item,) = hold_to_json_feed(client.get(Worded.path, headers=JSON_FEED), url)["items"]
    assert (item["title"], item["content_text"]) == ("No. 7", "seven")
    assert item["authors"] == [{"name": "The <Author>"}]


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        ({"id": "a"}, FeedEntry("a")),
        ({"id": "a", "n": 1, "b": " ", "c": "x  \n y"}, FeedEntry("x y", "n: 1\nb:  ")),
        ({"id": "a", "c": "x", "title": "t"}, FeedEntry("t", "c: x")),
        ({"id": "a", "owner_id": "o", "owner_username": "O"}, FeedEntry("a", "", "O")),
        (
            {"id": "a", "text": "x" * 200},
            FeedEntry("x" * (LONGEST_TITLE - 1) + "…", "text: " + "x" * 200),
        ),
    ],
)
def test_an_entry_is_worded_by_what_there_is(item: dict[str, Any], entry: FeedEntry) -> None:
    """Where nobody says better."""
    assert default_entry(item) == entry


@pytest.mark.reads("feedparser", "Atom")
def test_a_reader_reads_atom(client: Client) -> None:
    """One that people use; it knows no JSON Feed."""
    read = feedparser.parse(client.get("/notes", headers=ATOM).body)
    assert not read.bozo
    assert read.version == "atom10"
    assert read.feed.title == 'Notes & "more"'
    assert [each.link.rpartition("/")[2] for each in read.entries] == ["tricky", "n5", "n4"]
    assert read.entries[1].title == "Note 5"
    assert read.entries[1].published == "1970-01-01T00:00:00.005Z"
    assert {"next", "first", "self"} <= {each.rel for each in read.feed.links}


def test_nothing_that_python_can_hold_breaks_xml() -> None:
    """Character by character."""
    text = "".join(map(chr, [*range(0x300), *range(0xD700, 0xE100), *range(0xFFF0, 0x10010)]))
    root = ET.fromstring(f"<a b='{atom.escape(text)}'>{atom.escape(text)}</a>".encode())
    assert root.text is not None
    assert len(root.text) == len(text)
    assert json_feed.VERSION.endswith("1.1")
