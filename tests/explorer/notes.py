"""A stream of notes, and its pages as a browser reads them."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

from brubeck import Brubeck
from brubeck.dictshield.fields import BooleanField, DictField, FloatField, StringField
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
            assert target.startswith(("/", "http://", "https://", "#items"))
            assert not target.startswith("//")


def notes_client() -> Client:
    """Return a browser of a stream of five notes."""
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
