"""``brubeck user``: the users of an application.

A password comes from the terminal, or in a line of its own where the input is no terminal; never
from the command line, which other people of the machine can see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from brubeck.cli.output import AS_JSON, print_json, print_text, report
from brubeck.cli.programs import PROGRAM, load, plain_errors
from brubeck.errors import ConfigError

if TYPE_CHECKING:
    from brubeck.models import StoredAccounts
    from brubeck.models.documents import User

NAME = click.argument("name")


@contextmanager
def stored_accounts(program: str) -> Iterator[StoredAccounts]:
    """Open the accounts of a program; `ConfigError` where the command cannot keep any."""
    from brubeck.models import StoredAccounts

    with plain_errors():
        application = load(program)
        try:
            accounts = application.accounts
            if not isinstance(accounts, StoredAccounts):
                raise ConfigError("The application has accounts of its own; change them there.")
            if not accounts.storage.shared:
                raise ConfigError(
                    "The accounts are kept in the memory of one process, and would be gone with "
                    'this one: give the store "accounts" or "default" another URL.'
                )
            yield accounts
        finally:
            application.close()


@click.group("user")
def user_commands() -> None:
    """Look after the users of an application."""


@user_commands.command("add")
@PROGRAM
@NAME
@click.option("--scope", "scopes", multiple=True, help="What the user may; may be repeated.")
@click.option(
    "--no-password", is_flag=True, help="Create a user without a password, for tokens alone."
)
@AS_JSON
def add(
    program: str, name: str, scopes: tuple[str, ...], *, no_password: bool, as_json: bool
) -> None:
    """Add a user, with a password that is asked for or read from the input."""
    with stored_accounts(program) as accounts:
        given = None if no_password else _password()
        user = accounts.users.create(name, given, scopes=scopes)
        text = f"{user.username} is a user, with the id {user.id}."
        report(_shown(user), text, as_json=as_json)


@user_commands.command("password")
@PROGRAM
@NAME
@AS_JSON
def password(program: str, name: str, *, as_json: bool) -> None:
    """Give a user another password, which ends the user's sessions."""
    with stored_accounts(program) as accounts:
        accounts.users.get(name)
        user = accounts.users.set_password(name, _password())
        report(_shown(user), f"{user.username} has another password.", as_json=as_json)


@user_commands.command("scopes")
@PROGRAM
@NAME
@click.argument("scopes", nargs=-1)
@click.option("--none", "none", is_flag=True, help="Take all of them away.")
@AS_JSON
def scopes(program: str, name: str, scopes: tuple[str, ...], *, none: bool, as_json: bool) -> None:
    """Show or replace a user's scopes."""
    with stored_accounts(program) as accounts:
        if none and scopes:
            raise ConfigError("Name scopes or say --none, not both.")
        user = accounts.users.get(name)
        if none or scopes:
            user = accounts.users.set_scopes(name, scopes)
        text = f"{user.username} may: {' '.join(user.scopes or ()) or 'nothing in particular'}"
        report(_shown(user), text, as_json=as_json)


@user_commands.command("remove")
@PROGRAM
@NAME
@AS_JSON
def remove(program: str, name: str, *, as_json: bool) -> None:
    """Remove a user, with all tokens and keys; the name is free then."""
    with stored_accounts(program) as accounts:
        user = accounts.remove_user(name)
        text = f"{user.username} is a user no longer."
        report({"removed": user.username}, text, as_json=as_json)


@user_commands.command("list")
@PROGRAM
@AS_JSON
def list_users(program: str, *, as_json: bool) -> None:
    """List the users, the oldest first."""
    with stored_accounts(program) as accounts:
        users = accounts.users.all()
    if as_json:
        print_json([_shown(user) for user in users])
        return
    for user in users:
        state = "" if user.is_active else " (not let in)"
        told = " ".join(user.scopes or ())
        print_text(f"{user.id:40} {user.username}{state}  {told}".rstrip())


def _shown(user: User) -> dict[str, Any]:
    """Return the public part of a user, without the password."""
    return {
        "id": user.id,
        "username": user.username,
        "active": bool(user.is_active),
        "scopes": list(user.scopes or ()),
    }


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")
