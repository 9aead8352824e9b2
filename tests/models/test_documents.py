"""The documents of people: what is shown of them, and what is not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.auth import PasswordRefused
from brubeck.models import AccountRefused, RequestKey, User, UserProfile
from brubeck.models.names import checked_scopes, claim_id, folded
from tests.passwords import CHEAP


def test_a_user_is_made_with_a_password() -> None:
    """Which is a line from then on."""
    user = User.create_user("dave", "take five", scopes=["read"])
    assert user.password is not None
    assert user.password.startswith("$argon2id$")
    assert user.check_password("take five")
    assert not user.check_password("take six")
    assert not user.needs_rehash


def test_a_user_without_a_password_cannot_come_with_one() -> None:
    """Not even with an empty one."""
    user = User.create_user("dave")
    assert not user.check_password("")
    assert not user.check_password("take five")
    assert not user.needs_rehash


def test_bad_names_and_passwords_are_refused() -> None:
    """With a sentence for who chose them."""
    with pytest.raises(AccountRefused, match="colons"):
        User.create_user("da:ve", "x")
    with pytest.raises(PasswordRefused):
        User.create_user("dave", "")


def test_the_line_of_a_password_is_never_shown() -> None:
    """Not to the public, not to its owner, and not in a log."""
    line = CHEAP.hash("x")
    user = User(id="7", username="dave", password=line)
    assert msgspec.json.decode(user.encode_publicsafe()) == {"id": "7", "username": "dave"}
    shown = [
        User.make_json_publicsafe(user),
        User.make_json_ownersafe(user),
        str(User.make_publicsafe(user)),
        str(User.make_ownersafe(user)),
        user.encode_ownersafe().decode(),
        repr(user),
        str(user),
    ]
    assert not [text for text in shown if "argon2" in text or "password" in text]


def test_the_secret_of_a_key_is_never_shown() -> None:
    """As that of a password."""
    key = RequestKey(id="k", user_id="7", secret="hush")
    shown = [RequestKey.make_json_ownersafe(key), RequestKey.make_json_publicsafe(key), repr(key)]
    assert not [text for text in shown if "hush" in text]


def test_a_profile_has_nothing_that_lets_anybody_in() -> None:
    """And shows the public no address."""
    user = User(id="7", username="dave", password=CHEAP.hash("x"))
    profile = UserProfile.create_profile(user, name="Dave", email="dave@example.org")
    assert profile.validate()
    public = {"id": "7", "owner_username": "dave", "name": "Dave"}
    assert UserProfile.make_publicsafe(profile) == public
    assert "argon2" not in profile.to_json()


@given(st.text(max_size=40))
def test_a_name_is_folded_once_and_for_all(text: str) -> None:
    """Folding what is folded, or spelt in capitals, changes nothing."""
    name = folded(text)
    if name is None:
        assert claim_id(text) is None
        return
    assert folded(name) == name
    assert claim_id(name) == claim_id(text)
    assert not set(name) & set(" \t\n:\0")


@given(st.lists(st.text(max_size=5)))
def test_scopes_fit_the_text_they_travel_in(scopes: list[str]) -> None:
    """Joined by spaces they come apart again (RFC 6749, section 3.3)."""
    try:
        found = checked_scopes(scopes)
    except AccountRefused:
        return
    assert " ".join(found).split() == found == sorted(set(scopes))
