"""Basic authentication: who comes in, and what nonsense is told."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import Account, BadCredentials, BasicAuth, Caller
from brubeck.auth import basic as module
from brubeck.auth.basic import parse_basic
from brubeck.errors import ConfigError
from tests.auth.world import World, basic, outcome, request
from tests.passwords import CHEAP

WRONG = "The name or the password is wrong."
SCHEME = BasicAuth("the notes")


def test_the_right_password_is_let_in(world: World) -> None:
    """With the scopes of the account; a colon in the password is part of it."""
    caller = SCHEME.authenticate(request(authorization=basic("paul", "take:five")), world)
    assert caller == Caller("u1", "paul", frozenset({"read", "write"}), "basic:u1")


def test_names_and_passwords_are_utf8(world: World) -> None:
    """As the challenge asks for."""
    caller = SCHEME.authenticate(request(authorization=basic("björn", "pässwörd ☃")), world)
    assert caller is not None
    assert caller.username == "björn"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        *(("paul", "take five"), ("paul", ""), ("", "take:five"), ("nobody", "take:five")),
        *(("silent", ""), ("silent", "x"), ("PAUL", "take:five"), ("paul", "x" * 2000)),
    ],
)
def test_a_wrong_name_or_password_is_told_nothing_else(
    world: World, username: str, password: str
) -> None:
    """Not which of them it is."""
    assert outcome(SCHEME, request(authorization=basic(username, password)), world) == WRONG


def test_who_is_not_active_is_not_let_in(world: World) -> None:
    """Though the password is right."""
    asked = request(authorization=basic("gone", "take:five"))
    assert outcome(SCHEME, asked, world) == "The name or the password is wrong."


def test_an_unknown_name_has_a_password_checked_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against nobody's line, which takes the time that any takes."""
    checked: list[str] = []

    def check(_password: str, line: str) -> bool:
        checked.append(line)
        return True

    monkeypatch.setattr(module, "check_password", check)
    assert outcome(SCHEME, request(authorization=basic("nobody", "x")), world) == WRONG
    assert checked == [""]


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Basi", "Basic2 x", 'Digest username="paul"', "cGF1bDp0YWtl"]
)
def test_other_credentials_are_left_to_others(world: World, header: str) -> None:
    """None is no verdict."""
    assert SCHEME.authenticate(request(authorization=header), world) is None
    assert SCHEME.authenticate(request(), world) is None


@pytest.mark.parametrize(
    "credentials",
    [
        *("", "=", "cGF1bA", "cGF1bA==", "cGF1bDp0YWtl!", "cGF1 bDp0YWtl", "Ã©", "a" * 7),
        base64.b64encode(b"\xff\xfe:x").decode(),
        base64.b64encode(b"paul:x\r\nSet-Cookie: y").decode(),
        base64.b64encode(b"pa\0ul:x").decode(),
        "cGF1bDp0YWtlOmZpdmU=, Basic cGF1bDp0YWtlOmZpdmU=",
    ],
)
def test_nonsense_is_bad_credentials(world: World, credentials: str) -> None:
    """And never anything else."""
    told = outcome(SCHEME, request(authorization=f"Basic {credentials}"), world)
    assert isinstance(told, str)
    assert "base64" in told


def test_an_endless_header_is_not_even_decoded(world: World) -> None:
    """It says how long one may be."""
    told = outcome(SCHEME, request(authorization="Basic " + "A" * 1_000_000), world)
    assert told == "Credentials have at most 16384 characters."


def test_the_name_of_the_scheme_is_in_any_case(world: World) -> None:
    """RFC 9110, section 11.1; and more than one space may follow it."""
    header = basic("paul", "take:five").replace("Basic ", "bAsIc  ")
    assert isinstance(outcome(SCHEME, request(authorization=header), world), Caller)


def test_the_challenge_quotes_its_realm() -> None:
    """And asks for UTF-8 (RFC 7617, section 2.1)."""
    assert SCHEME.challenge == 'Basic realm="the notes", charset="UTF-8"'
    assert BasicAuth('a "b" \\').challenge.startswith(r'Basic realm="a \"b\" \\",')


@pytest.mark.parametrize("realm", ["a\r\nSet-Cookie: b", "\0", "naïve"])
def test_a_realm_that_would_break_the_header_is_refused(realm: str) -> None:
    """When the scheme is made."""
    with pytest.raises(ConfigError, match="realm"):
        BasicAuth(realm)


def test_a_look_up_of_ones_own_takes_the_place_of_the_accounts(world: World) -> None:
    """It is given the name."""
    own = Account("x", "miles", CHEAP.hash("so what"))
    scheme = BasicAuth(lookup={"miles": own}.get)
    assert isinstance(
        outcome(scheme, request(authorization=basic("miles", "so what")), world), Caller
    )
    assert outcome(scheme, request(authorization=basic("paul", "take:five")), world) == WRONG


def test_it_is_described() -> None:
    """As OpenAPI has it."""
    assert SCHEME.openapi() == {"type": "http", "scheme": "basic"}


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=50))
def test_what_was_put_in_comes_out(text: str) -> None:
    """Whatever the password is made of."""
    assert parse_basic(basic("paul", text).removeprefix("Basic ")) == ("paul", text)


@given(
    st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode())
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """With nothing between; what is read has no control characters."""
    try:
        username, password = parse_basic(text)
    except BadCredentials:
        return
    assert base64.b64encode(f"{username}:{password}".encode()).decode() == text
    assert all(char >= " " for char in username + password)
