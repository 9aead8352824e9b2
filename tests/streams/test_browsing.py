"""Pages for people: what a browser asks for, safe whatever is in it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import BooleanField, DictField, FloatField, StringField
from brubeck.storage import Unavailable
from brubeck.storage.memory import MemoryRecordStream
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client, Reply

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 9973*9973 }}\x01é"


class Note(StreamedDocument):
    """A note, of which not everybody is shown everything."""

    text = StringField()
    kind = StringField(choices=["blue", "green"])
    weight = FloatField()
    done = BooleanField()
    link = StringField()
    extra = DictField()
    secret = StringField()

    _private_fields = ["secret"]


class Notes(StreamHandler):
    """Notes with a filter of each kind."""

    model = Note
    path = "/notes"
    filters = ("text", "kind", "weight__gte", "done", "kind__in", "created_at__lt")
    feed_title = "Notes <&> more"
    accept_created_at = True
    page_size, max_page_size = 3, 5

    def before_create(self, _context: Any, document: Any) -> None:
        """Give each note a secret, as only the program can."""
        document.secret = "hush"


class Page(HTMLParser):
    """A page, read as a browser would: its elements, and that each ends where it should."""

    VOID = frozenset(("meta", "link", "input", "img", "br"))

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inside: dict[str, str] = {}
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
        self.feed(reply.text)
        self.close()
        assert self.open == []
        self.hold_to_policy()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note its end."""
        if tag == "option":
            assert self.open[-1] == "option"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.open:
            self.inside[self.open[-1]] = self.inside.get(self.open[-1], "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self, rel: str) -> list[str | None]:
        """Return where links of a kind lead."""
        return [each["href"] for each in self.all("a") if each.get("rel") == rel]

    def hold_to_policy(self) -> None:
        """Check that the policy lets the page's own style and script in, and nothing else."""
        policy = self.reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        for kind in ("style", "script"):
            assert len(self.all(kind)) <= 1
            if self.all(kind):
                digest = b64encode(sha256(self.inside[kind].encode()).digest()).decode()
                assert f"{kind}-src 'sha256-{digest}'" in policy
        for tag, attributes in self.elements:
            assert tag not in ("img", "iframe", "object", "base")
            assert not [name for name in attributes if name.startswith("on") or name == "src"]
            assert "style" not in attributes
            target = attributes.get("href") or attributes.get("action") or "/"
            assert tag == "a" or target.startswith("/")
            assert target.startswith(("/", "http://", "https://"))
            assert not target.startswith("//")


@pytest.fixture
def client() -> Client:
    """Make a stream of five notes."""
    client = Client(Brubeck(streams=[Notes]), BROWSER)
    notes = [
        {"id": f"n{number}", "created_at": number, "text": f"Note {number}", "weight": number}
        for number in range(4)
    ]
    evil = {"id": "evil", "created_at": 10, "text": EVIL, "extra": {EVIL: EVIL}}
    notes.append(evil | {"link": "https://example.org/a?b=1&c", "done": True})
    assert client.post("/notes", json=notes, headers={"Accept": "*/*"}).status == 201
    return client


def page(client: Client, target: str = "/notes") -> Page:
    """Return a page, held to its rules."""
    return Page(client.get(target))


def test_a_browser_is_shown_a_page_and_everybody_else_json(client: Client) -> None:
    """By what each of them sends."""
    assert page(client).reply.status == 200
    for accept in ("*/*", "application/json", "application/*", "text/html;q=0.1,*/*", ""):
        reply = client.get("/notes", headers={"Accept": accept})
        assert reply.headers["Content-Type"] == "application/json"
    assert client.get("/notes", headers={"Accept": "text/*"}).headers["Content-Type"][:9] == (
        "text/html"
    )


def test_a_page_has_its_items_and_its_neighbours(client: Client) -> None:
    """In a table, the newest first; older and newer are a link away."""
    first = page(client)
    assert [row.get("data-id") for row in first.all("tr")[1:]] == ["evil", "n3", "n2"]
    assert first.links("prev") == []
    (older,) = first.links("next")
    assert older is not None
    second = page(client, older)
    assert [row.get("data-id") for row in second.all("tr")[1:]] == ["n1", "n0"]
    assert second.links("next") == []
    (newer,) = second.links("prev")
    assert newer is not None
    assert [row.get("data-id") for row in page(client, newer).all("tr")[1:]] == ["evil", "n3", "n2"]
    assert "/notes/evil" in [each["href"] for each in first.all("a")]
    assert [each["data-name"] for each in first.all("th")] == [
        *("id", "created_at", "updated_at", "text", "kind", "weight", "done", "link", "extra")
    ]


def test_nothing_in_an_item_is_more_than_text(client: Client) -> None:
    """Neither in the table, nor on its own page, nor in the form; what is hidden is not there."""
    for target in ("/notes", "/notes/evil", "/notes?text=%22%3E%3Cscript%3E"):
        found = page(client, target)
        assert len(found.all("script")) == (target != "/notes/evil")
        assert "hush" not in found.reply.text
        assert "99460729" not in found.inside.get("td", "")
    assert EVIL in page(client).inside["td"]
    assert EVIL in page(client, "/notes/evil").inside["dd"]
    assert "https://example.org/a?b=1&c" in page(client).links("nofollow noreferrer")
    values = [each.get("value") for each in page(client, "/notes?text=%22%3E%3Cx%3E").all("input")]
    assert '"><x>' in values


def test_only_web_links_are_links(client: Client) -> None:
    """Not what a browser would run."""
    for link in ("javascript:alert(1)", "data:text/html,x", "https://a b", "//example.org"):
        body = {"link": link}
        assert client.patch("/notes/evil", json=body, headers={"Accept": "*/*"}).status == 200
        assert link not in [each["href"] for each in page(client, "/notes/evil").all("a")]


def test_the_filters_are_a_form(client: Client) -> None:
    """Filled in with what was asked; the order, bounds and fields stay."""
    query = "/notes?weight__gte=1&kind__in=blue&kind__in=green&since=1&order=oldest&fields=text"
    found = page(client, query)
    (form,) = found.all("form")
    assert (form["method"], form["action"]) == ("get", "/notes")
    values = [(each["name"], each["value"]) for each in found.all("input")]
    assert ("weight__gte", "1") in values
    assert ("since", "1") in values
    assert ("fields", "text") in values
    names = [each["name"] for each in found.all("select")]
    assert names == ["kind", "done", "kind__in", "kind__in", "kind__in", "order"]
    assert [each["data-name"] for each in found.all("th")] == ["id", "text"]


@pytest.mark.parametrize(
    ("query", "tidy"),
    [
        ("?text=&limit=2&since=", "?limit=2"),
        ("?text=&kind=", ""),
        ("?text=a%20b&kind=", "?text=a%20b"),
        ("?nonsense=&x=%0d%0aX:1", "?x=%0D%0AX:1"),
    ],
)
def test_what_a_form_sends_empty_is_left_out(client: Client, query: str, tidy: str) -> None:
    """By a way to the same without it."""
    reply = client.get(f"/notes{query}")
    assert (reply.status, reply.headers["Location"]) == (303, f"/notes{tidy}")
    assert client.get("/notes?text=", headers={"Accept": "*/*"}).json()["data"] == []


@pytest.mark.parametrize(
    ("query", "live"),
    [
        ("", True),
        ("?text=x&fields=text", True),
        ("?order=oldest", False),
        ("?before=5", False),
        ("?since=1", False),
        ("?until=5", False),
    ],
)
def test_what_happens_now_can_be_followed_where_it_belongs(
    client: Client, query: str, live: bool
) -> None:
    """On the newest page, from where that page was read, with its filters."""
    found = page(client, f"/notes{query}")
    (table,) = found.all("table")
    assert ("data-changes" in table) == bool(found.all("script")) == live
    if live:
        kept = f"{query.removeprefix('?')}&" if query else ""
        target = re.fullmatch(rf"/notes/changes\?{kept}after=(\S+)", table["data-changes"] or "")
        assert target is not None
        changes = client.get(table["data-changes"] or "", headers={"Accept": "*/*"}).json()
        assert changes["data"] == []
        assert changes["paging"]["caught_up"]


def test_an_unchanged_page_is_a_304(client: Client) -> None:
    """By a tag of its own; an item's page, too, and its tag still is a condition."""
    for target in ("/notes", "/notes/evil", "/notes/evil?fields=text"):
        reply = client.get(target)
        tag = reply.headers["ETag"]
        assert tag.endswith('-html"')
        assert client.get(target, headers={"If-None-Match": tag}).status == 304
        other = {"Accept": "*/*", "If-None-Match": tag}
        assert client.get(target, headers=other).status == 200
        assert client.head(target).headers["ETag"] == tag
    tag = client.get("/notes/evil").headers["ETag"]
    headers = {"If-Match": tag, "Accept": "*/*"}
    assert client.patch("/notes/evil", json={"text": "x"}, headers=headers).status == 200
    assert client.patch("/notes/evil", json={"text": "y"}, headers=headers).status == 412


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/notes?limt=3", 400, 'Did you mean "limit"?'),
        ("/notes?before=%3Cscript%3E", 400, '"before"'),
        ("/notes/never", 404, "never"),
        ("/notes/%3Cscript%3E", 404, "<script>"),
        ("/notes/never?fields=text", 404, "never"),
        ("/notes/changes?after=5~gone", 410, "Start over"),
    ],
)
def test_a_problem_is_a_page_too(client: Client, target: str, status: int, said: str) -> None:
    """With its status and its words, and a way back."""
    found = page(client, target)
    assert found.reply.status == status
    assert said in found.inside["p"]
    assert found.reply.headers["Vary"].startswith("Accept")
    assert "/notes" in [each["href"] for each in found.all("a")]
    reply = client.get(target, headers={"Accept": "*/*"})
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_every_failing_field_is_on_the_page(client: Client) -> None:
    """A program that says it is a browser is told all the same."""
    headers = {"Accept": "text/html, application/json;q=0.5"}
    found = Page(client.post("/notes", json={"weight": "x", "done": "y"}, headers=headers))
    assert found.reply.status == 422
    assert "/weight" in found.inside["code"]
    assert "/done" in found.inside["code"]


def test_trouble_is_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expected or not, and it tells nothing of the program."""

    def away(self: Any, query: Any) -> Any:
        raise Unavailable("at redis://secret")

    def broken(self: Any, query: Any) -> Any:
        raise RuntimeError("a secret of the program")

    for trouble, status in ((away, 503), (broken, 500)):
        monkeypatch.setattr(MemoryRecordStream, "page", trouble)
        found = page(client)
        assert found.reply.status == status
        assert "secret" not in found.reply.text


def test_a_partition_that_cannot_be_has_no_way_back() -> None:
    """A link to it could lead anywhere."""
    stream: type[StreamHandler] = type("Posts", (StreamHandler,), {"model": Note, "path": "/<of>"})
    client = Client(Brubeck(streams=[stream]), BROWSER)
    found = page(client, "/%5Cevil.example")
    assert found.reply.status == 404
    assert found.all("a") == []
    assert page(client, "/ella").all("form")[0]["action"] == "/ella"


def test_a_page_of_nothing_says_so() -> None:
    """And can be followed all the same."""
    found = page(Client(Brubeck(streams=[Notes]), BROWSER))
    assert "Nothing here." in found.inside["p"]
    assert found.all("script")


def test_several_items_have_no_page(client: Client) -> None:
    """They are JSON for who takes it."""
    assert client.get("/notes/n1,n2").headers["Content-Type"] == "application/json"
    assert client.get("/notes/n1,n2", headers={"Accept": "text/html"}).status == 406
