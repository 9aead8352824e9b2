"""Handlers that know their user, and methods that ask for one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck, WebMessageHandler, handlers
from brubeck.auth import (
    Account,
    BadCredentials,
    BasicAuth,
    UserHandlingMixin,
    authenticated,
    hash_password,
    web_authenticated,
)
from brubeck.auth.next_url import is_local, with_next
from brubeck.http import Headers, Problem, Request, Response
from brubeck.templating import Jinja2Rendering, load_jinja2_env
from brubeck.testing import Client, Reply

SITE = "https://ours.example/login"
BROWSERS_DROP = re.compile(r"^[\x00-\x20]+|[\x00-\x20]+$|[\t\r\n]")


class Page(WebMessageHandler, UserHandlingMixin):
    """Asks in both ways; who says ``X-User`` is let in."""

    asked: list[str] = []

    def get_current_user(self) -> object:
        self.asked.append("user")
        name = self.message.header("x-user")
        if name == "bad":
            raise BadCredentials("There is no such user.", challenge="Secret realm")
        if name == "banned":
            raise Problem(403, "Not you.")
        return name

    def get_current_userprofile(self) -> object:
        self.asked.append("profile")
        return {"name": self.current_user} if self.current_user else None

    @web_authenticated
    def get(self, name: str = "") -> Response:
        """Say who."""
        profile = self.current_userprofile
        assert profile is self.current_userprofile
        self.set_body(f"{self.current_user} {profile['name']} {name}")
        return self.render()

    @web_authenticated
    def post(self, name: str = "") -> Response:
        return self.get(name)

    @authenticated
    def put(self, name: str = "") -> Response:
        return self.get(name)

    def delete(self, name: str = "") -> Response:
        return self.render(status_code=204)


class Back(WebMessageHandler, UserHandlingMixin):
    """Leads to where somebody wanted to go."""

    def get(self) -> Response:
        return self.redirect(self.next_url("/home"))


def client(login_url: str | None = "/login", **options: Any) -> Client:
    Page.asked = []
    routes = [(r"^/page/?(.*)$", Page), (r"^/back$", Back)]
    return Client(Brubeck(handler_tuples=routes, login_url=login_url, **options))


@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_a_known_user_is_let_in_and_asked_for_once(method: str) -> None:
    """The arguments of the path come through, and the profile is asked for once, too."""
    reply = getattr(client(), method)("/page/five", headers={"X-User": "paul"})
    assert (reply.status, reply.text) == (200, "paul paul five")
    assert Page.asked == ["user", "profile"]


def test_nobody_is_asked_for_who_is_not_wanted() -> None:
    """A method without a decorator does not know who calls it."""
    assert client().delete("/page").status == 204
    assert Page.asked == []


def test_a_program_is_told_401() -> None:
    """With a way in, and why; a problem of one's own stays what it is."""
    reply = client().put("/page")
    assert (reply.status, reply.json()["detail"]) == (401, "Log in first.")
    assert reply.headers["WWW-Authenticate"] == "Custom"
    reply = client().put("/page", headers={"X-User": "bad"})
    assert (reply.status, reply.json()["detail"]) == (401, "There is no such user.")
    assert reply.headers["WWW-Authenticate"] == "Secret realm"
    assert Page.asked == ["user"]
    assert client().put("/page", headers={"X-User": "banned"}).status == 403


def test_a_person_is_sent_to_log_in() -> None:
    """With the page that was wanted; bad credentials are none."""
    for headers in ({}, {"X-User": "bad"}):
        reply = client().get("/page/five?page=2&next=//x", headers=headers)
        assert reply.status == 302
        assert reply.headers["Location"] == "/login?next=/page/five%3Fpage%3D2%26next%3D//x"
        assert reply.headers["Cache-Control"] == "no-store"
    reply = client("https://id.example/in?as=1#top").head("/page")
    assert reply.headers["Location"] == "https://id.example/in?as=1&next=/page#top"


def test_a_write_is_not_sent_again() -> None:
    """The page to log in is asked for by GET, and where to go after is the program's to say."""
    reply = client().post("/page/five", body="a=b")
    assert (reply.status, reply.headers["Location"]) == (303, "/login")


@pytest.mark.parametrize("login_url", [None, ""])
def test_without_a_login_url_it_is_401(
    login_url: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says what to set."""
    assert client(login_url).get("/page").status == 401
    assert "set app.login_url" in caplog.text


def test_schemes_stand_for_a_look_up_of_one_s_own() -> None:
    """The caller is the user, and the 401 names them."""

    def lookup(name: str) -> Account | None:
        return Account("7", "paul", hash_password("take five")) if name == "paul" else None

    class Schemed(WebMessageHandler, UserHandlingMixin):
        schemes = (BasicAuth(lookup=lookup),)

        @authenticated
        def get(self) -> Response:
            self.set_body(self.current_user.id)
            assert self.current_userprofile is None
            return self.render()

    asked = Client(Brubeck(handler_tuples=[("^/$", Schemed)]))
    right = {"Authorization": "Basic cGF1bDp0YWtlIGZpdmU="}
    assert asked.get("/", headers=right).text == "7"
    for headers in ({}, {"Authorization": "Basic cGF1bDp0YWtlIHNpeA=="}):
        reply = asked.get("/", headers=headers)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith('Basic realm="brubeck"')


def test_a_handler_may_have_a_current_user_of_its_own() -> None:
    """Without the mixin, as in 0.4; what is false is nobody."""

    class Own(WebMessageHandler):
        current_user = ""

        @authenticated
        def get(self) -> Response:
            raise AssertionError("called")

    reply = Client(Brubeck(handler_tuples=[("^/$", Own)])).get("/")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Custom")


def test_the_first_readme_s_mixin_without_more_knows_nobody() -> None:
    """Everybody is sent to log in."""

    class DemoHandler(WebMessageHandler, UserHandlingMixin):
        @web_authenticated
        def post(self) -> Response:
            raise AssertionError("called")

    app = Brubeck(handler_tuples=[("^/$", DemoHandler)], login_url="/login")
    assert Client(app).post("/").status == 303


def test_a_401_may_be_a_page(tmp_path: Path) -> None:
    """By the error template of a handler that renders."""
    (tmp_path / "errors.html").write_text("<p>{{ error_code }} {{ error_msg }}")

    class Shown(Jinja2Rendering, UserHandlingMixin):
        @authenticated
        def get(self) -> Response:
            raise AssertionError("called")

    app = Brubeck(handler_tuples=[("^/$", Shown)], template_loader=load_jinja2_env(tmp_path))
    reply = Client(app).get("/")
    assert (reply.status, reply.text) == (401, "<p>401 Log in first.")
    assert reply.headers["WWW-Authenticate"] == "Custom"


def test_auth_error_may_be_overridden() -> None:
    """It is what both decorators answer."""

    class Teapot(WebMessageHandler, UserHandlingMixin):
        @authenticated
        def get(self) -> Response:
            raise AssertionError("called")

        def auth_error(self) -> Response:
            return handlers.render("No coffee.", 418)

    assert Client(Brubeck(handler_tuples=[("^/$", Teapot)])).get("/").status == 418


ELSEWHERE = [
    *("//there.example", "///there.example", "https://there.example", "https:there.example"),
    *("/\\there.example", "\\\\there.example", "/\t/there.example", "/\n/there.example"),
    *("\t//there.example", " //there.example", "javascript:alert(1)", "data:text/html,x"),
    *("http:/there.example", "there.example", "?x", "#x", "", ".", "/a\\..\\b", "/a b"),
    *("/ok\r\nSet-Cookie: a=b", "/ok\0", "/ok\x7f", "/\u2028/x", "/\ud800", "/" + "a" * 9999),
    *("/\u00a0/there.example", "//ours.example@there.example", "/\x0b/there.example"),
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_next_leads_elsewhere(target: str) -> None:
    """Nor is it a header of its own; the default is taken instead."""
    assert not is_local(target)
    if "\ud800" not in target:
        assert back(target).headers["Location"] == "/home"


def back(target: str) -> Reply:
    return client().get("/back", params={"next": target})


@pytest.mark.parametrize("target", ["/", "/page?a=b&c=//d#e", "/caf\u00e9", "/a/../b", "/%5c%0d"])
def test_a_next_of_this_site_is_gone_to(target: str) -> None:
    """With all that it had."""
    assert back(target).headers["Location"] == target.replace("\u00e9", "%C3%A9")


@given(st.text(st.sampled_from("/\\:.@?#%a \t\r\n\0\u00a0\u2044"), max_size=12) | st.text())
def test_whatever_next_is_a_browser_stays_here(target: str) -> None:
    """As browsers read URLs: dropping tabs and line ends, taking a backslash for a slash."""
    if not is_local(target):
        return
    handler = Back(Brubeck(), Request("GET", "/", Headers()))
    location = handler.redirect(target).headers["Location"]
    assert re.fullmatch(r"/[!-~]*", location)
    read = BROWSERS_DROP.sub("", location).replace("\\", "/")
    assert urlsplit(urljoin(SITE, read)).netloc == "ours.example"


@given(st.text())
def test_a_target_comes_back_as_it_went(target: str) -> None:
    """Whatever it holds, as one argument beside those that are there."""
    target = target.encode("utf-8", "replace").decode()
    url = with_next("/login?as=paul#form", target)
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert query == {"as": ["paul"], "next": [target]}
    assert urlsplit(url).fragment == "form"


@pytest.mark.parametrize(
    "target",
    ["//there.example/page", "http://there.example/page", "/page?\\", "/page?" + "a" * 9999],
)
def test_a_hostile_target_is_not_kept(target: str) -> None:
    """Whoever made somebody ask for it; the log-in itself is asked for as ever."""
    request = Request("GET", target, Headers({"Host": "ours.example"}), path="/page")
    response = client().application.respond(request)
    assert (response.status, response.headers["Location"]) == (302, "/login")
