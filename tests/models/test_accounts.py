"""Accounts as storages keep them: one winner for a name, and what ends with whom."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brubeck.auth import BadCredentials, BasicAuth, BearerAuth, Caller
from brubeck.auth.accounts import RemembersNonces
from brubeck.auth.tokens import digest
from brubeck.models import AccountRefused, NoSuchUser, StoredAccounts, User, UsernameTaken
from brubeck.models import users as users_module
from brubeck.models.documents import Claim
from brubeck.models.names import claim_id
from brubeck.models.users import Users
from brubeck.storage import Storage
from brubeck.timekeeping import HeldClock
from tests.auth.world import World, basic, request
from tests.models.conftest import NOW
from tests.passwords import CHEAP


def test_a_user_is_found_by_name_and_id(accounts: StoredAccounts, name: str) -> None:
    """In any spelling of the name."""
    made = accounts.users.create(name, scopes=["write", "read", "read"])
    account = accounts.by_username(name.upper())
    assert account is not None
    assert account == accounts.by_id(made.id or "")
    assert account.username == name
    assert account.scopes == {"read", "write"}
    assert (made.created_at, made.updated_at) == (NOW, NOW)


def test_who_is_not_there_is_nobody(accounts: StoredAccounts, name: str) -> None:
    """Whatever is asked for."""
    for nonsense in (name, "", " ", "\0", "\ud800", "x" * 10_000, "a:b", "../x"):
        assert accounts.by_username(nonsense) is None
        assert accounts.by_id(nonsense) is None
        assert accounts.by_token(nonsense) is None
        assert accounts.signing_key(nonsense) is None
        assert not accounts.tokens.revoke(nonsense)
        with pytest.raises(NoSuchUser):
            accounts.remove_user(nonsense)


def test_a_name_is_taken_in_any_spelling(accounts: StoredAccounts, name: str) -> None:
    """And its holder stays who it was."""
    made = accounts.users.create(name)
    with pytest.raises(UsernameTaken):
        accounts.users.create(name.replace("dave", "ＤAVE"))  # noqa: RUF001, the same in other letters
    found = accounts.by_username(name)
    assert found is not None
    assert found.id == made.id


def test_of_many_who_want_a_name_one_gets_it(
    any_storage: Storage, accounts: StoredAccounts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are told so, and leave nothing behind."""
    # All of them find the name free when they look before they begin.
    monkeypatch.setattr(users_module.Users, "find", lambda *_: None)

    def create(_: int) -> str | None:
        try:
            return StoredAccounts(any_storage).users.create(name).id
        except UsernameTaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        ids = [each for each in pool.map(create, range(16)) if each is not None]
    monkeypatch.undo()
    assert len(ids) == 1
    found = accounts.by_username(name)
    assert found is not None
    assert found.id == ids[0]
    every = list(accounts.users._users.each())
    assert [user.id for user in every if user.username == name] == ids


def test_a_name_that_its_user_left_is_taken_over_by_one(
    any_storage: Storage, accounts: StoredAccounts, name: str
) -> None:
    """As when a removal was cut off between its two steps."""
    former = accounts.users.create(name)
    assert accounts.users._users.remove(former.id or "")
    assert accounts.by_username(name) is None

    def create(_: int) -> str | None:
        try:
            return StoredAccounts(any_storage).users.create(name).id
        except UsernameTaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        ids = [each for each in pool.map(create, range(8)) if each is not None]
    assert len(ids) == 1
    assert ids[0] != former.id


def test_a_user_whose_name_was_never_claimed_is_nobody(accounts: StoredAccounts, name: str) -> None:
    """As when the making was cut off: it is not listed, and the name is free."""
    accounts.users._users.add(User(id=f"cut-{name}", username=name))
    assert accounts.by_username(name) is None
    assert name not in [user.username for user in accounts.users.all()]
    accounts.users.create(name)
    assert [user.username for user in accounts.users.all()].count(name) == 1


def test_a_removal_leaves_a_name_alone_that_another_has_by_now(
    accounts: StoredAccounts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new holder came between its two steps."""
    accounts.users.create(name)
    claims: Any = accounts.users._claims
    real = claims.remove

    def remove(*arguments: Any, **options: Any) -> bool:
        monkeypatch.undo()
        accounts.users.create(name)
        done: bool = real(*arguments, **options)
        return done

    monkeypatch.setattr(claims, "remove", remove)
    accounts.remove_user(name)
    assert accounts.by_username(name) is not None


def test_a_removed_user_comes_back_as_another(accounts: StoredAccounts, name: str) -> None:
    """With another id; tokens, keys and scopes of the former life are gone with it."""
    former = accounts.users.create(name, scopes=["read"])
    token, _ = accounts.tokens.create(former)
    key = accounts.keys.create(former)
    accounts.remove_user(name)
    assert accounts.by_token(digest(token)) is None
    new = accounts.users.create(name)
    assert new.id != former.id
    assert accounts.by_id(former.id or "") is None
    assert accounts.by_token(digest(token)) is None
    assert accounts.signing_key(key.id or "") is None
    assert accounts.tokens.of(former) == []
    assert accounts.by_username(name) == new.account()


def test_the_tokens_of_a_removed_user_end_though_they_are_still_there(
    accounts: StoredAccounts, name: str
) -> None:
    """As when the removal was cut off before it came to them."""
    user = accounts.users.create(name)
    token, _ = accounts.tokens.create(user)
    key = accounts.keys.create(user)
    accounts.users.remove(name)
    assert accounts.tokens.get(digest(token)) is not None
    assert accounts.by_token(digest(token)) is None
    assert accounts.signing_key(key.id or "") is None


def test_a_token_is_nowhere_but_with_its_owner(accounts: StoredAccounts, name: str) -> None:
    """What is kept is its digest."""
    user = accounts.users.create(name, scopes=["read", "write"])
    token, kept = accounts.tokens.create(user, scopes=["read"], expires_at=NOW + 5, note="laptop")
    assert kept.id == digest(token)
    assert token not in str(accounts.tokens.of(user)[0].to_python())
    grant = accounts.by_token(digest(token))
    assert grant is not None
    assert grant.scopes == frozenset({"read"})
    assert grant.expires_at == NOW + 5
    assert grant.account.username == name
    assert accounts.by_token(token) is None


def test_a_token_that_is_limited_to_nothing_has_nothing(
    accounts: StoredAccounts, name: str
) -> None:
    """Unlike one that is not limited."""
    user = accounts.users.create(name, scopes=["read"])
    limited, _ = accounts.tokens.create(user, scopes=[])
    free, _ = accounts.tokens.create(user)
    grants = [accounts.by_token(digest(token)) for token in (limited, free)]
    assert [grant and grant.scopes for grant in grants] == [frozenset(), None]


def test_a_token_is_revoked_alone(accounts: StoredAccounts, name: str) -> None:
    """By what is known of it; and only once."""
    user = accounts.users.create(name)
    (one, kept), (other, _) = accounts.tokens.create(user), accounts.tokens.create(user)
    assert accounts.tokens.revoke(kept.id or "")
    assert not accounts.tokens.revoke(kept.id or "")
    assert accounts.by_token(digest(one)) is None
    assert accounts.by_token(digest(other)) is not None


def test_tokens_that_have_expired_are_cleared_away(
    accounts: StoredAccounts, clock: HeldClock, name: str
) -> None:
    """By the next one that is made for the same user."""
    user = accounts.users.create(name)
    accounts.tokens.create(user, expires_at=NOW + 1)
    _, kept = accounts.tokens.create(user)
    clock.advance(1000)
    _, new = accounts.tokens.create(user)
    assert {each.id for each in accounts.tokens.of(user)} == {kept.id, new.id}


def test_users_change_under_each_others_hands(
    any_storage: Storage, accounts: StoredAccounts, name: str
) -> None:
    """No change is lost, whoever makes it."""
    accounts.users.create(name)

    def add(scope: int) -> None:
        def change(user: User) -> None:
            user.scopes = [*(user.scopes or ()), str(scope)]

        StoredAccounts(any_storage).users._change(name, change)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    found = accounts.by_username(name)
    assert found is not None
    assert found.scopes == {str(n) for n in range(12)}


def test_what_may_not_be_is_refused(accounts: StoredAccounts, name: str) -> None:
    """And nothing is stored."""
    for bad in ("", "da ve", "da:ve", "da\nve", "da\u200bve", "x" * 129, "\ufdfa" * 100, "\ud800"):
        with pytest.raises(AccountRefused):
            accounts.users.create(bad)
    for scope in ("", "a b", 'a"b', "a\\b", "ä", "x" * 129, "a\n"):
        with pytest.raises(AccountRefused):
            accounts.users.create(name, scopes=[scope])
    assert accounts.by_username(name) is None
    accounts.users.create(name)
    with pytest.raises(AccountRefused):
        accounts.users.set_scopes(name, ["a b"])


def test_logging_in_moves_old_lines_on(accounts: StoredAccounts, name: str) -> None:
    """And tells a wrong password and an unknown name nothing."""
    made = accounts.users.create(name)
    line = CHEAP.hash("take five")
    accounts.users._users.change(made.id or "", lambda user: setattr(user, "password", line))
    assert accounts.log_in(name, "take six") is None
    assert accounts.log_in(f"{name}x", "take five") is None
    user = accounts.log_in(name.upper(), "take five")
    assert user is not None
    assert not user.needs_rehash
    assert user.check_password("take five")
    again = accounts.log_in(name, "take five")
    assert again is not None
    assert again.password == user.password
    accounts.users.set_active(name, active=False)
    assert accounts.log_in(name, "take five") is None


def test_moving_a_line_on_does_not_undo_a_change(accounts: StoredAccounts, name: str) -> None:
    """The password was changed while the old one was hashed anew."""
    user = accounts.users.create(name)
    old = accounts.users.get(name)
    accounts.users._users.change(user.id or "", lambda found: setattr(found, "password", "new"))
    assert accounts.users.rehash(old, "take five") is None
    assert accounts.users.get(name).password == "new"


@pytest.mark.parametrize("change", ["password", "again", "inactive", "removed"])
def test_changes_while_a_line_is_moved_on_count(
    any_storage: Storage, accounts: StoredAccounts, clock: HeldClock, name: str, change: str
) -> None:
    """A log-in with the former password began a session of the new one."""
    made = accounts.users.create(name)
    line = CHEAP.hash("take five")
    accounts.users._users.change(made.id or "", lambda user: setattr(user, "password", line))
    changes: dict[str, Callable[[], object]] = {
        "password": lambda: accounts.users.set_password(name, "take six"),
        "again": lambda: accounts.users.set_password(name, "take five"),
        "inactive": lambda: accounts.users.set_active(name, active=False),
        "removed": lambda: accounts.remove_user(name),
    }

    class Changing(Users):
        def rehash(self, user: User, password: str) -> User | None:
            changes[change]()
            return super().rehash(user, password)

    slow = StoredAccounts(any_storage, clock=clock)
    slow.users = Changing(any_storage, clock=clock)
    user = slow.log_in(name, "take five")
    assert (user is not None) == (change == "again")
    assert user is None or user.check_password("take five")


def test_schemes_ask_stored_accounts(accounts: StoredAccounts, clock: HeldClock, name: str) -> None:
    """From the making of a user to a request."""
    context = World()
    context.clock = clock
    context.__class__ = type("Stored", (World,), {"accounts": accounts})
    user = accounts.users.create(name, "take five", scopes=["read"])
    caller = BasicAuth().authenticate(request(authorization=basic(name, "take five")), context)
    assert caller == Caller(user.id or "", name, frozenset({"read"}), f"basic:{user.id}")
    token, _ = accounts.tokens.create(user)
    asked = request(authorization=f"Bearer {token}")
    assert BearerAuth().authenticate(asked, context) is not None
    accounts.users.set_scopes(name, [])
    found = BearerAuth().authenticate(asked, context)
    assert found is not None
    assert found.scopes == frozenset()
    accounts.users.set_active(name, active=False)
    with pytest.raises(BadCredentials):
        BearerAuth().authenticate(asked, context)


def test_a_nonce_is_used_once(accounts: StoredAccounts, name: str) -> None:
    """By any number of processes."""
    assert isinstance(accounts, RemembersNonces)
    with ThreadPoolExecutor(4) as pool:
        used = list(pool.map(lambda _: accounts.first_use(name, 60), range(8)))
    assert sorted(used) == [*7 * [False], True]


def test_a_claim_tells_nobody_the_name(name: str) -> None:
    """It is one of 2²⁵⁶, and good as the id of a record in every storage."""
    claim = Claim(id=claim_id(name), user_id="7")
    assert name not in claim.to_json()
    assert len(claim.id or "") == 64
