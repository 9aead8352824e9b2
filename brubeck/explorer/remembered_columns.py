"""Columns that a reader wants to see again: a cookie of the stream's path, set by the form.

It is a choice of this browser and no parameter: without ``fields`` the page has the columns of the
cookie. A page that has them is for this reader alone, and no shared cache keeps it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from urllib.parse import quote, unquote

from brubeck.explorer.links import tidied
from brubeck.streams.context import Context

COOKIE: Final = "columns"
PARAMETER: Final = "remember"
"""The parameter of the form: ``yes`` or ``no``."""
_YEAR: Final = 31_536_000
_LONGEST: Final = 2000


def may_remember(context: Context) -> bool:
    """Return whether the form offers it: no filter has the parameter's name."""
    return PARAMETER not in context.spec.parameters.filters


def remembered(context: Context) -> list[str] | None:
    """Return the columns of the reader's cookie that the stream still has, or None."""
    if context.request.header("cookie") is None:
        return None
    text = context.request.cookies.get(COOKIE, "")
    known = context.spec.parameters.fields
    names = [name for name in unquote(text[:_LONGEST]).split(".") if name in known]
    return list(dict.fromkeys(names)) or None


def remember(context: Context) -> list[tuple[str, str]] | None:
    """Set or delete the cookie as the form says; return the parameters of the page to show then.

    None for a request that says nothing of it. A page of another site cannot choose for a reader.
    """
    pairs = context.request.query_pairs
    wishes = [value for name, value in pairs if name == PARAMETER]
    if not (wishes and may_remember(context)):
        return None
    rest = [pair for pair in pairs if pair[0] != PARAMETER]
    rest = tidied(rest) or rest
    if context.request.header("sec-fetch-site") in ("cross-site", "same-site"):
        return rest
    names = [name for key, value in rest if key == "fields" for name in value.split(",")]
    known = [name for name in names if name in context.spec.parameters.fields]
    if wishes[-1] == "yes" and known:
        _set(context, quote(".".join(known), safe=""), _YEAR)
    elif wishes[-1] == "no":
        _set(context, "", 0)
    return [pair for pair in rest if pair[0] != "fields"] if known == names else rest


def _set(context: Context, value: str, max_age: int) -> None:
    with suppress(ValueError):  # too long, or a path that no cookie can have
        context.set_cookie(COOKIE, value, path=context.base, max_age=max_age)
