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
    spec, caller = context.spec, _writer(context)
    if caller is None:
        return _everybody_writes(context)
    of_owners = spec.rules.write == "owner" and spec.path.partition == "owner"
    return not of_owners or context.partition == caller.id


def may_change(context: Context, record: Record) -> bool:
    """Return whether the caller may change an item that it sees."""
    spec, caller = context.spec, _writer(context)
    if caller is None:
        return _everybody_writes(context)
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


def _everybody_writes(context: Context) -> bool:
    return not context.spec.read_only and context.spec.rules.write == "anyone"


def _writer(context: Context) -> Caller | None:
    """Return the caller with the deciding rights; None where it has none, or nobody needs any."""
    if context.spec.read_only or context.spec.rules.write == "anyone":
        return None
    caller = caller_of(context)
    return caller if caller is not None and caller.may(context.spec.scopes.get("write")) else None
