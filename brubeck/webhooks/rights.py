"""The rights of a subscription: it gets what its owner may read, and nothing else.

| the stream's ``may_read`` | a subscription of its |
| --- | --- |
| ``anyone`` | every change, for any known caller |
| ``authenticated`` | every change, for a caller with the stream's scope to read, if any |
| ``owner`` | the changes of the owner's own items, and of those that name it as a reader |

A rule of the program's own (``admit``, ``prepare``, ``access``, ``get_current_user``, a class for
pages, items or changes) is a rule on requests, and a message has none; so such a stream is refused
unless ``may_subscribe`` says who may subscribe.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from brubeck.auth import Caller
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.http import Problem
from brubeck.storage import FieldCondition
from brubeck.streams import StreamHandler
from brubeck.streams.access import GUARDS, OpenAccess, ProtectedAccess
from brubeck.streams.parameters import changes_parameters
from brubeck.streams.shared_caching import reading_methods
from brubeck.streams.spec import StreamSpec
from brubeck.streams.writing import invalid
from brubeck.webhooks.documents import Subscription


def source_of(declaration: Any, path: str) -> type[StreamHandler] | None:
    """Return the stream at a path that a declaration has webhooks for."""
    return next((each for each in declaration.sources if each.path == path), None)


def conditions_of(
    stream: type[StreamHandler], subscription: Subscription
) -> tuple[FieldCondition, ...]:
    """Return the conditions of a subscription's ``query``; a `Problem` (422) for a wrong one."""
    pairs = parse_qsl(subscription.query or "", keep_blank_values=True)
    declared = stream.spec.parameters
    unknown = next((name for name, _ in pairs if name not in declared.filters), None)
    if unknown is not None:
        known = ", ".join(declared.filters) or "none"
        raise invalid("/query", f"There is no filter {unknown[:80]!r}; there is {known}.")
    try:
        return changes_parameters(pairs, declared).where
    except Problem as problem:
        raise invalid("/query", str(problem.detail)) from None


def may_read(stream: type[StreamHandler], caller: Caller) -> bool:
    """Return whether a caller may read a stream, by its declared rules."""
    spec = stream.spec
    return spec.rules.read == "anyone" or caller.may(spec.scopes.get("read"))


def viewer_of(stream: type[StreamHandler], owner_id: str) -> str | None:
    """Return the viewer to whom the changes are limited; None for all changes."""
    return owner_id if stream.spec.rules.owned else None


def check_source(stream: Any, declaration: Any, hooks: StreamSpec, *, decides: bool) -> None:
    """Raise `ConfigError` for a stream with rules that a subscription could not follow.

    ``hooks`` is the spec of the declaration, and ``decides`` says whether the declaration has a
    rule of its own, ``may_subscribe``.
    """
    name = declaration.__name__
    if not (isinstance(stream, type) and issubclass(stream, StreamHandler)):
        raise ConfigError(f"{name}.sources is a tuple of streams' classes, not of {stream!r}.")
    if not hasattr(stream, "model"):
        raise ConfigError(f"{name}.sources: {stream.__name__} has no model.")
    if decides:
        return
    spec = stream.spec
    own: list[str] = [each for each in GUARDS if each in spec.overridden]
    if stream.access not in (OpenAccess, ProtectedAccess):
        own.append("access")
    resources = (stream.collection, stream.items, stream.changes)
    own += reading_methods(each for each in resources if each is not None)
    if own:
        raise ConfigError(
            f"{name}.sources: {stream.__name__} has its own {' and '.join(own)}, which is asked "
            f"with requests alone. Define {name}.may_subscribe(self, application, caller, stream, "
            "partition), which returns whether a caller may have its changes."
        )
    is_known = (
        all(each.finds_callers_of(spec.schemes) for each in hooks.schemes)
        and "get_current_user" not in hooks.overridden
        and declaration.access in (OpenAccess, ProtectedAccess)
    )
    if spec.private and not is_known:
        raise ConfigError(
            f"{name}.sources: {stream.__name__} does not know the callers of {name}: give both "
            f"the same schemes, such as one tuple for both, or define {name}.may_subscribe."
        )


def owner_of(application: Program, declaration: Any, subscription: Subscription) -> Caller | None:
    """Return the owner of a subscription with its present rights; None where it has none.

    An owner that is no account of the program has the rights that it had when it made or enabled
    the subscription.
    """
    owner, name = str(subscription.owner_id or ""), str(subscription.owner_username or "")
    remembered = Caller(owner, name, frozenset(subscription.owner_scopes or ()))
    if subscription.owner_is_account is False:
        return remembered
    account = application.accounts.by_id(owner)
    if account is not None:
        return Caller(owner, name, account.scopes) if account.active else None
    by_accounts = all(each.uses_accounts for each in declaration.schemes) and declaration.schemes
    return None if by_accounts or subscription.owner_is_account else remembered
