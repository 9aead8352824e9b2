"""Back to where somebody wanted to go before they had to log in, and never off the site.

Where to go travels in a URL that anybody may have written, so it is taken for a path of ours only
if no browser could take it for anything else. Browsers drop tabs and line ends, and take a
backslash for a slash: two slashes with a tab between them begin the name of another site.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from brubeck.auth.csrf import SAFE_METHODS
from brubeck.http import Request

NEXT: Final = "next"
"""The argument that says where to go afterwards."""
MAX_URL_LENGTH: Final = 2_000


def is_local(target: str) -> bool:
    r"""Return whether a text is a path of this site, with its query if any, to every browser.

    >>> is_local('/notes?page=2'), is_local('//there.example'), is_local('/\\there.example')
    (True, False, False)
    """
    return (
        target.startswith("/")
        and not target.startswith("//")
        and len(target) <= MAX_URL_LENGTH
        and target.isprintable()
        and not any(char in target for char in "\\ ")
    )


def wanted(request: Request) -> str | None:
    """Return where a request wanted to go; None where going there again makes no sense."""
    if request.method in SAFE_METHODS and is_local(request.target):
        return request.target
    return None


def with_next(url: str, target: str | None) -> str:
    """Return a URL with the parameter ``next``, the URL to return to.

    >>> with_next('/login?as=paul#form', '/notes?page=2')
    '/login?as=paul&next=/notes%3Fpage%3D2#form'
    """
    if target is None:
        return url
    parts = urlsplit(url)
    query = f"{NEXT}={quote(target, safe='/')}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
