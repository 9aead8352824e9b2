"""Cookies of a request and for its answer, signed where there is a secret.

A guard that a program writes reads a cookie. So a secret that is named and not set is an error,
never an unsigned cookie, and a write that a page of another site has sent brings none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Any, Final

from brubeck import signing
from brubeck.auth.csrf import require_same_site_if_named
from brubeck.errors import ConfigError
from brubeck.http.cookies import Cookie, needs_secure
from brubeck.http.request import Request

_PURPOSE: Final = "cookie:"
"""The prefix of the purpose for which a cookie's value is signed."""


class Signing(Enum):
    """The ways to use a cookie beside that with a secret."""

    NONE = "none"
    """The value is in the cookie as it is, and anybody may make one."""


UNSIGNED: Final = Signing.NONE
"""The secret of a cookie that is not signed."""
Secret = str | Sequence[str] | Signing | None
"""A secret, or several; None is one that was to be there and is not."""


def read_cookie(
    request: Request,
    key: str,
    default: Any,
    secret: Secret,
    max_age: float | None,
    trusted: Collection[str] = (),
) -> Any:
    """Return the value of a request's cookie, or the default where there is none.

    With a ``secret`` the cookie must have been signed by it, at most ``max_age`` seconds ago, and
    the value is whatever JSON was signed; of several secrets any will do. Raises `ConfigError` for
    a secret that is not set, and a `Problem` (403) in a write from a page of another site than
    the ``trusted`` origins.
    """
    keys = None if secret is UNSIGNED else _keys(secret)
    value: object = request.cookies.get(key)
    if value is None:
        return default
    if keys is not None:
        try:
            value = signing.unsign(str(value), keys, purpose=_PURPOSE + key, max_age=max_age)
        except signing.BadSignature:
            return default
    require_same_site_if_named(request, trusted)
    return value


def _keys(secret: str | Sequence[str] | None) -> Sequence[str]:
    """Return the keys of a secret; `ConfigError` where there is none, or an empty one."""
    keys = [secret] if isinstance(secret, str) else list(secret or ())
    if not keys or not all(keys):
        raise ConfigError(
            "A signed cookie needs a secret, and the one that was given is not set. Set "
            "app.cookie_secret to a long random text; a cookie that is not signed has no secret=."
        )
    return keys


def cookie_for(
    request: Request,
    key: str,
    value: Any,
    secret: Secret,
    options: dict[str, Any],
) -> Cookie:
    """Return a cookie for the browser that sent a request, with the defaults that suit the request.

    With a ``secret`` its value is any JSON value, signed; of several secrets the first signs. The
    ``options`` are the fields of `Cookie`. Raises `TypeError` for an unsigned value that is no
    text, and `ConfigError` for a secret that is not set.
    """
    if secret is not UNSIGNED:
        value = signing.sign(value, _keys(secret), purpose=_PURPOSE + key)
    elif not isinstance(value, str):
        raise TypeError("a cookie that is not a text must be signed: give a secret")
    # Behind a proxy that says nothing of https, a name may still say that it is secure.
    options.setdefault("secure", request.scheme == "https" or needs_secure(key))
    if not key.startswith("__Host-"):  # which browsers keep for the whole host alone
        options.setdefault("path", request.prefix or "/")
    return Cookie(name=key, value=value, **options)
