"""Whether a page offers its reader to write; the write itself is checked for itself."""

from __future__ import annotations

from contextlib import suppress

from brubeck.auth import BadCredentials, Caller
from brubeck.http import Problem
from brubeck.storage import Record, Unavailable
from brubeck.streams.context import Context
from brubeck.streams.protected import AuthStreamHandler


def may_create(context: Context) -> bool:
    """Return whether the caller may create items."""
    spec = context.spec
    if spec.read_only:
        return False
    if spec.rules.write == "anyone":
        return True
    caller = _writer(context)
    if caller is None:
        return False
    of_owners = spec.rules.write == "owner" and spec.path.partition == "owner"
    return not of_owners or context.partition == caller.id


def may_change(context: Context, record: Record) -> bool:
    """Return whether the caller may change an item that it sees."""
    spec = context.spec
    if spec.read_only:
        return False
    if spec.rules.write == "anyone":
        return True
    caller = _writer(context)
    if caller is None:
        return False
    if spec.rules.write != "owner":
        return True
    owner: str | None = getattr(spec.model.decode_stored(record.body), "owner_id", None)
    return owner == caller.id


def caller_of(context: Context) -> Caller | None:
    """Return the caller, or None where it is not known.

    Where anyone may read, nobody was asked for credentials; a browser may have sent them.
    """
    hooks = context.hooks
    if context.identified is None and isinstance(hooks, AuthStreamHandler):
        with suppress(BadCredentials, Problem, Unavailable):
            return hooks.get_current_user(context)
    return context.identified


def _writer(context: Context) -> Caller | None:
    """Return the caller, if it is known and has the scope to write."""
    caller = caller_of(context)
    return caller if caller is not None and caller.may(context.spec.scopes.get("write")) else None
