"""Conditional requests: entity tags, and the headers that compare them (RFC 9110, section 13)."""

from __future__ import annotations

from brubeck.http.compression import ETAG_SUFFIX
from brubeck.http.headers import list_values
from brubeck.http.request import Request
from brubeck.http.response import Response


def opaque_tags(header: str) -> list[str]:
    """Return the opaque parts of a list of entity tags, without weakness and coding suffix.

    What is no entity tag is left out: it equals none.

    >>> opaque_tags('W/"abc", "12-gzip", 12')
    ['abc', '12']
    """
    return [bare for tag in list_values(header) if (bare := _opaque(tag)) is not None]


def matches(header: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` names an entity tag, compared weakly (section 8.8.3.2)."""
    if header is None:
        return False
    return header.strip() == "*" or _opaque(etag) in opaque_tags(header)


def echo_coding(response: Response, request: Request) -> None:
    """Give a 304 the tag and ``Vary`` of the compressed body that it stands for, if it does."""
    etag = response.headers.get("etag")
    if etag is None:
        return
    coded = f'{etag[:-1]}{ETAG_SUFFIX}"'
    if coded in list_values(request.header("if-none-match") or ""):
        response.headers["ETag"] = coded
        vary = response.headers.get("vary")
        response.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"


def _opaque(tag: str) -> str | None:
    bare = tag.removeprefix("W/")
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return bare[1:-1].removesuffix(ETAG_SUFFIX)
    return None
