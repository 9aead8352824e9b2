"""``brubeck token``: the tokens of users, used in place of a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from brubeck.cli.output import AS_JSON, print_json, print_text, report
from brubeck.cli.programs import PROGRAM
from brubeck.cli.users import NAME, stored_accounts
from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.timekeeping import curtime, millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck.models.documents import AccessToken


@click.group("token")
def token_commands() -> None:
    """Look after the tokens of users."""


@token_commands.command("new")
@PROGRAM
@NAME
@click.option("--scope", "scopes", multiple=True, help="Limit it to a scope; may be repeated.")
@click.option("--expires", help="Lifetime of the token, such as 30d.")
@click.option("--note", default="", help="A note on its purpose.")
@AS_JSON
def new(
    program: str,
    name: str,
    scopes: tuple[str, ...],
    *,
    expires: str | None,
    note: str,
    as_json: bool,
) -> None:
    """Make a token for a user, and show it this once."""
    with stored_accounts(program) as accounts:
        token, kept = accounts.tokens.create(
            accounts.users.get(name),
            scopes=scopes or None,
            expires_at=_expiry(expires),
            note=note,
        )
        if as_json:
            print_json({**_shown(kept), "token": token})
        else:
            print_text(f"The token {kept.id} is for {name}; it is shown this once:", err=True)
            print_text(token)


@token_commands.command("list")
@PROGRAM
@NAME
@AS_JSON
def list_tokens(program: str, name: str, *, as_json: bool) -> None:
    """List the tokens of a user, the oldest first: id, expiry, scopes and note."""
    with stored_accounts(program) as accounts:
        tokens = [_shown(each) for each in accounts.tokens.of(accounts.users.get(name))]
    if as_json:
        print_json(tokens)
        return
    for each in tokens:
        granted = "all" if each["scopes"] is None else " ".join(each["scopes"])
        ends = each["expires_at"] or "never"
        print_text(f"{each['id']}  ends {ends}, scopes: {granted}  {each['note']}".rstrip())


def _shown(token: AccessToken) -> dict[str, Any]:
    """Return the public part of a token, without itself; ``scopes`` is None for all scopes."""
    expiry = token.expires_at
    return {
        "id": token.id,
        "expires_at": None if expiry is None else millis_to_rfc3339(expiry),
        "scopes": list(token.scopes or ()) if token.limited else None,
        "note": token.note or "",
    }


@token_commands.command("revoke")
@PROGRAM
@click.argument("token_id")
@AS_JSON
def revoke(program: str, token_id: str, *, as_json: bool) -> None:
    """End a token, by the id that `list` shows."""
    with stored_accounts(program) as accounts:
        if not accounts.tokens.revoke(token_id):
            raise ConfigError(f'There is no token "{token_id}".')
        report({"revoked": token_id}, f"The token {token_id} has ended.", as_json=as_json)


def _expiry(text: str | None) -> int | None:
    """Return the moment that is so far away, in milliseconds; `ConfigError` for nonsense."""
    if text is None:
        return None
    try:
        return curtime() + int(duration(text) * 1000)
    except ValueError as reason:
        raise ConfigError(f"--expires {reason}") from None
