"""Every kind of page on a desktop and a phone, light and dark: pictures to be looked at.

They are kept in the folder that ``SCREENSHOTS`` names; the ones in `docs/images` were made so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.browser import content_person
from tests.soak import SOAK

SCREENS: Final = {"desktop": (1280, 900), "phone": (390, 844)}
TALLEST: Final = 1600
"""The height from which on a picture is cut."""


def index(page: Page, base: str) -> None:
    """Show the index of the program."""
    page.goto(f"{base}/")
    expect(page.get_by_role("link", name="Earthquakes")).to_be_visible()


def stream(page: Page, base: str) -> None:
    """Show the earthquakes."""
    page.goto(f"{base}/quakes")
    expect(page.get_by_text("1,707 items")).to_be_visible()


def world(page: Page, base: str) -> None:
    """Show them on the map."""
    page.goto(f"{base}/quakes?magnitude__gte=4")
    page.locator("summary", has_text="Map").click()
    expect(page.locator("svg a").first).to_be_visible()


def item(page: Page, base: str) -> None:
    """Show one of them."""
    page.goto(f"{base}/quakes/us1000chvf")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def form(page: Page, base: str) -> None:
    """Show the form for a new one, with an error at its field."""
    page.goto(f"{base}/quakes")
    page.locator("summary", has_text="New item").click()
    page.locator("input[name='item.place'], textarea[name='item.place']").fill("x" * 201)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("String value is too long")).to_be_visible()


def missing(page: Page, base: str) -> None:
    """Show that there is nothing."""
    page.goto(f"{base}/quakes/never")
    expect(page.get_by_role("heading", name="404")).to_be_visible()


def api(page: Page, base: str) -> None:
    """Show the documentation of the API."""
    page.goto(f"{base}/docs")
    expect(page.get_by_text("Read a page of the timeline").first).to_be_visible()


PAGES: Final[tuple[Callable[[Page, str], None], ...]] = (
    *(index, stream, world, item, form, missing, api),
)


EVERY_LOOK: Final = bool(SOAK or os.environ.get("SCREENSHOTS"))
LOOKS: Final = (
    *(("desktop", "light"), ("phone", "dark")),
    *((("desktop", "dark"), ("phone", "light")) if EVERY_LOOK else ()),
)
"""The combinations of screen and theme of each page: pairs in the short run, all in the soak."""


@pytest.mark.parametrize(("screen", "theme"), LOOKS)
@pytest.mark.parametrize("show", PAGES, ids=[each.__name__ for each in PAGES])
def test_a_page_is_shown(
    week: int,
    browser: Browser,
    tmp_path: Path,
    show: Callable[[Page, str], None],
    screen: str,
    theme: Literal["light", "dark"],
) -> None:
    """No wider than its screen, in the colors of its theme, without an error in the console."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    width, height = SCREENS[screen]
    # A browser says in its console that an answer is an error, which is what some pages are.
    with content_person(browser, but="Failed to load resource") as page:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        show(page, f"http://127.0.0.1:{week}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if show is not api:  # a viewer of others, which is light
            dark = page.evaluate("""() => {
                const ground = getComputedStyle(document.body).backgroundColor.match(/\\d+/g);
                return ground.slice(0, 3).reduce((sum, each) => sum + +each, 0) < 384;
            }""")
            assert dark == (theme == "dark")
        tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": width, "height": max(height, tall)})
        picture = folder / f"{show.__name__}-{screen}-{theme}.png"
        page.screenshot(path=picture)
        assert picture.stat().st_size > 5_000
