"""Sessions in a cookie: begun, ended, forged, swapped, and asked for from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import signing
from brubeck.auth import Account, Caller, CookieAuth
from brubeck.errors import ConfigError
from brubeck.http import Problem, Request
from tests.auth.world import GONE, NOW, PAUL, World, outcome, request
from tests.passwords import CHEAP

SCHEME = CookieAuth()
STAFF = Account(PAUL.id, "staff")
OVER = "The session is not valid, or is over; log in again."
PAULS = Caller("u1", "paul", frozenset({"read", "write"}), "session:u1")
WRITES = ("POST", "PUT", "PATCH", "DELETE", "PURGE", "get")


class Browser:
    """A handler's cookies, and the browser that keeps them."""

    def __init__(self, world: World) -> None:
        self.application = world
        self.cookies: dict[str, str] = {}
        self.options: dict[str, Any] = {}

    def set_cookie(self, key: str, value: Any, secret: str | None = None, **options: Any) -> None:
        self.cookies[key] = value
        self.options = options

    def delete_cookie(self, key: str, **options: Any) -> None:
        del self.cookies[key]
        self.options = options

    def request(self, method: str = "GET", **headers: str) -> Request:
        """Return a request with the cookies."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return request(method, cookie=cookie, **headers)


@pytest.fixture
def browser(world: World) -> Browser:
    """Return a browser in which paul is logged in."""
    made = Browser(world)
    SCHEME.begin(made, PAUL)
    return made


def test_a_session_is_begun_and_ended(world: World, browser: Browser) -> None:
    """The browser is told how long to keep it."""
    assert browser.options == {"max_age": 14 * 86_400}
    assert outcome(SCHEME, browser.request(), world) == PAULS
    SCHEME.end(browser, path="/")
    assert browser.options == {"path": "/"}
    assert outcome(SCHEME, browser.request(), world) is None


def test_a_session_is_over_in_time(world: World, browser: Browser) -> None:
    """At the very millisecond, whatever the browser does."""
    world.clock.advance(14 * 86_400_000_000 - 1000)
    assert outcome(SCHEME, browser.request(), world) == PAULS
    world.clock.advance(1000)
    assert outcome(SCHEME, browser.request(), world) == OVER


def test_keys_are_rotated(world: World, browser: Browser) -> None:
    """A former key still verifies, and one that is gone does not."""
    world.cookie_keys = ["newest key", "new key"]
    assert outcome(SCHEME, browser.request(), world) == PAULS
    world.cookie_keys = ["newest key"]
    assert outcome(SCHEME, browser.request(), world) == OVER


def test_without_a_key_it_says_what_to_set(world: World, browser: Browser) -> None:
    """Rather than to sign with nothing."""
    world.cookie_keys = []
    with pytest.raises(ConfigError, match="cookie_secret"):
        SCHEME.begin(browser, PAUL)


def test_a_changed_password_ends_every_session(world: World, browser: Browser) -> None:
    """Also one that was changed to the same."""
    world.people["u1"] = Account("u1", "paul", CHEAP.hash("take:five"))
    assert outcome(SCHEME, browser.request(), world) == OVER


def test_an_account_that_is_gone_or_not_active_has_no_session(world: World) -> None:
    """It is looked up each time."""
    browser = Browser(world)
    SCHEME.begin(browser, GONE)
    assert outcome(SCHEME, browser.request(), world) == "The credentials are not valid."
    del world.people["u3"]
    assert outcome(SCHEME, browser.request(), world) == OVER


def test_a_session_is_good_under_its_own_name_alone(world: World, browser: Browser) -> None:
    """What was signed for another cookie, or for another purpose, is nothing here."""
    other = Browser(world)
    other.cookies["admin"] = browser.cookies["session"]
    assert outcome(CookieAuth("admin"), other.request(), world) == OVER
    told = {"user": "u1", "began": NOW, "line": ""}
    other.cookies = {"session": signing.sign(told, world.cookie_keys, purpose="cookie:session")}
    assert outcome(SCHEME, other.request(), world) == OVER


def test_a_session_holds_no_secret(world: World, browser: Browser) -> None:
    """Whoever has the browser may read it; nothing of the line is in it."""
    told = signing.unsign(browser.cookies["session"], world.cookie_keys, purpose="session:session")
    assert isinstance(told, dict)
    assert told.keys() == {"user", "began", "line"}
    assert all(part not in str(told) for part in PAUL.password_line.split("$")[3:])


@pytest.mark.parametrize(
    "told",
    [
        *(None, 7, "u1", [], {}, {"user": "u1"}, {"user": 1, "began": NOW, "line": ""}),
        {"user": "u1", "began": NOW, "line": "ü"},
        {"user": "u1", "began": str(NOW), "line": ""},
        {"user": "u1", "began": NOW, "line": "", "more": 1},
        {"user": "u1", "began": 10**30, "line": ""},
    ],
)
def test_signed_nonsense_is_no_session(world: World, told: object) -> None:
    """As a former version of a program could have signed."""
    browser = Browser(world)
    browser.cookies["session"] = signing.sign(told, world.cookie_keys, purpose="session:session")
    assert outcome(SCHEME, browser.request(), world) == OVER


@pytest.mark.parametrize("value", ["x", "a.b.c", ".", "..", '"', "Ã©", "x" * 100_000, ".eJw.a.b"])
def test_forged_cookies_are_no_session(world: World, value: str) -> None:
    """Nor is a huge one even looked at."""
    assert outcome(SCHEME, request(cookie=f"session={value}"), world) == OVER


def test_no_cookie_or_an_empty_one_is_nothing(world: World) -> None:
    """Another scheme may look."""
    for cookie in ("", "session=", "other=x", "session"):
        assert outcome(SCHEME, request(cookie=cookie), world) is None


@given(st.data())
def test_a_cookie_with_another_letter_is_no_session(data: st.DataObject) -> None:
    """Wherever it stands, and truncated anywhere."""
    world = World()
    browser = Browser(world)
    SCHEME.begin(browser, PAUL)
    signed = browser.cookies["session"]
    at = data.draw(st.integers(0, len(signed) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyzABC012-_."))
    changed = data.draw(st.sampled_from([signed[:at] + letter + signed[at + 1 :], signed[:at]]))
    browser.cookies["session"] = changed
    told = outcome(SCHEME, browser.request(), world)
    if _same_signature(changed, signed):
        assert told == PAULS
    else:
        assert told in (OVER, None)


def _same_signature(changed: str, signed: str) -> bool:
    """Tell whether only such bits of the last letter differ as base64 leaves unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(changed) != len(signed) or changed[:-1] != signed[:-1] or changed[-1] == ".":
        return False
    return alphabet.index(changed[-1]) >> 2 == alphabet.index(signed[-1]) >> 2


# From which site.


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "cross-site", "origin": "https://api.example"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": ""},
        {"origin": "https://evil.example"},
        {"origin": "https://api.example.evil.example"},
        {"origin": "https://api.example:8443"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "api.example"},
        {"origin": "https://[api.example"},
        {"origin": "https://api.example:x"},
        {"origin": "https://api.example@evil.example"},
        {"origin": "null", "referer": "https://api.example/"},
        {"referer": "https://evil.example/https://api.example/"},
        {"referer": "about:blank"},
    ],
)
def test_a_write_from_another_site_is_refused(
    browser: Browser, method: str, headers: dict[str, str]
) -> None:
    """Though the cookie is good: the browser was talked into it."""
    with pytest.raises(Problem) as caught:
        SCHEME.authenticate(browser.request(method, **headers), browser.application)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": "https://api.example"},
        {"origin": "https://API.example:443"},
        {"origin": "http://api.example"},
        {"referer": "https://api.example/notes?page=2"},
        {"sec_fetch_site": "cross-site", "origin": "https://app.example"},
    ],
)
def test_a_write_from_this_site_is_let_in(browser: Browser, headers: dict[str, str]) -> None:
    """Or from one that is trusted."""
    scheme = CookieAuth(trusted_origins=["https://app.example"])
    assert outcome(scheme, browser.request("POST", **headers), browser.application) == PAULS


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_free_from_anywhere(browser: Browser, method: str) -> None:
    """A link to us has to work; whether another page may see the answer is CORS's matter."""
    asked = browser.request(method, sec_fetch_site="cross-site", origin="https://evil.example")
    assert outcome(SCHEME, asked, browser.application) == PAULS


def test_it_is_described() -> None:
    """As OpenAPI has it; HTTP has no challenge for it."""
    described = {"type": "apiKey", "in": "cookie", "name": "sid"}
    assert CookieAuth("sid").openapi() == described
    assert SCHEME.challenge is None
    assert msgspec.json.encode(described)


@pytest.mark.parametrize("lookup", [lambda _: STAFF, {PAUL.id: STAFF}.get])
def test_a_session_is_that_of_a_name(
    world: World, browser: Browser, lookup: Callable[[str], Account | None]
) -> None:
    """An account of another kind with the same id, and without a password, is another one."""
    customer = Account(PAUL.id, "customer")
    SCHEME.begin(browser, customer)
    staff = CookieAuth(lookup=lookup)
    assert outcome(staff, browser.request(), world) == OVER
    assert outcome(CookieAuth(lookup=lambda _: customer), browser.request(), world) is not None
