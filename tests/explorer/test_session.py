"""The log-in of pages: the way there and back, the caller's name, and the way out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from brubeck import Brubeck
from brubeck.testing import Client
from tests.explorer.members import News, app
from tests.explorer.notes import BROWSER, Page
from tests.servers.browser import content_person
from tests.servers.programs import brubeck_run

SAME = {"Sec-Fetch-Site": "same-origin"}


def known() -> Client:
    """Return Ann's browser."""
    client = Client(app, BROWSER | SAME)
    assert client.post("/login").status == 303
    return client


def session(page: Page) -> tuple[str, list[str | None], list[str | None]]:
    """Return the name in the head of a page, where it leads to log in, and to log out."""
    links = [each["href"] for each in page.all("a") if (each["href"] or "").startswith("/login")]
    forms = [each["action"] for each in page.all("form") if "logout" in (each["action"] or "")]
    return "ann" if "<span>ann</span>" in page.reply.text else "", links, forms


@pytest.mark.parametrize(
    ("target", "after"),
    [
        ("/posts?text=", "/posts%3Ftext%3D"),
        ("/posts/never?fields=text", "/posts/never%3Ffields%3Dtext"),
    ],
)
def test_a_browser_is_sent_to_log_in(target: str, after: str) -> None:
    """And comes back to where it was; programs are told 401."""
    reply = Client(app, BROWSER).get(target)
    assert (reply.status, reply.headers["Location"]) == (302, f"/login?next={after}")
    assert reply.headers["Cache-Control"] == "no-store"
    assert Client(app).get(target).status == 401
    assert known().get(target).status in (303, 404)


def test_what_was_typed_is_not_lost() -> None:
    """A form of somebody whose session is over is answered by a page, with the way in."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = Client(app, BROWSER | SAME).post("/posts", body=b"action=create", headers=form)
    assert reply.status == 401
    assert "/login" in [each["href"] for each in Page(reply).all("a")]


def test_nobody_is_sent_where_a_log_in_does_not_help() -> None:
    """A stream without a cookie among its schemes asks for credentials itself."""
    reply = Client(app, BROWSER).get("/machine")
    assert reply.status == 401
    assert "Basic" in reply.headers["WWW-Authenticate"]
    assert session(Page(reply))[1]


@pytest.mark.parametrize("target", ["/", "/news", "/news/never", "/nowhere", "/broken"])
def test_a_page_for_everybody_knows_its_caller(target: str) -> None:
    """It has the way in, or the name and the way out; no shared cache keeps one with a name."""
    stranger = Page(Client(app, BROWSER).get(target))
    assert session(stranger) == ("", [f"/login?next={target}"], [])
    page = Page(known().get(target))
    assert session(page) == ("ann", [], ["/logout"])
    assert "no-store" in page.reply.headers["Cache-Control"]
    assert "Cookie" in page.reply.headers["Vary"].title()
    bad = Page(Client(app, BROWSER).get(target, headers={"Cookie": "session=nonsense"}))
    assert session(bad)[0] == ""


def test_no_browser_keeps_a_page_that_was_made_for_a_caller() -> None:
    """After the log-out, and the log-in of another, its Back button showed it."""
    client = known()
    made = client.post("/posts", json={"text": "secret"})
    assert made.status == 201
    for target in ("/posts", "/posts?text=secret", made.headers["Location"], "/posts/never"):
        page = client.get(target)
        assert page.headers["Content-Type"].startswith("text/html")
        assert "no-store" in page.headers["Cache-Control"], target


def test_a_program_without_a_log_in_has_none() -> None:
    """Nor is its index one caller's."""
    page = Page(Client(Brubeck(streams=[News]), BROWSER).get("/", headers={"Cookie": "a=b"}))
    assert session(page) == ("", [], [])
    assert "Cookie" not in page.reply.headers["Vary"]
    assert page.reply.headers["Cache-Control"] == "no-cache"


def test_a_page_of_members_has_its_name() -> None:
    """And its tag is not that of another caller's page."""
    page = Page(known().get("/posts"))
    assert session(page) == ("ann", [], ["/logout"])
    assert page.reply.headers["Cache-Control"].startswith("private")
    stranger = Client(app, BROWSER).get("/news").headers["ETag"]
    assert known().get("/news", headers={"If-None-Match": stranger}).status == 200


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/nowhere", 404, "No resource exists at /nowhere."),
        ("/%3Cscript%3E", 404, "<script>"),
        ("/broken", 500, "Server error, request"),
    ],
)
def test_an_error_outside_streams_is_a_page(target: str, status: int, words: str) -> None:
    """For browsers; for programs it is a problem."""
    reply = Client(app, BROWSER).get(target)
    page = Page(reply)
    assert reply.status == status
    assert words in page.inside["p"]
    assert "secret" not in reply.text
    assert "Accept" in reply.headers["Vary"]
    assert not page.all("script")
    for accept in ("*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"):
        reply = Client(app).get(target, headers={"Accept": accept})
        assert reply.status == status
        assert reply.headers["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_there_is_a_page() -> None:
    """With the methods that are."""
    reply = Client(app, BROWSER | SAME).post("/broken")
    assert Page(reply).reply.status == 405
    assert "GET" in reply.headers["Allow"]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the program."""
    with brubeck_run("tests.explorer.members:app") as program:
        yield program.port


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_logs_in_and_out(port: int, browser: Browser, width: int) -> None:
    """From a page, back to it, and out again."""
    base = f"http://127.0.0.1:{port}"
    with content_person(browser, but="404") as page:
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{base}/posts?limit=2")
        page.get_by_role("button", name="Enter").click()
        expect(page).to_have_url(f"{base}/posts?limit=2")
        expect(page.locator("header")).to_contain_text("ann")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_url(f"{base}/")
        page.get_by_role("link", name="Log in").click()
        page.get_by_role("button", name="Enter").click()
        expect(page).to_have_url(f"{base}/")
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
