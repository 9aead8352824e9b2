"""People log in and out in a real browser, and pages of other sites do neither."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import wait_until
from tests.servers.browser import person, running_chromium
from tests.servers.mongrel2 import running_mongrel2
from tests.servers.programs import ROOT, brubeck_run

PROGRAM = "examples.demo_login:app"
PASSWORD = " take five "
"""With a space at either end, which nobody may strip."""
ELSEWHERE = ["//evil.example/", "/\\evil.example/", "https://evil.example/", "/\t/evil.example/"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser for all that happens here."""
    with running_chromium() as found:
        yield found


@pytest.fixture(scope="module", params=["embedded", "mongrel2"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the program with its one user, and yield where it is."""
    store = f"sqlite:///{tmp_path_factory.mktemp('login')}/login.db"
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "brubeck", "user", "add", PROGRAM, "paul"],
        env={"BRUBECK_STORAGE_DEFAULT": store},
        cwd=ROOT,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    with ExitStack() as stack:
        listen, port = "http://127.0.0.1:0", 0
        if request.param == "mongrel2":
            front = stack.enter_context(running_mongrel2())
            listen, port = f"{front.send_spec},{front.recv_spec}", front.port
        program = stack.enter_context(brubeck_run(PROGRAM, listen=listen, storage_default=store))
        port = port or program.port
        # Mongrel2 hands a request to whoever is connected, which we may not yet be.
        wait_until(lambda: ask(port, "GET", "/login")[0] == 200, seconds=30)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page of somebody who was never here before."""
    with person(browser) as found:
        yield found


def ask(port: int, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    """Ask without a browser; return the status and where the answer leads."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location") or ""
    finally:
        connection.close()


def log_in(page: Page, name: str = "paul", password: str = PASSWORD) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_the_way_in_and_out(site: str, page: Page) -> None:
    """To the page that was wanted; and after the log-out no step back shows it."""
    page.goto(f"{site}/rooms/five")
    expect(page).to_have_url(f"{site}/login?next=/rooms/five")
    expect(page.get_by_label("Name")).to_be_focused()
    for name, password in (("paul", "take six"), ("ringo", PASSWORD)):
        with page.expect_response("**/login") as answer:
            log_in(page, name, password)
        assert answer.value.status == 422
        expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
        expect(page.get_by_label("Name")).to_have_value(name)
        expect(page.get_by_label("Password")).to_have_value("")
    log_in(page)
    expect(page).to_have_url(f"{site}/rooms/five")
    expect(page.get_by_role("heading")).to_have_text("Take five, paul!")
    page.goto(f"{site}/")
    page.get_by_role("link", name="a room").click()
    expect(page.get_by_text("This is rooms/five.")).to_be_visible()
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("session", True, "Lax")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{site}/login")
    assert page.context.cookies() == []
    page.go_back()
    expect(page).to_have_url(f"{site}/login?next=/rooms/five")
    assert "Take five" not in page.content()


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_leads_home_instead_of_elsewhere(site: str, page: Page, target: str) -> None:
    """Also if somebody's link has said otherwise, and a wrong password was in between."""
    page.goto(f"{site}/login?next={quote(target)}")
    log_in(page, password="take six")
    expect(page.get_by_role("alert")).to_be_visible()
    log_in(page)
    expect(page).to_have_url(f"{site}/")


@contextmanager
def another_site(host: str, action: str, **fields: str) -> Iterator[str]:
    """Serve a page elsewhere with a button that sends a form here, and yield where it is."""
    inputs = "".join(f'<input name="{n}" value="{escape(v)}">' for n, v in fields.items())
    text = f'<form method="post" action="{action}">{inputs}<button>Win!</button></form>'.encode()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{host}:{server.server_port}/"
        finally:
            server.shutdown()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_elsewhere_logs_nobody_in(site: str, page: Page, host: str) -> None:
    """With whatever name and password, be it another site or a neighbour at another port."""
    with another_site(host, f"{site}/login", name="paul", password=PASSWORD) as elsewhere:
        page.goto(elsewhere)
        with page.expect_response("**/login") as answer:
            page.get_by_role("button").click()
    assert answer.value.status == 403
    assert page.context.cookies() == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_elsewhere_logs_nobody_out(site: str, page: Page, host: str) -> None:
    """Though the neighbour's request has the cookie."""
    page.goto(f"{site}/login")
    log_in(page)
    expect(page).to_have_url(f"{site}/")
    with another_site(host, f"{site}/logout") as elsewhere:
        page.goto(elsewhere)
        with page.expect_response("**/logout") as answer:
            page.get_by_role("button").click()
    assert answer.value.status == 403
    page.goto(f"{site}/")
    expect(page.get_by_role("heading")).to_have_text("Take five, paul!")


def test_without_a_browser(site: str) -> None:
    """A program says where it comes from, or is refused."""
    port = int(site.rpartition(":")[2])
    form = urlencode({"name": "paul", "password": PASSWORD, "next": "/rooms/five"})
    assert ask(port, "POST", "/login", form, Origin=site) == (303, "/rooms/five")
    assert ask(port, "POST", "/login", form)[0] == 403
    assert ask(port, "POST", "/logout")[0] == 403
    assert ask(port, "GET", "/logout")[0] == 405
    assert ask(port, "GET", "/rooms/five", Cookie="session=x") == (302, "/login?next=/rooms/five")


def test_its_first_lines_are_how_to_run_it() -> None:
    """The commands are those that the tests use."""
    text = (ROOT / "examples" / "demo_login.py").read_text()
    assert f"    brubeck user add {PROGRAM} paul\n    brubeck run {PROGRAM}\n" in text
