"""The form in which user names are compared: two names are one if they are equal in it."""

from __future__ import annotations

import unicodedata


def canonical_name(username: str) -> str:
    r"""Return a name after NFKC and case folding, applied until they change nothing any more.

    >>> canonical_name('\uff24AVE')
    'dave'
    """
    name, before = username, ""
    while name != before:
        before, name = name, unicodedata.normalize("NFKC", name.casefold())
    return name
