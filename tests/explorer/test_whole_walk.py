"""One walk through all that a reader and a writer can do, on each screen and in each theme."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.browser import content_person
from tests.servers.programs import brubeck_run
from tests.soak import SOAK

SCREENS: Final = {"desktop": (1280, 900), "phone": (390, 844)}


def write(port: int, method: str, path: str, body: object) -> None:
    """Write something without the browser."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    assert connection.getresponse().status in (200, 201)
    connection.close()


@pytest.mark.parametrize(
    ("screen", "theme"),
    [
        *(("desktop", "light"), ("phone", "dark")),
        *((("desktop", "dark"), ("phone", "light")) if SOAK else ()),
    ],
)
def test_a_walk_from_the_index_to_the_last_change(
    browser: Browser, screen: str, theme: Literal["light", "dark"]
) -> None:
    """Without a complaint of the browser, but for answers that are errors on purpose."""
    width, height = SCREENS[screen]
    with (
        brubeck_run("tests.explorer.week:app") as program,
        content_person(browser, but="Failed to load resource") as page,
    ):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        read(page, f"http://127.0.0.1:{program.port}")
        follow(page, program.port)
        change(page, program.port)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def read(page: Page, base: str) -> None:
    """Go from the index to a filtered page, a time, the map, and an item."""
    page.goto(f"{base}/")
    page.get_by_role("link", name="Earthquakes").click()
    expect(page.get_by_text("1,707 items")).to_be_visible()
    page.locator("summary", has_text="Filter").click()
    page.locator("input[name=magnitude__gte]").fill("4")
    page.get_by_role("button", name="Show").first.click()
    expect(page.get_by_text("128 items")).to_be_visible()
    page.get_by_role("link", name="us", exact=True).first.click()  # a facet
    expect(page.get_by_text("124 items")).to_be_visible()
    page.get_by_role("link", name="Older").first.click()
    first = page.locator("[data-id]").first.get_attribute("data-id")
    page.locator("#times svg a").first.click()  # a bar of the histogram
    expect(page.locator("[data-id]").first).not_to_have_attribute("data-id", first or "")
    page.locator("summary", has_text="Map").click()
    point = page.locator("details[open] svg[aria-label=Map] a").first
    expect(point).to_be_visible()
    page.locator("summary", has_text="Map").click()
    page.locator("[data-id] a").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Back to Earthquakes").click()
    page.get_by_role("link", name="Without magnitude").click()


def follow(page: Page, port: int) -> None:
    """See a new item within a second, without a reload."""
    page.goto(f"http://127.0.0.1:{port}/notes")
    page.get_by_role("button", name="Follow live").click()
    expect(page.locator("#said")).to_have_text("Live.")
    write(port, "POST", "/notes", {"id": "live", "text": "just now"})
    expect(page.locator("[data-id=live]")).to_be_visible(timeout=1000)
    page.get_by_role("button", name="Stop").click()


def change(page: Page, port: int) -> None:
    """Create with an error and without, meet somebody else's change, and delete."""
    page.goto(f"http://127.0.0.1:{port}/quakes")
    page.locator("summary", has_text="New item").click()
    page.locator("[name='item.place']").fill("x" * 201)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("String value is too long")).to_be_visible()
    page.locator("[name='item.place']").fill("Nowhere")
    page.locator("input[name='item.id']").fill("mine")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    page.locator("summary", has_text="Edit").click()
    write(port, "PATCH", "/quakes/mine", {"place": "Somewhere else"})
    page.locator("[name='item.place']").fill("Here")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somewhere else").first).to_be_visible()
    expect(page.locator("[name='item.place']")).to_have_value("Here")
    page.goto(f"http://127.0.0.1:{port}/quakes/mine")
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Earthquakes")).to_be_visible()
    expect(page.get_by_text("1,707 items")).to_be_visible()
