"""The table of a stream: every value in one line that says most of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    FloatField,
    IntField,
    MillisecondField,
    StringField,
)
from brubeck.explorer.cells import LONGEST_TEXT, LONGEST_TITLE, cell_of, id_cell
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from brubeck.timekeeping import HeldClock
from tests.explorer.notes import BROWSER, EVIL, Page

NOW = 1_795_972_000_000_000  # in November 2026


class Sample(StreamedDocument):
    """A field of each kind that a table treats in its own way."""

    text = StringField()
    kind = StringField(choices=["blue", "green"])
    number = FloatField(description="How much.")
    whole = IntField()
    truth = BooleanField()
    moment = DateTimeField()
    millis = MillisecondField()


class Samples(StreamHandler):
    """Samples."""

    model = Sample
    path = "/samples"
    accept_created_at = True


def client_of(*items: dict[str, Any]) -> Client:
    """Return a browser of a stream with items."""
    client = Client(Brubeck(streams=[Samples], clock=HeldClock(NOW)), BROWSER)
    if items:
        assert client.post("/samples", json=list(items), headers={"Accept": "*/*"}).status == 201
    return client


@pytest.mark.parametrize(
    ("field", "json_text", "text", "kind", "title"),
    [
        ("text", '"Ely"', "Ely", "", ""),
        ("text", '""', "", "", ""),
        ("text", "null", "", "", ""),
        ("text", json.dumps("x" * 40), "x" * 40, "", "x" * 40),
        ("text", json.dumps("é" * 200), "é" * (LONGEST_TEXT - 1) + "…", "", "é" * 200),
        ("text", json.dumps("x" * 900), "x" * 119 + "…", "", "x" * (LONGEST_TITLE - 1) + "…"),
        ("text", json.dumps(EVIL), EVIL, "", EVIL),
        ("kind", '"blue"', "blue", "b", ""),
        ("kind", '"red"', "red", "", ""),
        ("truth", "true", "true", "b", ""),
        ("truth", "false", "false", "b", ""),
        ("number", "77.0", "77.0", "n", ""),
        ("number", "0", "0", "n", ""),
        ("whole", "-9223372036854775808", "-9223372036854775808", "n", ""),
        ("moment", '"2018-02-07T01:26:13Z"', "7 Feb 2018 01:26", "t", "2018-02-07T01:26:13Z"),
        ("moment", '"2026-02-12T01:26:13Z"', "12 Feb 01:26", "t", "2026-02-12T01:26:13Z"),
        ("moment", '"some day"', "some day", "", ""),
        ("millis", "1517966773840", "7 Feb 2018 01:26", "t", "2018-02-07T01:26:13.840Z"),
        ("millis", "-62135596800000", "1 Jan 1 00:00", "t", "0001-01-01T00:00:00.000Z"),
        ("millis", "9999999999999999", "9999999999999999", "n", ""),
        ("unknown", '{"a":1,"b":[2]}', "{2}", "j", '{"a":1,"b":[2]}'),
        ("unknown", "[1,2,3]", "[3]", "j", "[1,2,3]"),
        ("unknown", "{}", "{}", "j", ""),
        ("unknown", "[]", "[]", "j", ""),
    ],
)
def test_a_value_is_a_cell(field: str, json_text: str, text: str, kind: str, title: str) -> None:
    """With a short text, a kind, and the whole value in its title where it was cut."""
    cell = cell_of(msgspec.Raw(json_text.encode()), Sample._fields.get(field), 2026)
    assert (cell.text, cell.kind, cell.title) == (text, kind, title)
    assert cell.href == ""
    assert bool(cell.time) == (kind == "t")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://example.org/a?b=1&c#d", "example.org"),
        ("http://example.org:8000", "example.org:8000"),
        ("https://good.example@evil.example/", "evil.example"),
        ("https://ä.example/ö", "ä.example"),
        ("javascript:alert(1)", None),
        ("JavaScript:alert(1)//https://example.org", None),
        ("data:text/html,x", None),
        ("//example.org", None),
        ("https://", None),
        ("https:///path", None),
        ("https://a b", None),
        ("https://a.example/\u2028", None),
        ("https://good.example\\@evil.example", "good.example"),
        ("ftp://example.org", None),
        ("see https://example.org", None),
    ],
)
def test_only_the_address_of_a_web_page_is_a_link(text: str, host: str | None) -> None:
    """It shows the host to which it leads."""
    cell = cell_of(msgspec.Raw(json.dumps(text).encode()), Sample._fields["text"], 2026)
    assert cell.href == ("" if host is None else text)
    assert cell.text == (text if host is None else host)


def test_a_long_id_is_short_and_whole_in_its_title() -> None:
    """It leads to the item."""
    uuid = "0198c5e2-7d3a-7000-8000-3f9a2b7c1d4e"
    cell = id_cell(uuid, "/samples")
    assert (cell.text, cell.title, cell.href) == ("0198c5e2…1d4e", uuid, f"/samples/{uuid}")
    assert id_cell("ci37868143", "/samples").title == ""


def test_columns_that_tell_nothing_come_last() -> None:
    """The model's own first, then the id and the times; last those that are alike or empty."""
    items = [
        {"id": f"s{number}", "text": f"t{number}", "whole": number, "truth": True, "kind": "blue"}
        for number in range(3)
    ]
    names = [each["data-name"] for each in Page(client_of(*items).get("/samples")).all("th")]
    assert names == [
        *("text", "whole", "id", "created_at", "updated_at"),
        *("kind", "number", "truth", "moment", "millis"),
    ]
    one = [each["data-name"] for each in Page(client_of(items[0]).get("/samples")).all("th")]
    own = ("text", "kind", "number", "whole", "truth", "moment", "millis")
    assert one == [*own, "id", "created_at", "updated_at"]


def test_a_reader_chooses_columns() -> None:
    """By ticks, which become one parameter; the other parameters stay."""
    client = client_of({"id": "a", "text": "x", "number": 1})
    reply = client.get("/samples?fields=number&fields=text&order=oldest")
    assert (reply.status, reply.headers["Location"]) == (
        303,
        "/samples?order=oldest&fields=number,text",
    )
    page = Page(client.get(reply.headers["Location"]))
    assert [each["data-name"] for each in page.all("th")] == ["number", "text", "id"]
    ticks = [each for each in page.all("input") if each.get("type") == "checkbox"]
    assert [each["value"] for each in ticks if "checked" in each] == ["text", "number"]
    assert len(ticks) == len(Sample._fields)


def test_a_page_says_how_many_items_there_are() -> None:
    """Without being asked; JSON has a total only when asked."""
    client = client_of(*({"id": f"s{number}"} for number in range(30)))
    assert "30 items" in Page(client.get("/samples")).inside["p"]
    assert "30 items" in Page(client.get("/samples?limit=2")).inside["p"]
    assert "total" not in client.get("/samples", headers={"Accept": "*/*"}).json()["paging"]
    assert "1 item" in Page(client_of({}).get("/samples")).inside["p"]


def test_both_orders_are_a_link_away() -> None:
    """From the beginning, since a cursor belongs to a walk."""
    client = client_of(*({"id": f"s{number}", "created_at": number} for number in range(4)))
    page = Page(client.get("/samples?limit=2&before=3"))
    hrefs = [each["href"] for each in page.all("a")]
    assert "/samples?limit=2&order=oldest" in hrefs
    assert "/samples?limit=2" in hrefs  # the newest
    (current,) = [each for each in page.all("a") if each.get("aria-current") == "true"]
    assert current["href"] == "/samples?limit=2&order=newest"


def test_a_field_is_explained_by_its_description() -> None:
    """In the title of its column."""
    page = Page(client_of({"number": 1}).get("/samples"))
    titles = {each["data-name"]: each.get("title") for each in page.all("th")}
    assert titles["number"] == "How much."
    assert titles["text"] is None
