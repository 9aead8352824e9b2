"""Conditional requests: entity tags and what a caller says about them (RFC 9110, section 13)."""

from __future__ import annotations

from brubeck.http.compression import ETAG_SUFFIX
from brubeck.http.headers import list_values


def opaque_tags(header: str) -> list[str]:
    """Return the opaque parts of a list of entity tags, without weakness and coding suffix.

    A ``*`` stays as it is, and so does what is no entity tag: it then equals none.

    >>> opaque_tags('W/"abc", "12-gzip", *')
    ['abc', '12', '*']
    """
    return [_opaque(tag) for tag in list_values(header)]


def matches(header: str | None, etag: str) -> bool:
    """Tell whether ``If-None-Match`` names an entity tag, compared weakly (section 8.8.3.2)."""
    if header is None:
        return False
    tags = opaque_tags(header)
    return "*" in tags or _opaque(etag) in tags


def _opaque(tag: str) -> str:
    bare = tag.removeprefix("W/")
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return bare[1:-1].removesuffix(ETAG_SUFFIX)
    return tag
