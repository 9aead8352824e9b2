"""Content of items that attacks the readers of pages, feeds and tables; forged places and hosts."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from brubeck import Brubeck, StreamedDocument, StreamHandler
from brubeck.dictshield.fields import DictField, StringField
from brubeck.http import Headers, Request, Response
from brubeck.http.proxies import Client as Peer
from brubeck.http.proxies import TrustedProxies
from brubeck.testing import Client
from tests.attacks.people import JSON


class Note(StreamedDocument):
    """An item."""

    title = StringField()
    more = DictField()


class Notes(StreamHandler):
    """A public stream."""

    model = Note
    path = "/notes"
    filters = ("title",)


EVIL = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "javascript:alert(1)",
    "https://a.example/\"onmouseover='alert(1)",
    "</title></style><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "]]><x/>&amp;&#0;",
    "\u202e<b>",
    "\ufffe\uffff\x0b\x1b",
)


@pytest.fixture
def client() -> Client:
    """Return a client of a stream of evil notes."""
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    notes = [{"title": each, "more": {"a": [each]}} for each in EVIL]
    assert client.post("/notes", json=notes).status == 201
    return client


class Tags(HTMLParser):
    """Collects the elements of a page, and the targets of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in ("href", "action", "src")]


def test_a_page_has_no_element_that_came_with_an_item(client: Client) -> None:
    """Nor a link that is more than one, in the page, an item's page and a problem's."""
    html = {"Accept": "text/html"}
    item_id = client.get("/notes").json()["data"][0]["id"]
    for path in ("/notes", f"/notes/{item_id}", "/notes?title=%3Cscript%3E%22", "/notes/%3Cb%3E"):
        reply = client.get(path, headers=html)
        assert "'unsafe" not in reply.headers.get("content-security-policy", "'unsafe")
        page = Tags()
        page.feed(reply.text)
        assert not page.seen & {"img", "svg", "x", "b"}
        assert reply.text.count("<script") <= 1
        assert not {name for name in page.attributes if name.startswith("on")}
        assert all(each.startswith(("/", "https://a.example/")) for each in page.targets)


def test_feeds_are_well_formed_whatever_they_hold(client: Client) -> None:
    """And have as many entries as there are items."""
    atom = client.get("/notes", headers={"Accept": "application/atom+xml"})
    feed = ET.fromstring(atom.body)
    names = {each.tag.partition("}")[2] for each in feed.iter()}
    assert "x" not in names
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == len(EVIL)
    found = client.get("/notes", headers={"Accept": "application/feed+json"}).json()
    assert all("content_html" not in each for each in found["items"])


FORMULAS = (
    *("=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\u3000@A1", "'=1"),
    *(
        "''=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "\x0b=1",
        "\x1c-1",
        "\u2028=1",
        "-2;=1",
        "\v\f+1",
    ),
)


def test_no_cell_of_a_table_is_a_formula() -> None:
    """Nor does a text end its cell, or its row."""
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    titles = [*FORMULAS, 'a",=1', "a;=1", 'a"\r\n=1,"', "a\tb"]
    assert client.post("/notes", json=[{"title": each} for each in titles]).status == 201
    table = client.get("/notes?fields=title", headers={"Accept": "text/csv"}).text
    rows = list(csv.reader(io.StringIO(table, newline="")))[1:]
    assert len(rows) == len(titles)
    for row in rows:
        assert len(row) == 2
        assert row[1].strip()[0] not in "=+-@\uff1d\uff0b\uff0d\uff20"


HOSTS = (
    *('a.example/"><script>', "a.example\\@b.example", "a@b.example", "a.example:99999999"),
    *("a.example#x", "a.example?x", "a example", "<i>", "", "[::1", "a.example/path"),
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("accept", ["application/atom+xml", "application/feed+json"])
def test_a_forged_host_is_in_no_feed(client: Client, host: str, accept: str) -> None:
    """A host that no URL may have is refused, and answers without absolute URLs have none."""

    def ask(wanted: str) -> Response:
        headers = Headers({"Accept": wanted, "Host": host})
        request = Request("GET", "/notes", headers, client=Peer("203.0.113.9"))
        return client.application.respond(request)

    assert ask(accept).status == 400
    plain = ask("application/json")
    assert plain.status == 200
    assert not host or host.encode() not in plain.body


FORWARDED = {
    "X-Forwarded-Prefix": "//evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "10.0.0.1",
    "Forwarded": "for=10.0.0.1;host=evil.example;proto=https",
    "X-Original-URL": "/admin",
    "X-HTTP-Method-Override": "DELETE",
}


def test_a_stranger_forwards_nothing(client: Client) -> None:
    """The headers of proxies change neither links nor addresses nor methods."""
    plain = {"Accept": "application/atom+xml"}
    assert client.get("/notes", headers=plain | FORWARDED).body == (
        client.get("/notes", headers=plain).body
    )
    headers = Headers(FORWARDED | {"Host": "here.example"})
    request = Request("GET", "/", headers, client=Peer("203.0.113.9", "http", ""))
    seen = (request.remote_addr, request.scheme, request.host, request.prefix)
    assert seen == ("203.0.113.9", "http", "here.example", "")


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a/../b?", "/a b", "http://e", "/\\e", "/a#"]
)
def test_a_prefix_that_leads_elsewhere_is_none(prefix: str) -> None:
    """Even through a trusted proxy, which may pass on the headers of its client."""
    trusted = TrustedProxies(["127.0.0.1"])
    found = trusted.client(Peer("127.0.0.1"), Headers({"X-Forwarded-Prefix": prefix}))
    assert found.prefix == ""


CURSORS = (
    *("changes?after=1~%00", "changes?after=-1", "changes?after=1e3", "changes?after=1~a~b~c"),
    *("changes?after=9999999999999999999999", "changes?after=1~ZZ", "changes?after=%D9%A1"),
    *("changes?after=9999999999999999", "changes?after=1~otherera", "changes?after=now~x"),
    *("?before=1~", "?before=~a", "?before=1~../x", "?after=1~a~b", "?before=1&before=2"),
    *("?since=9999999999999999", "?until=0001-01-01T00:00:00%2B24:00", "?after=1;drop"),
)


@pytest.mark.parametrize("query", CURSORS)
def test_a_forged_place_is_refused(client: Client, query: str) -> None:
    """As wrong, or as lost; no other page is shown instead."""
    path = f"/notes/{query}" if query.startswith("changes") else f"/notes{query}"
    assert client.get(path).status in (400, 410)


@pytest.mark.parametrize("event_id", ["x", "1~a\tb", "-5", "1,2,3", "9" * 4_000, "1~otherera"])
def test_a_forged_event_id_ends_a_feed(client: Client, event_id: str) -> None:
    """By one reset, and nothing else."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": event_id}
    with client.get("/notes/changes", headers=headers) as reply:
        frames = b"".join(reply.chunks())
    assert frames.count(b"event:") == 1
    assert b"event: reset" in frames


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "_once", "__init__", "tell"])
def test_a_method_is_no_name_of_an_attribute(client: Client, method: str) -> None:
    """Unknown methods are refused."""
    for path in ("/notes", "/notes/a", "/notes/changes"):
        assert client.request(method, path, body=b"{}", headers=JSON).status in (405, 501)
