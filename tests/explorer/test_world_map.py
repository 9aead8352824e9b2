"""The map of a stream's page: which streams have one, where its points are, and what it loads."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, GeoPointField, IntField, StringField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, EVIL, Page, notes_client
from tests.servers.browser import content_person

JSON = {"Accept": "*/*"}


class Station(StreamedDocument):
    """A place with two numbers."""

    name = StringField()
    depth = FloatField()
    lat = FloatField()
    lng = FloatField()
    magnitude = IntField()


class Stations(StreamHandler):
    """Places."""

    model = Station
    path = "/stations"
    max_page_size = page_size = 100


class Sight(StreamedDocument):
    """A place with a point."""

    at = GeoPointField()


class Sights(StreamHandler):
    """Points."""

    model = Sight
    path = "/sights"


def page_of(*items: dict[str, Any], stream: type[StreamHandler] = Stations) -> Page:
    """Return the page of a stream with some items."""
    client = Client(Brubeck(streams=[stream]), BROWSER)
    if items:
        reply = client.post(stream.path, json=list(items), headers=JSON)
        assert reply.status == 201, reply.text
    return Page(client.get(stream.path))


def points(page: Page) -> list[tuple[float, float]]:
    """Return the longitude and latitude of each point as it is drawn."""
    found = page.all("circle")
    return [(float(each["cx"] or ""), -float(each["cy"] or "")) for each in found]


def window(page: Page) -> list[float]:
    """Return the left and top edge, the width and the height of the map."""
    (found,) = [each for each in page.all("svg") if each["aria-label"] == "Map"]
    return [float(number) for number in (found["viewbox"] or "").split()]


def test_an_item_with_coordinates_is_a_point() -> None:
    """It leads to the item; its size is a field that is called like one."""
    page = page_of(
        {"id": "a", "name": "Ely", "lat": 52.4, "lng": 0.26, "magnitude": 2, "depth": 9},
        {"id": "b", "name": EVIL, "lat": 50, "lng": 0.7, "magnitude": 4, "depth": 1},
        {"id": "c", "name": "Nowhere"},
    )
    assert points(page) == [(0.7, 50), (0.26, 52.4)]  # the largest is below the others
    assert "2 of 3 items, by magnitude from 2 to 4" in page.inside["p"]
    assert "Ely: magnitude 2" in page.inside["title"]
    radii = [float(each["r"] or "") for each in page.all("circle")]
    assert radii[0] > radii[1] > 0
    assert "/stations/a" in [each["href"] for each in page.all("a")]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ([52.4, 0.26], (0.26, 52.4)),
        ({"lat": 52.4, "lng": 0.26}, (0.26, 52.4)),
        ({"x": 0.26, "y": 52.4}, (0.26, 52.4)),
        ([0, 181], (-179, 0)),
        ([91, 0], None),
        ([0, 1e300], None),
        ({"one": 1, "two": 2}, None),
    ],
)
def test_a_point_is_a_latitude_and_a_longitude(at: Any, expected: Any) -> None:
    """One that is not on the Earth is left out."""
    page = page_of({"at": at}, stream=Sights)
    assert points(page) == ([] if expected is None else [expected])
    assert ("No item of this page has coordinates." in page.inside["p"]) == (expected is None)


@pytest.mark.parametrize(
    ("longitudes", "left", "width"),
    [
        ([179, -179], (140, 160), 60),
        ([-10, 10], (-40, -20), 60),
        ([-170, -60, 60, 170], (-180, -180), 360),
        ([-179.9], (-215, -200), 60),
    ],
)
def test_a_window_holds_its_points(
    longitudes: list[float], left: tuple[float, float], width: float
) -> None:
    """Across the antimeridian where that is shorter, with the outline on both of its sides."""
    page = page_of(*({"lat": 10, "lng": each} for each in longitudes))
    west, top, wide, high = window(page)
    assert left[0] <= west <= left[1]
    assert (wide, high) == (width, width / 2)
    assert all(west <= x <= west + wide and -top - high <= y <= -top for x, y in points(page))
    crosses = west < -180 or west + wide > 180
    assert len(page.all("image")) == (2 if crosses else 1)


@pytest.mark.parametrize("latitude", [90, -90, 85])
def test_a_window_ends_at_the_poles(latitude: float) -> None:
    """There is nothing beyond."""
    _, top, _, high = window(page_of({"lat": latitude, "lng": 5}))
    assert top >= -90
    assert top + high <= 90


def test_only_coordinates_make_a_map() -> None:
    """Neither other numbers, nor those that are private; its page alone loads an image."""
    plain = Page(notes_client().get("/notes"))
    assert "Map" not in plain.inside["summary"]
    assert "img-src" not in plain.reply.headers["Content-Security-Policy"]
    hidden = type("Hidden", (Station,), {"_private_fields": ["lat"], "__doc__": "Nowhere."})
    secret = type("Secret", (StreamHandler,), {"model": hidden, "path": "/secret"})
    page = page_of(stream=secret)
    assert "Map" not in page.inside["summary"]
    page = page_of()
    assert "Map" in page.inside["summary"]
    assert "; img-src 'self'; " in page.reply.headers["Content-Security-Policy"]


def test_the_outline_is_loaded_once() -> None:
    """From the program itself; another version of it is asked for again."""
    client = Client(Brubeck(streams=[Stations]), BROWSER)
    client.post("/stations", json={"lat": 1, "lng": 1}, headers=JSON)
    (image,) = Page(client.get("/stations")).all("image")
    reply = client.get(image["href"] or "")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "image/svg+xml"
    assert "immutable" in reply.headers["Cache-Control"]
    assert len(reply.body) < 12_500
    assert client.get("/brubeck/world.svg").headers["Cache-Control"] == "no-cache"
    assert client.get("/brubeck/other.svg").status == 404
    assert reply.text.count("http") == 1  # the name of the format
    assert "script" not in reply.text


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_finds_an_item_on_the_map(week: int, browser: Browser, width: int) -> None:
    """And goes to it by a click; the map is as wide as there is room."""
    with content_person(browser) as page:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"http://127.0.0.1:{week}/quakes?magnitude__gte=4.5&limit=5")
        page.locator("summary", has_text="Map").click()
        box = page.locator("#map svg").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        assert page.locator("#map circle").count() == 5
        point = page.locator("#map a").last
        target = point.get_attribute("href") or ""
        point.click()
        expect(page.get_by_role("heading", name=target.rpartition("/")[2])).to_be_visible()
