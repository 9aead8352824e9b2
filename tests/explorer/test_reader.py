"""What a page does for its reader: columns that it remembers, local times, and things to copy."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.explorer.python_program import python_program
from brubeck.streams import StreamHandler
from brubeck.testing import Client
from tests.explorer import notes
from tests.explorer.notes import BROWSER, notes_client


def heads(client: Client, target: str = "/notes") -> list[str | None]:
    """Return the columns of a page."""
    return [each["data-name"] for each in notes.page(client, target).all("th")]


def test_columns_are_remembered() -> None:
    """By a cookie of the stream's path, until they are forgotten; a URL with columns wins."""
    client = notes_client()
    reply = client.get("/notes?kind=&fields=weight&fields=text&limit=2&remember=yes")
    assert (reply.status, reply.headers["Location"]) == (303, "/notes?limit=2")
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith("columns=weight.text; ")
    assert "Path=/notes" in cookie
    assert "no-store" in reply.headers["Cache-Control"]
    assert heads(client) == ["weight", "text", "id"]
    assert heads(client, "/notes?fields=done") == ["done", "id"]
    reply = client.get("/notes?remember=no&fields=weight")
    assert (reply.status, reply.headers["Location"]) == (303, "/notes")
    assert "text" in heads(client)
    assert len(heads(client)) > 3


def test_no_shared_cache_keeps_the_columns_of_a_reader() -> None:
    """Nor do others get the tag of that page."""
    client = notes_client()
    stranger = client.get("/notes")
    assert stranger.headers["Cache-Control"] == "no-cache"
    client.get("/notes?fields=text&remember=yes")
    page = client.get("/notes")
    assert page.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in page.headers["Vary"]
    assert page.headers["ETag"] != stranger.headers["ETag"]
    tag = {"If-None-Match": stranger.headers["ETag"]}
    assert client.get("/notes", headers=tag).status == 200
    assert client.get("/notes", headers={"Accept": "*/*"}).json()["data"][0]["updated_at"]


@pytest.mark.parametrize(
    "cookie", ["columns=", "columns=nothing", "columns=secret", "columns=%00.%", "columns=..", "x"]
)
def test_a_cookie_that_makes_no_sense_is_passed_over(cookie: str) -> None:
    """Whatever is in it; private fields stay private."""
    client = notes_client()
    expected = heads(client)
    client.headers["Cookie"] = cookie
    assert heads(client) == expected


def test_a_cookie_of_former_fields_shows_those_that_are_left() -> None:
    """In their order, once each."""
    client = notes_client()
    client.headers["Cookie"] = "columns=gone.weight.text.weight.secret"
    assert heads(client) == ["weight", "text", "id"]


def test_another_site_does_not_choose() -> None:
    """Nor does a field that there is not; a stream may have a filter of that name."""
    client = notes_client()
    target = "/notes?fields=text&remember=yes"
    reply = client.get(target, headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 303
    assert "Set-Cookie" not in reply.headers
    reply = client.get("/notes?fields=nothing&remember=yes")
    assert reply.headers["Location"] == "/notes?fields=nothing"
    assert client.get("/notes?remember=yes", headers={"Accept": "*/*"}).status == 400
    model = type("Memo", (notes.Note,), {"remember": StringField(), "__doc__": "A memo."})
    stream: type[StreamHandler] = type(
        "Memos", (StreamHandler,), {"model": model, "path": "/memos", "filters": ("remember",)}
    )
    reply = Client(Brubeck(streams=[stream]), BROWSER).get("/memos?remember=yes")
    assert reply.status == 200
    assert "Show and remember" not in reply.text


@pytest.mark.parametrize(
    ("pairs", "arguments"),
    [
        ([], {}),
        ([("limit", "5"), ("before", "7"), ("total", "true")], {}),
        ([("kind", 'it\'s "x"\n')], {"kind": 'it\'s "x"\n'}),
        (
            [("kind__in", "a"), ("kind__in", "b"), ("since", "1")],
            {"kind__in": ["a", "b"], "since": "1"},
        ),
    ],
)
def test_a_page_is_a_program(pairs: list[tuple[str, str]], arguments: dict[str, Any]) -> None:
    """With its filters, whatever is in them."""
    tree = ast.parse(python_program("http://localhost/notes", pairs))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.keywords]
    found = {each.arg: ast.literal_eval(each.value) for node in calls for each in node.keywords}
    assert found == arguments


def test_the_program_and_all_formats_work(week: int, browser: Browser) -> None:
    """As they stand on the page."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/quakes?magnitude__gte=6&network=us")
        page.locator("summary", has_text="This as").click()
        names = page.locator(".panel p").first.locator("a").all_inner_texts()
        assert names == ["JSON", "CSV", "NDJSON", "GeoJSON", "Atom", "JSON Feed"]
        program = page.locator("#python").input_value()
        command = page.locator("#curl").input_value()
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.count("'magnitude': 6") == run.stdout.count("\n") >= 1
    assert command == f"curl 'http://127.0.0.1:{week}/quakes?magnitude__gte=6&network=us'"


def berlin(browser: Browser) -> Any:
    """Return a context of a reader in Berlin, who lets pages copy."""
    return browser.new_context(
        timezone_id="Europe/Berlin", permissions=["clipboard-read", "clipboard-write"]
    )


def copied(page: Page) -> str:
    """Return the text of the clipboard."""
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_times_are_those_of_the_reader(week: int, browser: Browser) -> None:
    """UTC is in their titles; an item's own page has both."""
    with berlin(browser) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/quakes")
        time = page.locator("td[data-of=created_at] time").first
        assert time.inner_text() == "7 Feb 2018 02:26"
        assert time.get_attribute("title") == "2018-02-07T01:26:13.840Z"
        assert page.locator("#zone").inner_text() == "Times: Europe/Berlin"
        page.goto(f"http://127.0.0.1:{week}/quakes/ci37868143")
        member = page.locator("dd.t").first
        expect(member).to_contain_text("2018-02-07T01:26:13.840Z (7 Feb 2018 02:26 Europe/Berlin)")


def test_ids_and_commands_are_copied(week: int, browser: Browser) -> None:
    """In the table, on the page of an item, and in the menu."""
    with berlin(browser) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/notes")
        row = page.locator("tbody tr").first
        row.hover()
        row.get_by_label("Copy the id").click()
        expect(row.locator(".copy")).to_have_class("copy done")
        assert copied(page) == row.get_attribute("data-id")
        page.locator("summary", has_text="This as").click()
        page.get_by_label("Copy the command").click()
        page.wait_for_function("navigator.clipboard.readText().then((t) => t.startsWith('curl'))")
        page.goto(f"http://127.0.0.1:{week}/quakes/ci37868143")
        page.get_by_label("Copy the id").click()
        page.wait_for_function("navigator.clipboard.readText().then((t) => t === 'ci37868143')")


def test_live_rows_are_dressed_too(week: int, browser: Browser) -> None:
    """With local times and a button."""
    with berlin(browser) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/notes")
        page.get_by_role("button", name="Follow live").click()
        expect(page.locator("#said")).to_have_text("Live.")
        reply = page.request.post(f"http://127.0.0.1:{week}/notes", data={"text": "live"})
        assert reply.status == 201
        row = page.locator("tbody tr", has_text="live")
        expect(row.locator(".copy")).to_have_count(1)
        expect(row.locator("time[data-local]")).to_have_count(2)


def test_columns_are_remembered_without_a_script(week: int, browser: Browser) -> None:
    """By the form, and forgotten by it."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}/notes")
        page.locator("summary", has_text="Columns").click()
        page.locator("input[name=fields][value=updated_at]").uncheck()
        page.get_by_role("button", name="Show and remember").click()
        page.goto(f"http://127.0.0.1:{week}/notes")
        expect(page.locator("th[data-name=updated_at]")).to_have_count(0)
        page.locator("summary", has_text="Columns").click()
        page.get_by_role("button", name="Forget").click()
        expect(page.locator("th[data-name=updated_at]")).to_have_count(1)
