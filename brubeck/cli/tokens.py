"""``brubeck token``: the tokens of users, used in place of a password."""

from __future__ import annotations

import click

from brubeck.cli.output import print_text
from brubeck.cli.programs import PROGRAM
from brubeck.cli.users import NAME, stored_accounts
from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.timekeeping import curtime, millis_to_rfc3339


@click.group("token")
def token_commands() -> None:
    """Look after the tokens of users."""


@token_commands.command("new")
@PROGRAM
@NAME
@click.option("--scope", "scopes", multiple=True, help="Limit it to a scope; may be repeated.")
@click.option("--expires", help="After which time it ends, such as 30d.")
@click.option("--note", default="", help="What it is for.")
def new(program: str, name: str, scopes: tuple[str, ...], expires: str | None, note: str) -> None:
    """Make a token for a user, and show it this once."""
    with stored_accounts(program) as accounts:
        token, kept = accounts.tokens.create(
            accounts.users.get(name),
            scopes=scopes or None,
            expires_at=_expiry(expires),
            note=note,
        )
        print_text(f"The token {kept.id} is for {name}; it is shown this once:", err=True)
        print_text(token)


@token_commands.command("list")
@PROGRAM
@NAME
def list_tokens(program: str, name: str) -> None:
    """List the tokens of a user, the oldest first: id, expiry, scopes and note."""
    with stored_accounts(program) as accounts:
        for each in accounts.tokens.of(accounts.users.get(name)):
            ends = "never" if each.expires_at is None else millis_to_rfc3339(each.expires_at)
            granted = " ".join(each.scopes or ()) if each.limited else "all"
            print_text(f"{each.id}  ends {ends}, scopes: {granted}  {each.note or ''}".rstrip())


@token_commands.command("revoke")
@PROGRAM
@click.argument("token_id")
def revoke(program: str, token_id: str) -> None:
    """End a token, by the id that `list` shows."""
    with stored_accounts(program) as accounts:
        if not accounts.tokens.revoke(token_id):
            raise ConfigError(f'There is no token "{token_id}".')
        print_text(f"The token {token_id} is over.")


def _expiry(text: str | None) -> int | None:
    """Return the moment that is so far away, in milliseconds; `ConfigError` for nonsense."""
    if text is None:
        return None
    try:
        return curtime() + int(duration(text) * 1000)
    except ValueError as reason:
        raise ConfigError(f"--expires {reason}") from None
