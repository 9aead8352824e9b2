"""The commands that look after users and their tokens."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from brubeck.auth import check_password
from brubeck.auth.tokens import digest
from brubeck.cli.users import _password
from brubeck.models import StoredAccounts
from brubeck.storage import open_storage
from brubeck.timekeeping import curtime
from tests.servers.programs import brubeck


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a program, and a file that keeps its accounts."""
    (tmp_path / "mine.py").write_text("from brubeck import Brubeck\napp = Brubeck()\n")
    (tmp_path / "brubeck.toml").write_text('[storage]\naccounts = "sqlite:///accounts.db"\n')
    return tmp_path


@pytest.fixture
def accounts(folder: Path) -> StoredAccounts:
    """Return the accounts as the program finds them."""
    return StoredAccounts(open_storage(f"sqlite:///{folder}/accounts.db"))


def test_a_user_is_added_changed_and_removed(folder: Path, accounts: StoredAccounts) -> None:
    """Each command says in one line what it did."""
    scopes = ("--scope", "notes:read", "--scope", "notes:write")
    done = brubeck(folder, "user", "add", "mine:app", "dave", *scopes, given="take five\n")
    account = accounts.by_username("dave")
    assert account is not None
    assert done.stdout == f"dave is a user, with the id {account.id}.\n"
    assert check_password("take five", account.password_line)

    done = brubeck(folder, "user", "list", "mine:app")
    assert done.stdout.split() == [account.id, "dave", "notes:read", "notes:write"]

    done = brubeck(folder, "user", "password", "mine:app", "Dave", given="blue rondo")
    assert done.stdout == "dave has another password.\n"
    changed = accounts.by_username("dave")
    assert changed is not None
    assert check_password("blue rondo", changed.password_line)

    done = brubeck(folder, "user", "scopes", "mine:app", "dave", "notes:read")
    assert done.stdout == "dave may: notes:read\n"
    assert brubeck(folder, "user", "scopes", "mine:app", "dave").stdout == done.stdout
    done = brubeck(folder, "user", "scopes", "mine:app", "dave", "--none")
    assert done.stdout == "dave may: nothing in particular\n"

    done = brubeck(folder, "user", "remove", "mine:app", "dave")
    assert done.stdout == "dave is a user no longer.\n"
    assert accounts.by_username("dave") is None
    assert brubeck(folder, "user", "list", "mine:app").stdout == ""


def test_a_token_is_shown_once(folder: Path, accounts: StoredAccounts) -> None:
    """Alone on the output, so that it can be piped; what is listed is its digest."""
    accounts.users.create("dave", scopes=["read"])
    options = ("--scope", "read", "--expires", "30d", "--note", "laptop")
    done = brubeck(folder, "token", "new", "mine:app", "dave", *options)
    token = done.stdout.strip()
    grant = accounts.by_token(digest(token))
    assert grant is not None
    assert grant.expires_at is not None
    assert 0 < curtime() + 30 * 86_400_000 - grant.expires_at < 60_000
    assert digest(token) in done.stderr

    done = brubeck(folder, "token", "list", "mine:app", "dave")
    assert done.stdout.startswith(digest(token))
    assert done.stdout.endswith("scopes: read  laptop\n")
    assert token not in done.stdout

    done = brubeck(folder, "token", "revoke", "mine:app", digest(token))
    assert done.stdout == f"The token {digest(token)} has ended.\n"
    assert accounts.by_token(digest(token)) is None


def test_a_user_without_a_password_comes_with_tokens(
    folder: Path, accounts: StoredAccounts
) -> None:
    """A machine, for one."""
    brubeck(folder, "user", "add", "mine:app", "sensor", "--no-password")
    account = accounts.by_username("sensor")
    assert account is not None
    assert account.password_line == ""
    brubeck(folder, "token", "new", "mine:app", "sensor")
    done = brubeck(folder, "token", "list", "mine:app", "sensor")
    assert "ends never, scopes: all" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "add", "mine:app", "dave"), "A password has 1 to 1024 bytes"),
        (("user", "add", "mine:app", "da:ve", "--no-password"), "A name has 1 to 128 characters"),
        (("user", "add", "mine:app", "MILES", "--no-password"), "There is a user 'MILES'"),
        (
            ("user", "add", "mine:app", "dave", "--no-password", "--scope", "a b"),
            "A scope is 1 to 128 letters",
        ),
        (("user", "password", "mine:app", "dave"), "There is no user 'dave'"),
        (("user", "remove", "mine:app", "dave"), "There is no user 'dave'"),
        (("user", "scopes", "mine:app", "dave"), "There is no user 'dave'"),
        (("user", "scopes", "mine:app", "miles", "read", "--none"), "not both"),
        (("token", "new", "mine:app", "dave"), "There is no user 'dave'"),
        (("token", "new", "mine:app", "miles", "--expires", "soon"), "--expires must be a time"),
        (("token", "list", "mine:app", "dave"), "There is no user 'dave'"),
        (("token", "revoke", "mine:app", "x/y"), 'There is no token "x/y"'),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, accounts: StoredAccounts, arguments: tuple[str, ...], said: str
) -> None:
    """And changes nothing."""
    accounts.users.create("miles")
    done = brubeck(folder, *arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("brubeck: ")
    assert said in done.stderr
    assert [user.username for user in accounts.users.all()] == ["miles"]


def test_accounts_that_would_be_gone_at_once_are_refused(folder: Path) -> None:
    """As are those that the program keeps by itself."""
    (folder / "brubeck.toml").write_text("")
    done = brubeck(folder, "user", "list", "mine:app")
    assert "memory of one process" in done.stderr
    (folder / "mine.py").write_text(
        "from brubeck import Brubeck\napp = Brubeck(accounts=object())\n"
    )
    done = brubeck(folder, "user", "list", "mine:app")
    assert "has accounts of its own" in done.stderr


def test_a_terminal_asks_for_the_password_twice_and_shows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there is none, a line is read."""
    asked: list[dict[str, Any]] = []

    def prompt(_text: str, **options: Any) -> str:
        asked.append(options)
        return "take five"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(sys, "stdin", io.StringIO("take\tsix \r\nmore\n"))
    assert _password() == "take\tsix "
    assert asked == []
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert _password() == "take five"
    assert asked == [{"hide_input": True, "confirmation_prompt": True}]
