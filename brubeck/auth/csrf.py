"""Cross-site request forgery: requests of our own pages, and of other sites' pages.

A browser adds its cookies to every request that a page has it send. A page cannot have it lie
about the source of the request: ``Sec-Fetch-Site`` says it outright, and older browsers
say the page's origin, or its address. A request that says nothing at all is not taken for ours.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from brubeck.errors import ConfigError
from brubeck.http import Problem, Request
from brubeck.http.origins import declared_origins

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, and so are allowed from anywhere."""

_OF_BROWSERS: Final = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Credentials that a browser sends by itself, as it does cookies, whichever page asked."""

_ASKED: Final = frozenset({"application/json", "application/x-ndjson"})
"""Types that no page can send to another site before that was asked (Fetch, "CORS-safelisted")."""

_PORTS: Final = {"http": 80, "https": 443}


def require_same_site(request: Request, trusted: Collection[str] = ()) -> None:
    """Raise a `Problem` (403) for a write from a page of another origin.

    ``trusted`` are further origins, such as ``https://app.example``, whose pages are ours.
    """
    if request.method in SAFE_METHODS or _is_ours(request, trusted):
        return
    raise Problem(403, "This request must come from a page of this site.")


def require_same_site_of_cookies(request: Request, trusted: Collection[str] = ()) -> None:
    """Do the same where a browser may have sent the credentials by itself, such as a cookie.

    A page of another site cannot make a browser send credentials of other kinds, such as a token.
    """
    if request.header("cookie") is None:
        return
    scheme = _scheme(request)
    if not scheme or scheme in _OF_BROWSERS:
        require_same_site(request, trusted)


def require_same_site_if_named(request: Request, trusted: Collection[str] = ()) -> None:
    """Refuse a write (403) that says that a page of another origin sent it.

    For cookies that a program reads by itself: other programs, which name no origin, may send
    some, and what a browser sends for a page names one.
    """
    if _is_named(request):
        require_same_site(request, trusted)


def require_same_site_of_simple_requests(request: Request, trusted: Collection[str] = ()) -> None:
    """Refuse a request that a page of another site sent without a preflight: 403.

    A browser adds a password that it remembers, and the caller may be known by its address or its
    certificate alone. Programs, which do not name an origin, may write; and so may pages of other
    origins in a way for which the browser asked first, so that ``cors`` has decided already.
    """
    unasked = request.method == "POST" and request.content_type not in _ASKED
    scheme = _scheme(request)
    if unasked and _is_named(request) and (not scheme or scheme in _OF_BROWSERS):
        require_same_site(request, trusted)


def _is_named(request: Request) -> bool:
    return any(request.header(name) is not None for name in ("origin", "sec-fetch-site"))


def _scheme(request: Request) -> str:
    return (request.header("authorization") or "").strip(" ").partition(" ")[0].lower()


def _is_ours(request: Request, trusted: Collection[str]) -> bool:
    origin = request.header("origin")
    if origin is not None and origin in _origins(trusted):
        return True
    site = request.header("sec-fetch-site")
    if site is not None:
        # "none" is a person's own doing, such as a bookmark; "same-site" may be a neighbour.
        return site in ("same-origin", "none")
    page = origin if origin is not None else request.header("referer")
    return page is not None and _is_same_host(page, request.host)


def _origins(trusted: Collection[str]) -> frozenset[str]:
    """Return the trusted origins as browsers write them."""
    # Of a single text not a part counts, but all of it.
    texts = (trusted,) if isinstance(trusted, str) else tuple(trusted)
    try:
        return declared_origins(texts)
    except ValueError as reason:
        raise ConfigError(f"trusted_origins: {reason}.") from None


def _is_same_host(page: str, host: str) -> bool:
    """Return whether a page's host and port are those that the request was sent to."""
    try:
        parts = urlsplit(page)
        port = parts.port
        asked = urlsplit(f"//{host}")
        asked_port = asked.port
    except ValueError:
        return False
    default = _PORTS.get(parts.scheme)
    if default is None or not parts.hostname:
        return False
    return (parts.hostname, port or default) == (asked.hostname, asked_port or default)
