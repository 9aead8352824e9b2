"""Options of the connections, and what both kinds of connection share.

httpx is imported here and in the two connections, when the first of them is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from brubeck.client.bodies import CODING
from brubeck.client.errors import Problem
from brubeck.client.retries import REQUEST_SECONDS, RetryPolicy
from brubeck.client.steps import Failure, Reply
from brubeck.errors import ConfigError
from brubeck.plain_text import one_line

if TYPE_CHECKING:
    import httpx

_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*")
MAX_BYTES: Final = 64 << 20
"""The maximal size of a whole answer, decompressed: thirty times the size of a step of a stream."""
BODY_SECONDS = 30.0
"""Seconds that the body of an answer may take that was to be a feed and is none."""
CONNECT_SECONDS = 10.0
"""Seconds that connecting may take; a server that is there accepts at once."""


@dataclass(frozen=True)
class Bearer:
    """The token of a caller, as ``auth``: it goes into each request as a bearer token."""

    token: str = field(repr=False)


if TYPE_CHECKING:
    Auth = httpx.Auth | tuple[str, str] | Bearer


@dataclass(frozen=True)
class Options:
    """The options of a client: how it connects, and how long it tries."""

    auth: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    silence: float = 40.0
    further: dict[str, Any] = field(default_factory=dict)
    """Further arguments of `httpx.Client` or `httpx.AsyncClient`."""

    @classmethod
    def of(
        cls,
        *,
        auth: Auth | None,
        headers: Mapping[str, str] | None,
        timeout: float,
        retries: int,
        silence: float,
        options: dict[str, Any],
    ) -> Options:
        """Return checked options; `ValueError` for one that cannot be right."""
        httpx = import_httpx()
        if not timeout > 0 or not silence > 0:
            raise ValueError("timeout and silence are seconds, more than 0")
        if retries < 0:
            raise ValueError(f"retries is how often a request is repeated, and not {retries!r}")
        sent = {"User-Agent": "brubeck-client", **(headers or {})}
        if not any(name.lower() == "accept-encoding" for name in sent):
            sent["Accept-Encoding"] = CODING
        if isinstance(auth, Bearer):
            sent["Authorization"] = f"Bearer {auth.token}"
            auth = None
        _check_auth(auth)
        for name, value in sent.items():
            if not _HEADER.fullmatch(f"{name}: {value}"):
                raise ValueError(f"the header {name} cannot be sent")
        if "verify" not in options:
            # One context for all connections: certificates take longer to load than to use.
            options = options | {"verify": httpx.create_ssl_context()}
        return cls(auth, sent, RetryPolicy(retries, timeout), silence, options)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of an httpx client; redirects could lead to another origin."""
        auth = {} if self.auth is None else {"auth": self.auth}
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one may be unsendable
        kept = {"headers": self.headers, "follow_redirects": False, "cookies": no_cookies}
        return {**kept, **auth, **self.further}


def _check_auth(auth: object) -> None:
    if auth is None or callable(auth) or isinstance(auth, import_httpx().Auth):
        return
    if not isinstance(auth, tuple) or [type(each) for each in auth] != [str, str]:
        raise ValueError("auth is (user, password), Bearer('token'), or an httpx.Auth")


def import_httpx() -> ModuleType:
    """Return httpx; a `ConfigError` with the remedy where it is missing."""
    try:
        import httpx
    except ImportError as reason:
        raise ConfigError("The client needs httpx: pip install 'brubeck[client]'.") from reason
    return httpx


def check_url(url: str) -> None:
    """Raise `ValueError` for a URL that httpx cannot send a request to."""
    httpx = import_httpx()
    try:
        httpx.URL(url)
    except httpx.InvalidURL as reason:
        # What is quoted may be a password that was not percent-encoded.
        raise ValueError(f"the URL cannot be right: {str(reason).partition(': ')[0]}") from None


def timeouts(seconds: float) -> httpx.Timeout:
    """Return the bounds of each phase of a request that may take so many seconds."""
    import httpx

    connecting = min(seconds, CONNECT_SECONDS)
    return httpx.Timeout(seconds, connect=connecting, pool=max(seconds, REQUEST_SECONDS))


def reply_of(response: httpx.Response, body: bytes = b"") -> Reply:
    """Return the reply of a response."""
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    is_framed = "content-length" in headers or "transfer-encoding" in headers
    has_end = is_framed or response.http_version == "HTTP/2"
    return Reply(response.status_code, headers, body, has_end)


def no_answer(seconds: float) -> Failure:
    """Return the failure of a request to which nothing whole has come in time."""
    return Failure(f"no answer within {seconds:.0f} s", silent=True)


def failure_of(error: Exception) -> Failure:
    """Return the failure of an exception of httpx."""
    import httpx

    kind = type(error).__name__
    reason = f"{kind}: {error}" if str(error) else kind
    return Failure(one_line(reason), error, silent=isinstance(error, httpx.ReadTimeout))


def too_long(response: httpx.Response) -> Problem:
    """Return the error of an answer that is longer than any of a stream."""
    detail = f"The answer is longer than {MAX_BYTES >> 20} MiB."
    return Problem(response.status_code, detail=detail)


def too_slow(seconds: float) -> Failure:
    """Return the failure of an answer that does not end in time."""
    return Failure(f"the answer took longer than {seconds:.0f} s")
