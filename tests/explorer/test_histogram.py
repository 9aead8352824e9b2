"""The histogram of a stream's page: its bars, where they lead, and what they cost and reveal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from brubeck import Brubeck
from brubeck.explorer.histogram import HEIGHT, MAX_BARS, sparkline_of
from brubeck.explorer.sample import SAMPLE
from brubeck.storage import Record
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, Notes, Page
from tests.explorer.test_filters import Cards
from tests.servers.browser import content_person, person

HOUR = 3_600_000
JSON = {"Accept": "*/*"}


def client_of(times: list[int], **more: Any) -> Client:
    """Return a browser of a stream with an item at each of some times."""
    client = Client(Brubeck(streams=[Notes]), BROWSER)
    items = [{"id": f"n{at}", "created_at": time, **more} for at, time in enumerate(times)]
    for start in range(0, len(items), 1000):
        client.post("/notes", json=items[start : start + 1000], headers=JSON)
    return client


def bars(page: Page) -> list[str]:
    """Return where the bars lead."""
    found = [each["href"] or "" for each in page.all("a")]
    return [href for href in found if "before=" in href or "after=" in href]


def shown(client: Client, target: str) -> list[int]:
    """Return the times of the items of a page."""
    found = client.get(target, headers=JSON).json()["data"]
    return [each["created_at"] for each in found]


def test_each_bar_leads_to_its_time() -> None:
    """And keeps the filters; in the other order it leads to its beginning."""
    times = [0, 5 * HOUR, 5 * HOUR + 1, 9 * HOUR]
    client = client_of(times, kind="blue")
    links = [href for href in bars(Page(client.get("/notes?kind=blue"))) if "~" not in href]
    assert [shown(client, each)[0] for each in links] == [0, 5 * HOUR + 1, 9 * HOUR]
    assert all(each.startswith("/notes?kind=blue&before=") for each in links)
    links = bars(Page(client.get("/notes?order=oldest")))
    assert [shown(client, each)[0] for each in links if "~" not in each] == [0, 5 * HOUR, 9 * HOUR]


def test_the_bars_of_the_page_are_marked() -> None:
    """Those with the times of its items."""
    client = client_of([0, 5 * HOUR, 9 * HOUR])
    page = Page(client.get("/notes?limit=1"))
    assert [each["class"] for each in page.all("a") if each.get("class")] == ["skip", "on"]


@pytest.mark.parametrize("times", [[], [5], [5, 5, 5], [100, 999]])
def test_one_bar_is_no_histogram(times: list[int]) -> None:
    """It would say nothing."""
    assert not Page(client_of(times).get("/notes")).all("svg")


@pytest.mark.parametrize("times", [[-62_135_596_800_000, 253_402_300_799_999], [-1, 0, 10**12]])
def test_any_time_has_its_bar(times: list[int]) -> None:
    """From the first moment to the last one."""
    client = client_of(times)
    links = [href for href in bars(Page(client.get("/notes"))) if "~" not in href]
    assert shown(client, links[0])[0] == times[0]
    assert shown(client, links[-1])[0] == times[-1]


def test_a_long_stream_is_sampled() -> None:
    """The page says so, and leads to what is earlier; the oldest bar may have more items."""
    client = client_of([at * HOUR // 10 for at in range(2 * SAMPLE)])
    page = Page(client.get("/notes"))
    assert len(bars(page)) <= MAX_BARS + 2
    assert f"the newest {SAMPLE:,}" in page.reply.text
    assert page.reply.text.count("or more</title>") == 1
    (earlier,) = [each["href"] for each in page.all("a") if "until=" in (each["href"] or "")]
    before = Page(client.get(earlier or ""))
    assert before.reply.text.count("<title>") > 10


def test_large_items_end_a_sample_early() -> None:
    """The page says how many were counted."""
    client = client_of([at * HOUR for at in range(60)], text="x" * 100_000)
    page = Page(client.get("/notes"))
    counted = int(page.reply.text.partition("the newest ")[2].partition(" ")[0])
    assert 10 < counted < 60
    assert len(page.all("svg")) == 1


def test_a_write_is_counted_at_once() -> None:
    """However often the page was read before."""
    client = client_of([0, HOUR])
    for _ in range(4):
        page = Page(client.get("/notes"))
    text = page.reply.text
    client.post("/notes", json={"created_at": HOUR + 1}, headers=JSON)
    changed = Page(client.get("/notes")).reply.text
    assert changed != text
    assert ": 2 items</title>" in changed
    assert ": 2 items</title>" not in text


def test_a_histogram_is_the_callers() -> None:
    """Nobody learns when others have written."""
    app = Brubeck(streams=[Cards])
    for name in ("ann", "ben", "ben", "ben"):
        client = Client(app, {"X-Caller": name})
        assert client.post("/cards", json={"suit": "hearts"}).status == 201
    page = Page(Client(app, BROWSER).get("/cards", headers={"X-Caller": "ann"}))
    assert not page.all("svg")


def records(*times: int) -> list[Record]:
    """Return records, the newest first."""
    return [Record(f"r{time}", time, 1, b"{}") for time in sorted(times, reverse=True)]


@pytest.mark.parametrize(
    ("age", "period"),
    [(0.02, "hour"), (0.5, "day"), (3, "week"), (20, "month")],
)
def test_a_sparkline_has_the_period_of_its_stream(age: float, period: str) -> None:
    """The shortest that shows all of it."""
    now = 1517966773840
    spark = sparkline_of(records(now, now - int(age * 24 * HOUR)), whole=True)
    assert spark is not None
    assert spark.period == period
    assert max(spark.heights) == spark.heights[-1] == HEIGHT
    assert spark.words.startswith("2 items in the ")


def test_a_sparkline_of_an_old_stream_is_of_its_last_month() -> None:
    """One bar says nothing."""
    now, day = 1517966773840, 24 * HOUR
    spark = sparkline_of(records(now, now - 5 * day, now - 400 * day), whole=True)
    assert spark is not None
    assert spark.words == "2 items in the month to 8 Feb 2018 00:00 UTC"
    assert sparkline_of(records(now, now - 400 * day), whole=True) is None


def test_a_sparkline_has_no_bar_that_was_not_counted_whole() -> None:
    """Of a sample, the period is one that it covers; without any there is none."""
    now = 1517966773840
    spark = sparkline_of(records(now, now - 3 * HOUR, now - 26 * HOUR), whole=False)
    assert spark is not None
    assert spark.period == "day"
    assert sparkline_of(records(now, now - 5), whole=False) is None
    assert sparkline_of(records(now), whole=True) is None
    assert sparkline_of([], whole=True) is None


@pytest.fixture
def wide(browser: Browser) -> Iterator[Any]:
    """Yield a page that complains of nothing."""
    with content_person(browser) as page:
        page.set_viewport_size({"width": 1280, "height": 900})
        yield page


def test_a_person_jumps_to_a_time(week: int, wide: Any) -> None:
    """By a click on a bar, as low as it may be, and by the keyboard; and pages on from there."""
    wide.goto(f"http://127.0.0.1:{week}/quakes")
    bar = wide.locator("#times svg a").nth(9)
    name = bar.locator("title").text_content()
    bar.locator("path").first.click(position={"x": 5, "y": 2})
    expect(wide.locator("#times a.on title").first).to_have_text(name)
    assert name.startswith(wide.locator("td[data-of=created_at]").first.inner_text()[:5].strip())
    wide.get_by_role("link", name="Newer").first.click()
    wide.locator("#times svg a").nth(2).focus()
    wide.keyboard.press("Enter")
    expect(wide.locator("#times svg a").nth(2)).to_have_class("on")


def test_a_phone_has_it_too(week: int, browser: Browser) -> None:
    """As wide as the screen."""
    with person(browser) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"http://127.0.0.1:{week}/quakes")
        box = page.locator("#times svg").bounding_box()
        assert box is not None
        assert 300 < box["width"] <= 390
