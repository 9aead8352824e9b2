"""What another does in between, and what no one step can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brubeck.documents import repository
from brubeck.models import NoSuchUser, StoredAccounts, User
from brubeck.models import users as users_module
from brubeck.storage import StorageError
from tests.passwords import CHEAP


class Between:
    """A stream in which something happens just before each write."""

    def __init__(self, stream: Any, deed: Callable[[], object]) -> None:
        self._stream = stream
        self._deed = deed

    def write(self, writes: Any) -> Any:
        """Let it happen, and write."""
        self._deed()
        return self._stream.write(writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def between(kept: Any, deed: Callable[[], object]) -> None:
    """Have another do something just before each write to a repository."""
    kept._records.stream = Between(kept._records.stream, deed)


def test_who_is_removed_meanwhile_is_changed_no_more(accounts: StoredAccounts, name: str) -> None:
    """And does not come back by it."""
    user = accounts.users.create(name)
    other = StoredAccounts(accounts.storage)
    between(accounts.users._users, lambda: other.users._users.remove(user.id or ""))
    with pytest.raises(NoSuchUser):
        accounts.users.set_scopes(name, ["read"])
    assert other.users.by_id(user.id or "") is None


def test_of_two_who_remove_a_user_one_does(accounts: StoredAccounts, name: str) -> None:
    """The other is told that there is none."""
    user = accounts.users.create(name)
    other = StoredAccounts(accounts.storage)
    between(accounts.users._users, lambda: other.users._users.remove(user.id or ""))
    with pytest.raises(NoSuchUser):
        accounts.remove_user(name)


@pytest.mark.parametrize("call", ["change", "remove"])
def test_who_is_always_overtaken_says_so(
    accounts: StoredAccounts, name: str, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """In the end."""
    monkeypatch.setattr(repository, "MAX_ATTEMPTS", 3)
    user = accounts.users.create(name)
    other = StoredAccounts(accounts.storage)

    def overtake() -> None:
        other.users._users.change(user.id or "", lambda _: None)

    between(accounts.users._users, overtake)
    with pytest.raises(StorageError, match="by other writers"):
        getattr(accounts.users._users, call)(*(user.id, lambda _: None)[: 2 - (call == "remove")])
    assert other.by_username(name) is not None


def test_a_name_that_comes_and_goes_is_not_waited_for_without_end(
    accounts: StoredAccounts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there when it is claimed, and gone when its holder is looked for."""
    monkeypatch.setattr(users_module, "MAX_ATTEMPTS", 3)
    claims: Any = accounts.users._claims
    monkeypatch.setattr(claims, "add", lambda _: False)
    with pytest.raises(StorageError, match="claimed by others all the time"):
        accounts.users.create(name)


def test_everybody_is_listed_however_many_steps_it_takes(
    accounts: StoredAccounts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, the oldest first; and of tokens those of one user."""
    monkeypatch.setattr(repository, "RECORDS_AT_ONCE", 2)
    made = [accounts.users.create(f"{name}-{number}") for number in range(5)]
    listed = [user.id for user in accounts.users.all() if (user.username or "").startswith(name)]
    assert listed == [user.id for user in made]
    tokens = [accounts.tokens.create(made[0])[1].id for _ in range(5)]
    accounts.tokens.create(made[1])
    assert sorted(each.id or "" for each in accounts.tokens.of(made[0])) == sorted(map(str, tokens))


def test_another_password_is_good_and_the_former_is_not(
    accounts: StoredAccounts, name: str
) -> None:
    """From then on."""
    user = accounts.users.create(name)
    line = CHEAP.hash("take five")
    accounts.users._users.change(user.id or "", lambda found: setattr(found, "password", line))
    changed: User = accounts.users.set_password(name, "blue rondo")
    assert changed.check_password("blue rondo")
    assert not changed.check_password("take five")
