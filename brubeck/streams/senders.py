"""The sender of a request, where the program alone knows how it tells callers apart.

A hook or an access class may know a caller by a header: a key, a session, the tenant that a gateway
names. Two requests are of one sender if they agree in all that is named like this, and in the host
and prefix. A header that is named otherwise is not compared: proxies, traces and signatures add
some that differ between a request and its repetition. Cookies are compared where a hook has read
one: the answer to the first request may have set others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from brubeck.http import Request

ASKED: Final = (
    *("admit", "prepare", "before_create", "before_update", "before_delete", "after_change"),
)
"""The hooks that may refuse a request, or do something for its caller."""
_CREDENTIAL: Final = re.compile("auth|token|key|secret|session|credential|sid$|jwt|passw")
"""The names of headers and cookies that prove a caller."""
_NAME: Final = re.compile(
    """
    user | tenant | account | identity | customer | workspace | project | principal | subject
    | behalf | e?mail | login | company | realm | person | member | owner | partner | agent-id
    | (^|-)(org|organi[sz]ation|team|group|role|client|caller|from|dn|device|app|shop|site|store)s?
      (-(id|name|dn|cert|key|slug))?$
    """,
    re.VERBOSE,
)
"""The names of headers that name a caller."""
_OTHER: Final = re.compile(
    "user-agent|(x-)?(csrf|xsrf).*|idempotency-key|.*-websocket-.*|.*-api-client"
)


def sender(request: Request, *, is_known: bool = False) -> str:
    """Return a digest of all by which the program may know the sender of a request.

    It is asked when ``admit`` and ``prepare`` are done. Of a request whose caller ``is_known`` the
    credentials are left out: they may be renewed before it is sent again.

    >>> from brubeck.http import Headers
    >>> one = Request('POST', '/', Headers({'X-Org': 'acme', 'X-Request-Id': '1'}))
    >>> again = Request('POST', '/', Headers({'X-Org': 'acme', 'X-Request-Id': '2'}))
    >>> sender(one) == sender(again)
    True
    >>> sender(one) == sender(Request('POST', '/', Headers({'X-Org': 'other'})))
    False
    """
    by_cookies = "Cookie" in request.identity and not is_known  # reading the others notes it, too
    named = sorted(_naming(request, is_known=is_known))
    if by_cookies:
        named += _naming_cookies(request)
    told = (request.host, request.header("host"), request.prefix, named)
    return f"#{sha256(repr(told).encode()).hexdigest()}"


def _naming(request: Request, *, is_known: bool) -> Iterator[tuple[str, str]]:
    """Yield the headers that prove or name the sender, but for cookies."""
    for name, value in request.headers.pairs():
        lower = name.lower()
        proves = bool(_CREDENTIAL.search(lower)) and not is_known
        if (proves or _NAME.search(lower)) and not _OTHER.fullmatch(lower):
            yield lower, value


def _naming_cookies(request: Request) -> list[tuple[str, str]]:
    """Return the cookies that prove or name the sender; all of them where none is named so."""
    cookies = sorted(request.cookies.items())
    found = [(name, value) for name, value in cookies if _is_naming(name.lower())]
    return found or [("", request.header("cookie") or "")]


def _is_naming(name: str) -> bool:
    return bool(_CREDENTIAL.search(name) or _NAME.search(name))
