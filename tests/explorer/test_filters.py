"""Filters of a page: a form, chips to take them off, and facets to put them on."""

from __future__ import annotations

from typing import Any

from brubeck import Brubeck
from brubeck.auth import Caller
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from brubeck.explorer.sample import SAMPLE
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, EVIL, Page


class Report(StreamedDocument):
    """A report, with a field of each kind that can be filtered by."""

    city = StringField()
    kind = StringField(choices=["fire", "water"])
    size = FloatField(min_value=0, max_value=10)
    level = IntField(min_value=1)
    urgent = BooleanField()
    seen = DateTimeField()
    tags = ListField(StringField())


class Reports(StreamHandler):
    """Reports."""

    model = Report
    path = "/reports"
    filters = ("city", "kind", "size__gte", "level", "urgent", "seen__lt", "tags", "city__in")


def client_of(*items: dict[str, Any]) -> Client:
    """Return a browser of a stream of reports."""
    client = Client(Brubeck(streams=[Reports]), BROWSER)
    assert client.post("/reports", json=list(items), headers={"Accept": "*/*"}).status == 201
    return client


def hrefs(page: Page) -> list[str | None]:
    """Return where the links of a page lead."""
    return [each["href"] for each in page.all("a")]


def test_a_filter_has_an_input_of_its_field() -> None:
    """With its bounds, its choices or a hint."""
    page = Page(client_of({"city": "Ely"}).get("/reports"))
    inputs = {each["name"]: each for each in page.all("input") if each.get("name")}
    size, level = inputs["size__gte"], inputs["level"]
    assert (size["type"], size["min"], size["max"], size["step"]) == ("number", "0", "10", "any")
    assert (level["type"], level["min"], level["step"]) == ("number", "1", "1")
    assert inputs["seen__lt"]["placeholder"] == "2026-01-31T12:00:00Z"
    assert inputs["since"]["placeholder"] == "2026-01-31T12:00:00Z"
    assert inputs["tags"]["type"] == "text"
    names = [each["name"] or "" for each in page.all("select")]
    assert [name for name in names if not name.startswith("item.")] == ["kind", "urgent"]
    labels = {each["for"] for each in page.all("label") if "for" in each}
    ids = {
        each["id"]
        for tag in ("input", "select", "textarea")
        for each in page.all(tag)
        if each.get("id")
    }
    assert labels == ids


def test_an_active_filter_is_a_chip() -> None:
    """That can be taken off by itself; the page then begins at its beginning."""
    client = client_of({"city": "Ely", "size": 3, "kind": "fire"})
    page = Page(client.get("/reports?city=Ely&size__gte=2&since=1970-01-01&limit=5&before=9"))
    chips = {each.get("aria-label"): each["href"] for each in page.all("a")}
    assert chips["Without city = Ely"] == "/reports?size__gte=2&since=1970-01-01&limit=5"
    assert chips["Without size ≥ 2"] == "/reports?city=Ely&since=1970-01-01&limit=5"
    assert chips["Without since 1970-01-01"] == "/reports?city=Ely&size__gte=2&limit=5"
    several = Page(client.get("/reports?city__in=Ely&city__in=Rye"))
    assert "/reports?city__in=Rye" in hrefs(several)
    assert several.inside.get("ul") is not None


def test_few_values_are_facets() -> None:
    """With their counts, the most frequent first; each adds its filter, and keeps the others."""
    items = [
        {"city": "Ely" if number % 3 else "Rye", "urgent": number < 2, "kind": "fire", "size": 5}
        for number in range(9)
    ]
    client = client_of(*items)
    page = Page(client.get("/reports?size__gte=1&limit=2"))
    for expected in ("city=Ely", "city=Rye", "urgent=true", "urgent=false"):
        assert f"/reports?size__gte=1&limit=2&{expected}" in hrefs(page)
    assert not [href for href in hrefs(page) if "kind=" in (href or "")]  # all are the same
    assert page.inside["dd"].split() == ["6", "3", "7", "2"]
    assert "of all items" in page.inside["p"]
    chosen = Page(client.get("/reports?city=Rye"))
    assert not [href for href in hrefs(chosen) if "city=Ely" in (href or "")]
    assert "3 items" in chosen.inside["p"]


def test_many_values_are_no_facet() -> None:
    """Nor are lists, or what has no equality filter."""
    items = [{"city": f"c{n}", "tags": ["a", "b"], "level": n % 2 + 1} for n in range(20)]
    page = Page(client_of(*items).get("/reports"))
    assert page.inside["dt"].split() == ["level"]


def test_facets_count_a_bounded_number() -> None:
    """And say so."""
    client = client_of({"city": "old", "level": 1}, {"city": "old", "level": 2})
    new = [{"city": "new", "level": n % 2 + 1} for n in range(SAMPLE)]
    for start in range(0, SAMPLE, 1000):
        items = new[start : start + 1000]
        assert client.post("/reports", json=items, headers={"Accept": "*/*"}).status == 201
    page = Page(client.get("/reports"))
    assert f"of the newest {SAMPLE:,}" in page.inside["p"]
    assert page.inside["dd"].split() == ["1,000", "1,000"]


def test_a_hostile_value_is_a_text_of_a_facet() -> None:
    """And its link asks for just that."""
    client = client_of({"city": EVIL.replace("\x01", "")}, {"city": "Ely"}, {"city": ""})
    page = Page(client.get("/reports"))
    assert page.all("script") == page.all("script")[:1]
    (href,) = [href for href in hrefs(page) if "script" in (href or "")]
    found = Page(client.get(href or ""))
    assert "1 item" in found.inside["p"]
    assert page.inside["dt"].split() == ["city"]


def test_a_value_that_fits_into_no_url_is_a_text_without_a_link() -> None:
    """A page is as long as what it shows, whatever its items hold."""
    client = client_of({"city": "long " * 20_000}, {"city": "Ely"})
    answer = client.get("/reports")
    page = Page(answer)
    assert "long long" in page.inside["dd"]
    assert "/reports?city=Ely" in hrefs(page)
    assert max(len(href or "") for href in hrefs(page)) < 2_000
    assert len(answer.text) < 50_000


class Card(OwnedDocument):
    """A card of somebody."""

    suit = StringField(choices=["hearts", "spades"])


class Cards(AuthStreamHandler):
    """Cards, which only their owners see."""

    model = Card
    path = "/cards"
    owned = True
    filters = ("suit",)

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller that a header names."""
        name = context.request.header("x-caller")
        return Caller(name, name) if name else None


def test_facets_and_counts_are_those_of_the_caller() -> None:
    """Nobody learns how many items others have."""
    app = Brubeck(streams=[Cards])
    for name, suits in (("ann", ["hearts", "spades"]), ("ben", ["hearts"] * 5)):
        headers = {"X-Caller": name}
        for suit in suits:
            assert Client(app, headers).post("/cards", json={"suit": suit}).status == 201
    page = Page(Client(app, BROWSER).get("/cards", headers={"X-Caller": "ann"}))
    assert page.inside["dd"].split() == ["1", "1"]
    assert "2 items" in page.inside["p"]


def test_a_page_can_be_copied_as_a_command() -> None:
    """With its filters, quoted for a shell."""
    page = Page(client_of({"city": "x"}).get("/reports?city=it's&limit=2"))
    (command,) = [each["value"] for each in page.all("input") if each.get("id") == "curl"]
    assert command is not None
    assert command.startswith(("curl '", "curl http"))
    assert command.endswith(("/reports?city=it%27s&limit=2", "/reports?city=it%27s&limit=2'"))
