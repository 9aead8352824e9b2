"""Authentication: the caller of a request, found by schemes that can each be replaced.

A scheme is given a request and returns a `Caller`. It looks accounts up in the application's
accounts, or with a callable of its own; nothing here depends on where accounts are stored.
"""

from __future__ import annotations

from brubeck.auth.accounts import Account, Accounts, AuthContext, Grant, SigningKey
from brubeck.auth.basic import BasicAuth
from brubeck.auth.bearer import BearerAuth
from brubeck.auth.caller import Caller
from brubeck.auth.cookie import CookieAuth
from brubeck.auth.csrf import require_same_site
from brubeck.auth.errors import BadCredentials, PasswordRefused
from brubeck.auth.handlers import (
    UserHandlingMixin,
    authenticated,
    same_site_only,
    web_authenticated,
)
from brubeck.auth.jwt import JWTAuth
from brubeck.auth.passwords import check_password, hash_password, needs_rehash
from brubeck.auth.scheme import Scheme
from brubeck.auth.signature import SignatureAuth

__all__ = [
    "Account",
    "Accounts",
    "AuthContext",
    "BadCredentials",
    "BasicAuth",
    "BearerAuth",
    "Caller",
    "CookieAuth",
    "Grant",
    "JWTAuth",
    "PasswordRefused",
    "Scheme",
    "SignatureAuth",
    "SigningKey",
    "UserHandlingMixin",
    "authenticated",
    "check_password",
    "hash_password",
    "needs_rehash",
    "require_same_site",
    "same_site_only",
    "web_authenticated",
]
