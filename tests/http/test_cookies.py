"""Cookies: read leniently, written strictly, signed with keys that rotate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck, Response, WebMessageHandler, signing
from brubeck.errors import ConfigError
from brubeck.http.cookies import Cookie, parse_cookies
from brubeck.testing import Client


@given(st.text(max_size=80))
def test_any_cookie_header_is_read(header: str) -> None:
    """What makes no sense in it is passed over."""
    assert all(parse_cookies(header))


@given(st.dictionaries(st.text("abc_-", min_size=1), st.text("xyz=0 1", max_size=9)))
def test_what_a_browser_sends_is_what_it_was_given(cookies: dict[str, str]) -> None:
    """Each by its name."""
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    assert parse_cookies(header) == {name: value.strip() for name, value in cookies.items()}


def test_attributes_are_written() -> None:
    """With the safe ones by default."""
    cookie = Cookie(name="a", value="b", max_age=5, expires=0, domain="x.org", secure=True)
    assert cookie.header() == (
        "a=b; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Domain=x.org; Path=/; "
        "SameSite=Lax; Secure; HttpOnly"
    )
    bare = Cookie(name="a", value="", path=None, http_only=False, same_site=None)
    assert bare.header() == "a="


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"name": ""},
        {"value": "a;b"},
        {"value": "a\r\nX: y"},
        {"value": "é"},
        {"path": "/;Domain=evil"},
        {"domain": "a\nb"},
        {"domain": "a\0"},
        {"domain": "a;Secure"},
        {"path": "/\r\nX: y"},
        {"same_site": "Lax;Domain=evil"},
        {"name": "a\r\nX: y"},
        {"name": "a\0"},
        {"name": "a=b;c"},
        {"value": "a\0"},
        {"value": "a,b"},
    ],
)
def test_a_cookie_cannot_be_more_than_itself(options: dict[str, Any]) -> None:
    """What would break the header is refused."""
    with pytest.raises(ValueError, match="not a cookie"):
        Cookie(**({"name": "a", "value": "b"} | options)).header()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_what_is_signed_comes_back(value: object) -> None:
    """Any JSON value."""
    token = signing.sign(value, ["key"], purpose="test")
    assert signing.unsign(token, ["key"], purpose="test", max_age=60) == value


def test_keys_rotate() -> None:
    """The first one signs, all of them verify, and one that is gone does not."""
    old = signing.sign("x", ["old"], purpose="test")
    assert signing.unsign(old, ["new", "old"], purpose="test") == "x"
    new = signing.sign("x", ["new", "old"], purpose="test")
    assert signing.unsign(new, ["new"], purpose="test") == "x"
    with pytest.raises(signing.BadSignature):
        signing.unsign(old, ["new"], purpose="test")


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda _: "", lambda _: "é"]
)
def test_a_changed_token_is_refused(change: object) -> None:
    """Cut, lengthened, empty, foreign."""
    token = signing.sign("x", ["key"], purpose="test")
    with pytest.raises(signing.BadSignature):
        signing.unsign(change(token), ["key"], purpose="test")  # type: ignore[operator]


def test_a_token_serves_one_purpose_for_a_time() -> None:
    """Another purpose, or too late, and it is refused."""
    token = signing.sign("x", ["key"], purpose="login")
    with pytest.raises(signing.BadSignature):
        signing.unsign(token, ["key"], purpose="reset")
    with pytest.raises(signing.BadSignature):
        signing.unsign(token, ["key"], purpose="login", max_age=-1)


def test_signing_needs_a_key() -> None:
    """An empty one is none."""
    for keys in ([], [""]):
        with pytest.raises(ConfigError, match="cookie_secret"):
            signing.sign("x", keys, purpose="test")


SECURE = {"secure": True}


@pytest.mark.parametrize(
    "options",
    [
        {"name": "__Secure-a"},
        {"name": "__secure-a"},
        {"name": "__Host-a"},
        {"name": "__Host-a", "domain": "x.org", **SECURE},
        {"name": "__Host-a", "path": "/a", **SECURE},
        {"name": "__HOST-a", "path": None, **SECURE},
        {"name": "__Http-a", "http_only": False, **SECURE},
        {"name": "__Http-a"},
        {"name": "__Host-Http-a", "http_only": False, **SECURE},
        {"name": "__Host-Http-a", "path": "/a", **SECURE},
        {"same_site": "None"},
        {"same_site": "none"},
        {"value": "x" * 4096},
        {"name": "n" * 4097, "value": ""},
        {"path": "/" + "x" * 1024},
        {"domain": "x" * 1025},
    ],
)
def test_a_cookie_that_no_browser_keeps_is_refused(options: Any) -> None:
    """Instead of being set in vain (RFC 6265bis, sections 5.6 and 5.7)."""
    with pytest.raises(ValueError, match="cookie"):
        Cookie(**({"name": "a", "value": "b"} | options)).header()


@pytest.mark.parametrize(
    "options",
    [
        {"name": "__Secure-a", "domain": "x.org", "path": "/a", **SECURE},
        {"name": "__Host-a", **SECURE},
        {"name": "__Host-a", "http_only": False, **SECURE},
        {"name": "__Host-Http-a", **SECURE},
        {"name": "__Hostess"},
        {"same_site": "None", **SECURE},
        {"value": "x" * 4095},
        {"path": "/" + "x" * 1023},
    ],
)
def test_a_cookie_that_browsers_keep_is_set(options: Any) -> None:
    """Up to every limit."""
    assert Cookie(**({"name": "a", "value": "b"} | options)).header()


@pytest.mark.parametrize("name", ["__Host-a", "__Secure-a"])
def test_a_name_that_is_secure_makes_its_cookie_so(name: str) -> None:
    """Also over http, behind a proxy, and when a cookie is deleted by the name that came."""

    class Forgetting(WebMessageHandler):
        def get(self) -> Response:
            self.set_cookie(name, "b")
            self.delete_cookies()
            self.set_body("x")
            return self.render()

    reply = Client(Brubeck(None, [("^/$", Forgetting)])).get("/", headers={"Cookie": f"{name}=1"})
    assert reply.status == 200
    assert "Secure" in reply.headers["Set-Cookie"]
