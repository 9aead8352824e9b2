"""A stream's page in a real browser: it is as it should look, and follows what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from time import monotonic

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.servers.browser import content_person
from tests.servers.cutting import cutter
from tests.servers.programs import brubeck_run

EVIL = "\"'><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>"


@pytest.fixture
def port() -> Iterator[int]:
    """Serve a stream of its own, and yield its port."""
    with brubeck_run("tests.explorer.quakes:app") as program:
        yield program.port


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page that complains of nothing: neither of a script, nor of its policy."""
    # Of a connection that is cut on purpose every browser says so.
    with content_person(browser, but="net::ERR_") as found:
        yield found


def ask(port: int, method: str, path: str, body: object = None) -> None:
    """Write something without the browser."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        text = body if body is None or isinstance(body, bytes) else json.dumps(body)
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
    expect(page.locator("tbody tr[data-id] td[data-of=id]")).to_have_text(list(names))


def follow(page: Page) -> None:
    """Press the button, and wait until the page says that it follows."""
    page.get_by_role("button", name="Follow live").click()
    expect(page.locator("#said")).to_have_text("Live.")


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
    page.locator("summary", has_text="Filter").click()
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
    page.locator("a[rel=next]").first.click()
    expect_rows(page, "q1", "q0")
    expect(page.get_by_role("button", name="Follow live")).to_have_count(0)
    page.locator("a[rel=prev]").first.click()
    page.get_by_role("link", name="q3").click()
    expect(page.get_by_role("definition").filter(has_text=EVIL)).to_be_visible()
    assert page.evaluate("window.hurt ?? 'unhurt'") == "unhurt"


def test_a_reader_who_scrolled_away_is_left_alone(port: int, page: Page) -> None:
    """And told how many items are new; nothing moves until they come back."""
    for number in range(3):
        happens(port, f"q{number}")
    page.set_viewport_size({"width": 1280, "height": 90})
    page.goto(f"http://127.0.0.1:{port}/quakes")
    follow(page)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    happens(port, "q3")
    happens(port, "q4")
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    expect_rows(page, "q2", "q1", "q0")
    page.get_by_role("button", name="2 new").click()
    expect_rows(page, "q4", "q3", "q2")
    expect(page.get_by_role("button", name="2 new")).to_have_count(0)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    happens(port, "q5")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    expect_rows(page, "q5", "q4", "q3")


TEXTS = {
    "empty": "",
    "plain": "Ely",
    "html": EVIL,
    "entities": "&amp; &lt;b&gt; &#13;",
    "quotes": "a \"b\" 'c' \\ / \\u0041",
    "lines": "a\r\nb\rc\nd\te",
    "controls": "\x01\x0b\x0c\x1f\x7f\x85",
    "separators": "\u2028\u2029\u00a0\ufeff",
    "null": "null",
    "number": "77.0",
    "json": '{"a": [1, 2]}',
    "url": "https://a.example/x?y=1&z=%20#f",
    "no url": "https://a.example/x y",
    "url, unit separator": "https://a.example/\x1f",
    "url, next line": "https://a.example/\x85",
    "url, line separator": "https://a.example/\u2028",
    "url, byte order mark": "https://a.example/\ufeff",
    "url, line feed": "https://a.example/\n",
    "url, umlaut": "https://ä.example/ö",
    "quoted url": 'https://a.example/"><b>',
    "long": "x" * 201,
    "longest": "x" * 200,
    "wide": "\U0001f3b7" * 200,
    "long wide": "\U0001f3b7" * 201,
    "long url": "https://a.example/" + "x" * 300,
    "cut line": "x" * 198 + "\r\n\r\n",
}
NUMBERS = (
    "77.0",
    "77",
    "0",
    "0.0",
    "-0.0",
    "1e16",
    "1e-7",
    "0.00001",
    "123456789012345680.0",
    "9007199254740993",
    "-9223372036854775808",
    "9007199254740993.0",
    "0.30000000000000004",
    "0.1234567890123456789",
    "1.7976931348623157e308",
    "5e-324",
)
VALUES = {
    "true": {"truth": True},
    "false": {"truth": False},
    "none": {"truth": None, "text": None, "number": None},
    "nothing": {},
    "empty dict": {"more": {}},
    "list": {"texts": ["a", "", 'b"c', EVIL, ":,{}[]"]},
    "wide list": {"texts": ["\U0001f3b7é\u2028\r\n\x01"] * 3},
    "long list": {"texts": ["x" * 30] * 30},
    "nested": {"more": {"a": {"b": [1.0, {"c": None}, -0.0, 1e300, True]}, "d e": "}", "f:": ","}},
    "moment": {"moment": "2018-02-07T01:26:13.840123+05:30"},
    "whole moment": {"moment": "2018-02-07T01:26:13Z"},
    "epoch": {"millis": 0},
    "before": {"millis": -1},
    "earliest": {"millis": -62_135_596_800_000},
    "latest": {"millis": 253_402_300_799_999},
    "early year": {"millis": -61_000_000_000_123},
    "time": {"millis": 1_517_966_773_840},
}
SHOWN = [
    *((f"number {each}", f'{{"number": {each}, "more": {{"n": [{each}]}}}}') for each in NUMBERS),
    *((f"text {name}", json.dumps({"text": text})) for name, text in TEXTS.items()),
    *((name, json.dumps(value)) for name, value in VALUES.items()),
]


def test_a_live_row_is_the_row_of_a_reload(port: int, page: Page) -> None:
    """The text and the HTML of each cell, for every kind of value and both ways of writing."""
    page.goto(f"http://127.0.0.1:{port}/values")
    follow(page)
    for number, (_, body) in enumerate(SHOWN):
        ask(port, "PUT", f"/values/v{number}", body.encode())
    ask(port, "PUT", "/values/v0", b'{"number": 1.0}')  # a row that is replaced
    ask(port, "POST", "/values", {"id": "last", "text": "last"})
    expect(page.locator("tr[data-id=last]")).to_have_count(1)
    cells = """() => Object.fromEntries([...document.querySelectorAll("tbody tr")].map((row) =>
        [row.dataset.id, [...row.cells].map((cell) => [cell.textContent, cell.outerHTML])]))"""
    live = page.evaluate(cells)
    page.reload()
    reloaded = page.evaluate(cells)
    assert len(live) == len(SHOWN) + 1
    for number, (name, body) in enumerate(SHOWN):
        assert live[f"v{number}"] == reloaded[f"v{number}"], f"{name}: {body}"
    assert live == reloaded
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


@pytest.fixture
def refused_page(browser: Browser) -> Iterator[Page]:
    """Yield a page with requests that fail; every browser complains of these."""
    with content_person(browser, but="Failed to load resource") as found:
        yield found


def test_a_server_that_asks_to_wait_is_not_asked_meanwhile(port: int, refused_page: Page) -> None:
    """Whoever may write had each follower use up its rate: one asked 100 times in vain."""
    page = refused_page
    page.goto(f"http://127.0.0.1:{port}/quakes")
    follow(page)
    asked: list[float] = []

    def answer(route: Route) -> None:
        asked.append(monotonic())
        if len(asked) < 3:
            route.fulfill(status=429, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route(f"http://127.0.0.1:{port}/quakes", answer)
    happens(port, "one")
    expect(page.locator("#said")).to_have_text("Waiting…")
    expect(page.locator("tr[data-id=one]")).to_have_count(1, timeout=30_000)
    expect(page.locator("#said")).to_have_text("Live.")
    assert len(asked) == 3
    assert min(after - before for before, after in pairwise(asked)) > 0.9


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_page_that_may_not_be_read_any_more_is_not_live(
    port: int, refused_page: Page, status: int
) -> None:
    """It says so, and asks no more."""
    page = refused_page
    page.goto(f"http://127.0.0.1:{port}/quakes")
    follow(page)
    page.route(f"http://127.0.0.1:{port}/quakes", lambda route: route.fulfill(status=status))
    happens(port, "one")
    expect(page.locator("#said")).to_have_text("Please load the page again.")
