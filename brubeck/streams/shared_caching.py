"""Shared caches: how long proxies and CDNs may keep what a public stream answers (RFC 9111).

A page, an item and a page of changes may be kept where every reader gets the same. A page of
changes is a right step however old it is: what changed later stands later in the change order, so
a reader that is given a stale one receives the rest by the next, or learns that its cursor is lost.

An empty page of changes is the answer to a long poll that has run out. Kept as it is, it would
answer the next poll at once, and readers would ask again without end. So its ``next`` link has a
``tick``, which moves with the clock: readers that have caught up share one URL at a time, and each
answer leads to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.http import Headers, Response

_WRITING: Final = frozenset(("post", "put", "patch", "delete"))
MAX_AGE: Final = 86_400
"""The maximal number of seconds for which an answer may be kept."""


def declare_cache(cache: object, keep_deletions: float, owner: str) -> int:
    """Return the seconds for which a declaration lets shared caches keep answers; 0 for none.

    ``keep_deletions`` are the seconds for which deletions are kept. Raises `ConfigError`.

    >>> declare_cache('1s', 3600.0, 'Quakes')
    1
    """
    if cache is None:
        return 0
    try:
        seconds = duration(cache)
    except ValueError as reason:
        raise ConfigError(f"{owner}.cache {reason}") from None
    if seconds != int(seconds) or seconds > MAX_AGE:
        raise ConfigError(f"{owner}.cache is a time in whole seconds, of a day at most.")
    if seconds * 2 > keep_deletions:
        raise ConfigError(
            f"{owner}.cache is too long: deletions are kept for {keep_deletions:g} seconds "
            "(keep_deletions), and a reader of a kept page would miss them."
        )
    return int(seconds)


def refuse_personal(
    owner: str,
    *,
    private: bool,
    overridden: frozenset[str],
    own_access: bool,
    resources: Iterable[type],
) -> None:
    """Raise `ConfigError` for a kept stream whose answers depend on the caller.

    A cache answers without asking the program, so a hook that may refuse a request, or an access
    class, would be passed by. ``overridden`` are the names of the hooks of the declaration,
    ``resources`` the classes of its own for pages, items and changes.
    """
    if private:
        raise ConfigError(
            f"{owner}.cache is for streams that anyone may read: remove it, or declare "
            "may_read = 'anyone'."
        )
    for name in ("admit", "prepare"):
        if name in overridden:
            raise ConfigError(
                f"{owner} has cache and {name}: a cache answers without calling {name}. "
                "Remove one of them."
            )
    for method in reading_methods(resources):
        raise ConfigError(
            f"{owner} has cache and {method}: a cache answers without calling it. "
            "Remove one of them."
        )
    if own_access:
        raise ConfigError(
            f"{owner} has cache and an access class of its own, which a cache does not ask. "
            "Remove one of them."
        )


def reading_methods(resources: Iterable[type]) -> Iterator[str]:
    """Yield the program's own methods of resources that may limit readers: ``Pages.get``."""
    for resource in resources:
        for base in resource.__mro__:
            own = () if base.__module__.startswith("brubeck.") else vars(base).items()
            for method, value in own:
                is_own = not method.startswith("__") or method == "__call__"
                if callable(value) and is_own and method not in _WRITING:
                    yield f"{resource.__name__}.{method}"


def base_headers(*, private: bool, named_origins: bool) -> Headers:
    """Return the headers of every answer of a stream.

    ``Vary`` has only the request headers that answers depend on: the credentials where readers are
    asked for them, the origin where some origins are named.
    """
    vary = ["Accept"]
    if private:
        vary += ["Authorization", "Cookie"]
    if named_origins:
        vary.append("Origin")
    kept = "private, no-cache" if private else "no-cache"
    return Headers({"Vary": ", ".join(vary), "Cache-Control": kept})


def reading_headers(headers: Headers, max_age: int, *, stale: bool = True) -> Headers:
    """Return the headers of an answer to readers, which caches may keep for ``max_age`` seconds.

    With ``stale`` they may use it for as long again while they fetch the next (RFC 5861).
    """
    if not max_age:
        return headers
    kept = f"public, max-age={max_age}"
    return headers.having(
        "Cache-Control", f"{kept}, stale-while-revalidate={max_age}" if stale else kept
    )


def expiring(answer: Response, max_age: int, now: int) -> Response:
    """Return an answer that nginx keeps for no longer than ``max_age`` seconds from ``now`` (µs).

    nginx counts whole seconds and would keep it for up to a second longer. ``X-Accel-Expires``,
    which it alone reads and does not pass on, names the second through which it may.
    """
    if not answer.headers.get("Cache-Control", "").startswith("public"):
        return answer
    answer = answer.copy()
    answer.headers["X-Accel-Expires"] = f"@{now // 1_000_000 + max_age - 1}"
    return answer


def next_tick(now: int, max_age: int, tick: int) -> int:
    """Return the tick of the next empty page after one with ``tick``, at ``now`` (µs)."""
    return max(now // 1_000_000 // max_age, tick + 1)
