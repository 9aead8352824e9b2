"""Cookies of a request and for its answer, signed where there is a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from brubeck import signing
from brubeck.http.cookies import Cookie, needs_secure
from brubeck.http.request import Request

_PURPOSE: Final = "cookie:"
"""The prefix of the purpose for which a cookie's value is signed."""


def read_cookie(
    request: Request,
    key: str,
    default: Any,
    secret: str | Sequence[str] | None,
    max_age: float | None,
) -> Any:
    """Return the value of a request's cookie, or the default where there is none.

    With a ``secret`` the cookie must have been signed by it, at most ``max_age`` seconds ago, and
    the value is whatever JSON was signed; of several secrets any will do.
    """
    value = request.cookies.get(key)
    if value is None or secret is None:
        return default if value is None else value
    keys = [secret] if isinstance(secret, str) else secret
    try:
        return signing.unsign(value, keys, purpose=_PURPOSE + key, max_age=max_age)
    except signing.BadSignature:
        return default


def cookie_for(
    request: Request,
    key: str,
    value: Any,
    secret: str | Sequence[str] | None,
    options: dict[str, Any],
) -> Cookie:
    """Return a cookie for the browser that sent a request, with the defaults that suit the request.

    With a ``secret`` its value is any JSON value, signed; of several secrets the first signs. The
    ``options`` are the fields of `Cookie`. Raises `TypeError` for an unsigned value that is no
    text.
    """
    if secret is not None:
        keys = [secret] if isinstance(secret, str) else secret
        value = signing.sign(value, keys, purpose=_PURPOSE + key)
    elif not isinstance(value, str):
        raise TypeError("a cookie that is not a text must be signed: give a secret")
    # Behind a proxy that says nothing of https, a name may still say that it is secure.
    options.setdefault("secure", request.scheme == "https" or needs_secure(key))
    if not key.startswith("__Host-"):  # which browsers keep for the whole host alone
        options.setdefault("path", request.prefix or "/")
    return Cookie(name=key, value=value, **options)
