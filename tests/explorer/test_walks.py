"""The real earthquakes in a real browser: what fits on its screen, and where its links lead."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.explorer.notes import BROWSER
from tests.servers.browser import content_person, person

LARGEST = 60_000
"""The maximal size of a page in bytes, with its style."""
HEIGHTS = """() => [...document.querySelectorAll("tbody tr")].map((row) =>
    row.getBoundingClientRect().height)"""
ON_SCREEN = """() => [...document.querySelectorAll("tbody tr")].filter((row) =>
    row.getBoundingClientRect().bottom <= innerHeight).length"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page that complains of nothing."""
    with content_person(browser) as found:
        found.set_viewport_size({"width": 1280, "height": 900})
        yield found


def test_a_screen_shows_twenty_items(week: int, page: Page) -> None:
    """In rows of at most two lines, and the time of each within the screen."""
    answer = page.goto(f"http://127.0.0.1:{week}/quakes")
    assert answer is not None
    assert len(answer.body()) <= LARGEST
    assert page.evaluate(ON_SCREEN) >= 20
    assert max(page.evaluate(HEIGHTS)) <= 46  # two lines of 20 pixels, and the padding
    box = page.locator("td[data-of=created_at]").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1280
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.parametrize("path", ["/quakes", "/quakes/ci37868143", "/quakes/never", "/quakes?x=1"])
def test_nothing_is_wider_than_a_phone(week: int, browser: Browser, path: str) -> None:
    """Neither on a page nor with its menus open."""
    with person(browser) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"http://127.0.0.1:{week}{path}")
        for menu in page.locator("summary").all():
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            menu.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_page_works_without_its_script(week: int, browser: Browser) -> None:
    """Filters, columns, orders and pages are forms and links."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/quakes")
        assert not page.locator("#live").is_visible()
        page.locator("summary", has_text="Filter").click()
        page.locator("input[name=magnitude__gte]").fill("4")
        page.get_by_role("button", name="Show").first.click()
        assert urlsplit(page.url).query == "magnitude__gte=4&limit=25"
        page.get_by_role("link", name="Older").first.click()
        page.get_by_role("link", name="us", exact=True).first.click()
        page.get_by_role("link", name="Without network = us").click()
        page.get_by_role("link", name="Without magnitude ≥ 4").click()
        assert urlsplit(page.url).query == "limit=25"


def test_every_link_of_a_page_leads_somewhere(week: int, page: Page) -> None:
    """With a 200: pages, items, filters and other shapes."""
    base = f"http://127.0.0.1:{week}"
    connection = HTTPConnection("127.0.0.1", week, timeout=30)
    seen = set()
    for path in ("/quakes", "/quakes?network=ci&magnitude__gte=2", "/quakes/ci37868143"):
        page.goto(f"{base}{path}")
        for href in page.evaluate(
            "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"
        ):
            target = urljoin(base, href)
            if not target.startswith(base) or "#" in target or target in seen:
                continue
            seen.add(target)
            connection.request("GET", target.removeprefix(base), headers=BROWSER)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, target
    assert len(seen) > 50
    connection.close()


def test_an_id_is_whole_on_focus(week: int, page: Page) -> None:
    """And in its title."""
    page.goto(f"http://127.0.0.1:{week}/notes")
    link = page.locator("td[data-of=id] a").first
    whole = link.get_attribute("title")
    assert whole is not None
    assert len(whole) == 36
    page.keyboard.press("Tab")
    link.focus()
    shown = link.evaluate("(a) => getComputedStyle(a, '::after').content")
    assert whole in shown


def test_an_item_is_written_by_forms(week: int, page: Page) -> None:
    """Created, changed and deleted; a browser says by itself that the form is ours."""
    page.goto(f"http://127.0.0.1:{week}/notes")
    page.locator("summary", has_text="New item").click()
    page.locator("textarea[name='item.text']").fill("<b>one</b>\ntwo")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("definition").filter(has_text="<b>one</b>")).to_be_visible()
    page.locator("summary", has_text="Edit").click()
    page.locator("textarea[name='item.text']").fill("three")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("definition").filter(has_text="three")).to_be_visible()
    item = page.url
    page.locator("summary", has_text="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="/notes")).to_be_visible()
    assert item.removeprefix(f"http://127.0.0.1:{week}") not in page.content()


def test_a_reader_comes_back_to_where_they_were(week: int, page: Page) -> None:
    """With the filters and the page that they had; from elsewhere, to where the item is."""
    page.goto(f"http://127.0.0.1:{week}/quakes?network=ci&limit=5")
    page.get_by_role("link", name="Older").first.click()
    before = page.url
    page.locator("td[data-of=id] a").first.click()
    page.get_by_role("link", name="Back to Earthquakes").click()
    assert page.url == before
    page.goto(f"http://127.0.0.1:{week}/quakes/ci37868143")
    page.get_by_role("link", name="Back to Earthquakes").click()
    assert page.locator("tr[data-id]").first.get_attribute("data-id") == "ci37868143"
