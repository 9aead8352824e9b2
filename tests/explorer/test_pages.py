"""Pages for people: what a browser asks for, safe whatever is in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.storage import Unavailable
from brubeck.storage.memory import MemoryRecordStream
from brubeck.streams import StreamHandler
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, EVIL, Note, Notes, Page, notes_client, page


@pytest.fixture
def client() -> Client:
    """Make a stream of five notes."""
    return notes_client()


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
    older, bottom = first.links("next")
    assert older == bottom
    assert older is not None
    second = page(client, older)
    assert [row.get("data-id") for row in second.all("tr")[1:]] == ["n1", "n0"]
    assert second.links("next") == []
    newer, _ = second.links("prev")
    assert newer is not None
    assert [row.get("data-id") for row in page(client, newer).all("tr")[1:]] == ["evil", "n3", "n2"]
    assert "/notes/evil" in [each["href"] for each in first.all("a")]
    assert [each["data-name"] for each in first.all("th")] == [
        *("text", "weight", "done", "link", "extra", "id", "created_at", "updated_at"),
        "kind",  # it is empty in every row
    ]


def test_nothing_in_an_item_is_more_than_text(client: Client) -> None:
    """Neither in the table, nor on its own page, nor in the form; what is hidden is not there."""
    for target in ("/notes", "/notes/evil", "/notes?text=%22%3E%3Cscript%3E"):
        found = page(client, target)
        assert len(found.all("script")) == 1
        assert "hush" not in found.reply.text
        assert "99460729" not in found.inside.get("td", "")
    assert EVIL in page(client).inside["span"]
    assert EVIL in page(client, "/notes/evil").inside["dd"]
    assert EVIL in [each.get("title") for each in page(client).all("span")]
    assert "https://example.org/a?b=1&c" in page(client).links("nofollow noreferrer")
    assert "example.org" in page(client).inside["a"]
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
    assert {form["action"] for form in found.all("form")} == {"/notes"}
    assert [form["method"] for form in found.all("form")] == ["get", "get", "post"]
    values = [(each.get("name"), each["value"]) for each in found.all("input")]
    assert ("weight__gte", "1") in values
    assert ("since", "1") in values
    assert ("fields", "text") in values
    names = [each["name"] or "" for each in found.all("select")]
    assert [name for name in names if not name.startswith("item.")] == [
        "kind",
        "done",
        "kind__in",
        "kind__in",
        "kind__in",
    ]
    assert ("order", "oldest") in values
    assert [each["data-name"] for each in found.all("th")] == ["text", "id"]


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
    assert ("data-changes" in table) == ("live" in [each.get("id") for each in found.all("button")])
    assert ("data-changes" in table) == live
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
        assert "-html" in tag
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
    """But to the streams: a link to it could lead anywhere."""
    stream: type[StreamHandler] = type("Posts", (StreamHandler,), {"model": Note, "path": "/<of>"})
    client = Client(Brubeck(streams=[stream]), BROWSER)
    found = page(client, "/%5Cevil.example")
    assert found.reply.status == 404
    assert {each["href"] for each in found.all("a")} == {"/"}
    assert page(client, "/ella").all("form")[0]["action"] == "/ella"


def test_a_page_of_nothing_says_so() -> None:
    """And can be followed all the same."""
    found = page(Client(Brubeck(streams=[Notes]), BROWSER))
    assert "Nothing here." in found.inside["td"]
    assert found.all("script")


def test_several_items_have_no_page(client: Client) -> None:
    """They are JSON for who takes it."""
    assert client.get("/notes/n1,n2").headers["Content-Type"] == "application/json"
    assert client.get("/notes/n1,n2", headers={"Accept": "text/html"}).status == 406


def test_the_page_of_an_item_varies_by_where_its_reader_came_from(client: Client) -> None:
    """A cache would show everybody the first reader's way back."""
    there = "http://localhost/notes?limit=2"
    found = client.get("/notes/n1", headers=BROWSER | {"Referer": there, "Host": "localhost"})
    assert 'href="/notes?limit=2"' in found.text
    assert {"Accept", "Referer"} <= set(found.headers["Vary"].split(", "))
    assert "Referer" not in client.get("/notes/n1", headers={"Accept": "*/*"}).headers["Vary"]
