"""A stream's page in a real browser: it is as it should look, and follows what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers.browser import person, running_chromium
from tests.servers.cutting import cutter
from tests.servers.programs import brubeck_run

EVIL = "\"'><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser for all that happens here."""
    with running_chromium() as found:
        yield found


@pytest.fixture
def port() -> Iterator[int]:
    """Serve a stream of its own, and yield its port."""
    with brubeck_run("tests.streams.quakes:app") as program:
        yield program.port


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page that complains of nothing: neither of a script, nor of its policy."""
    complaints: list[str] = []
    with person(browser) as found:
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on("console", lambda told: complaints.append(told.text))
        yield found
        # Of a connection that is cut on purpose every browser says so.
        assert [each for each in complaints if "net::ERR_" not in each] == []


def ask(port: int, method: str, path: str, body: object = None) -> None:
    """Write something without the browser."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status in (200, 201, 204), answer.read()
    finally:
        connection.close()


def happens(port: int, name: str, magnitude: float = 5, place: str = "At sea") -> None:
    """Let an earthquake happen."""
    ask(port, "POST", "/quakes", {"id": name, "place": place, "magnitude": magnitude})


def expect_rows(page: Page, *names: str) -> None:
    """Wait until the table shows these and no others, in this order."""
    expect(page.locator("tbody tr td:first-child")).to_have_text(list(names))


def follow(page: Page) -> None:
    """Press the button, and wait until the page says that it follows."""
    page.get_by_role("button", name="Follow live").click()
    expect(page.get_by_role("status")).to_have_text("Live.")


def test_new_rows_appear_without_a_reload(port: int, page: Page) -> None:
    """And change, and go; until it is told to stop."""
    page.goto(f"http://127.0.0.1:{port}/quakes")
    expect(page.get_by_text("Nothing here.")).to_be_visible()
    page.evaluate("window.loaded = 'once'")
    follow(page)
    happens(port, "one")
    expect_rows(page, "one")
    expect(page.get_by_text("Nothing here.")).to_have_count(0)
    happens(port, "two", place=EVIL)
    expect_rows(page, "two", "one")
    expect(page.locator("tr[data-id=two]")).to_contain_text(EVIL)
    ask(port, "PATCH", "/quakes/one", {"place": "On land"})
    expect(page.locator("tr[data-id=one]")).to_contain_text("On land")
    ask(port, "DELETE", "/quakes/two")
    expect_rows(page, "one")
    page.get_by_role("button", name="Stop").click()
    happens(port, "three")
    follow(page)
    expect_rows(page, "three", "one")
    assert page.evaluate("[window.loaded, window.hurt ?? 'unhurt']") == ["once", "unhurt"]


def test_what_is_asked_for_is_what_is_followed(port: int, page: Page) -> None:
    """The form asks for it; what does not match, or no more, is not there."""
    happens(port, "small", 2)
    page.goto(f"http://127.0.0.1:{port}/quakes")
    expect_rows(page, "small")
    page.locator("input[name=magnitude__gte]").fill("4")
    page.get_by_role("button", name="Show").click()
    expect_rows(page)
    follow(page)
    for name, magnitude in (("large", 6.5), ("tiny", 1), ("great", 8)):
        happens(port, name, magnitude)
    expect_rows(page, "great", "large")
    ask(port, "PATCH", "/quakes/great", {"magnitude": 3})
    expect_rows(page, "large")


def test_pages_are_a_click_away(port: int, page: Page) -> None:
    """Older, newer, and one by itself."""
    for number in range(5):
        happens(port, f"q{number}", place=EVIL)
    page.goto(f"http://127.0.0.1:{port}/quakes")
    expect_rows(page, "q4", "q3", "q2")
    page.locator("a[rel=next]").click()
    expect_rows(page, "q1", "q0")
    expect(page.get_by_role("button", name="Follow live")).to_have_count(0)
    page.locator("a[rel=prev]").click()
    page.get_by_role("link", name="q3").click()
    expect(page.get_by_text(EVIL)).to_be_visible()
    assert page.evaluate("window.hurt ?? 'unhurt'") == "unhurt"


def test_who_is_cut_off_misses_nothing(port: int, page: Page) -> None:
    """The browser comes back by itself, to where it was; nothing is shown twice."""
    with cutter(port) as way:
        page.goto(f"http://127.0.0.1:{way.port}/quakes")
        follow(page)
        happens(port, "before")
        expect_rows(page, "before")
        way.cut()
        happens(port, "meanwhile")
        expect_rows(page, "meanwhile", "before")
        happens(port, "after")
        expect_rows(page, "after", "meanwhile", "before")
