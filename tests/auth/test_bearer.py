"""Bearer authentication with opaque tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import BearerAuth, Caller, Grant
from brubeck.auth.errors import BadCredentials
from brubeck.auth.tokens import PREFIX, digest, new_token
from tests.auth.world import GONE, NOW, PAUL, World, outcome, request

SCHEME = BearerAuth("the notes")
INVALID = "The token is not valid."


def bearer(token: str) -> str:
    """Return the header of a token."""
    return f"Bearer {token}"


def test_a_token_is_let_in(world: World) -> None:
    """As its account, with all its scopes where the token names none."""
    token = new_token()
    world.add_token(token, Grant(PAUL, token_id="t1"))
    caller = SCHEME.authenticate(request(authorization=bearer(token)), world)
    assert caller == Caller("u1", "paul", frozenset({"read", "write"}), "token:t1")


def test_a_token_gives_no_more_than_its_account_has(world: World) -> None:
    """A scope that is taken from the account is taken from its tokens."""
    world.add_token("brb_x", Grant(PAUL, frozenset({"read", "admin"})))
    caller = SCHEME.authenticate(request(authorization=bearer("brb_x")), world)
    assert caller is not None
    assert caller.scopes == {"read"}


def test_a_token_without_scopes_may_nothing(world: World) -> None:
    """An empty set is not the same as none at all."""
    world.add_token("brb_x", Grant(PAUL, frozenset()))
    caller = SCHEME.authenticate(request(authorization=bearer("brb_x")), world)
    assert caller is not None
    assert caller.scopes == frozenset()


def test_a_token_ends_with_its_time(world: World) -> None:
    """At the very millisecond."""
    world.add_token("brb_x", Grant(PAUL, expires_at=NOW + 1))
    asked = request(authorization=bearer("brb_x"))
    assert isinstance(outcome(SCHEME, asked, world), Caller)
    world.clock.advance(1000)
    assert outcome(SCHEME, asked, world) == "The token has expired."


def test_a_token_of_somebody_who_is_not_active_is_not_valid(world: World) -> None:
    """It says no more than that."""
    world.add_token("brb_x", Grant(GONE))
    told = outcome(SCHEME, request(authorization=bearer("brb_x")), world)
    assert told == "The credentials are not valid."


@pytest.mark.parametrize(
    "sent", ["brb_", "brb_y", "brb_x ", "brb_x, Bearer brb_x", "brb_\xff", "brb_" + "x" * 16_000]
)
def test_another_token_is_bad_credentials(world: World, sent: str) -> None:
    """Truncated, lengthened, doubled, or nonsense."""
    world.add_token("brb_xy", Grant(PAUL))
    assert outcome(SCHEME, request(authorization=bearer(sent)), world) == INVALID


def test_the_challenge_of_a_bad_token_says_so(world: World) -> None:
    """RFC 6750, section 3.1; without a token there is no error to tell."""
    with pytest.raises(BadCredentials) as caught:
        SCHEME.authenticate(request(authorization="Bearer brb_x"), world)
    assert caught.value.challenge == 'Bearer realm="the notes", error="invalid_token"'
    assert SCHEME.challenge == 'Bearer realm="the notes"'


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer a.b.c", "Basic brb_x", "Bearer BRB_x"])
def test_what_is_not_such_a_token_is_left_to_others(world: World, header: str) -> None:
    """A JWT, for one."""
    assert SCHEME.authenticate(request(authorization=header), world) is None


def test_a_token_in_the_query_or_the_form_is_not_looked_at(world: World) -> None:
    """URLs end in logs and histories."""
    world.add_token("brb_x", Grant(PAUL))
    form = request(
        "POST",
        "/notes?access_token=brb_x",
        b"access_token=brb_x",
        content_type="application/x-www-form-urlencoded",
    )
    assert SCHEME.authenticate(form, world) is None


def test_a_look_up_of_ones_own_is_given_the_digest(world: World) -> None:
    """Of tokens with any prefix, or none."""
    scheme = BearerAuth(prefix="", lookup={digest("hello"): Grant(PAUL)}.get)
    assert isinstance(outcome(scheme, request(authorization="Bearer hello"), world), Caller)
    assert outcome(scheme, request(authorization="Bearer help"), world) == INVALID


def test_it_is_described() -> None:
    """As OpenAPI has it."""
    assert SCHEME.openapi() == {"type": "http", "scheme": "bearer"}


def test_tokens_are_long_and_never_the_same() -> None:
    """256 bits, in letters that fit a header."""
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == len(PREFIX) + 43 and token.startswith(PREFIX) for token in tokens)


@given(st.text(max_size=50))
def test_a_digest_tells_nothing_of_its_token(token: str) -> None:
    """64 hexadecimal digits of any text, good as the id of a record."""
    made = digest(token)
    assert len(made) == 64
    assert set(made) <= set("0123456789abcdef")
