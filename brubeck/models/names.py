"""Names that people and scopes may have, and when two names are one.

Two names are one when they are equal after NFKC and case folding, as often as that changes
anything: so nobody can have the name of another in other letters of the same look.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from brubeck.auth.usernames import canonical_name
from brubeck.models.errors import AccountRefused

MAX_NAME_LENGTH: Final = 128
"""How many characters a name may have, also when it is folded."""

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")


def folded(username: str) -> str | None:
    """Return the form that names are compared in, or None for an invalid name.

    A name is printable, without spaces, and without a colon, which ends it in Basic credentials.

    >>> folded('Dave'), folded('da ve'), folded('da:ve')
    ('dave', None, None)
    """
    if not 0 < len(username) <= MAX_NAME_LENGTH:
        return None
    name = canonical_name(username)
    good = len(name) <= MAX_NAME_LENGTH and name.isprintable() and not re.search(r"[\s:]", name)
    return name if good and username.isprintable() else None


def claim_id(username: str) -> str | None:
    """Return the id under which a name is claimed, or None for an invalid name."""
    name = folded(username)
    return None if name is None else hashlib.sha256(name.encode()).hexdigest()


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """Return scopes in order, each once; `AccountRefused` for an invalid one (RFC 6749, 3.3).

    >>> checked_scopes(['quakes:write', 'quakes:read', 'quakes:read'])
    ['quakes:read', 'quakes:write']
    """
    if isinstance(scopes, str):  # each of its letters would be a scope
        raise AccountRefused(f"Scopes are a list of texts, not one text: [{scopes!r}].")
    found = sorted(set(scopes))
    for scope in found:
        if not _SCOPE.fullmatch(scope):
            raise AccountRefused(
                f"A scope is 1 to 128 letters of ASCII without spaces and quotes, not {scope!r}."
            )
    return found
