"""The sender of a request, where the program alone knows how it tells callers apart.

A hook or an access class may know a caller by any header: a key, a tenant, the name that a proxy
has verified. Two requests are of one sender if they agree in all headers but those that differ
between a request and its repetition, or say nothing of who sends it.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from brubeck.http import Request

ASKED: Final = ("admit", "prepare", "before_create", "before_update", "before_delete")
"""The hooks that may refuse a request."""
_OF_THE_MESSAGE: Final = re.compile(
    r"""
    accept(-.*)? | content-.* | if-.* | sec-.* | range | expect | te | trailer | date | age
    | transfer-encoding | connection | keep-alive | upgrade(-insecure-requests)? | priority
    | cache-control | pragma | user-agent | dnt | save-data | referer | origin | max-forwards
    | idempotency-key | prefer | early-data
    # The way that it took.
    | via | forwarded | x-real-ip | x-forwarded-(for|proto|port|prefix|server|host|ssl) | cf-ray
    | cf-connecting-ip | true-client-ip | cdn-loop | x-(request|queue)-start | x-envoy-.*
    # Traces and attempts.
    | traceparent | tracestate | baggage | b3 | x-b3-.* | (x-)?(request|correlation|trace)-id
    | x-amzn-trace-id | x-cloud-trace-context | x-datadog-.* | sentry-trace | uber-trace-id
    | newrelic | elastic-apm-.* | amz-sdk-.* | x-stainless-.* | (x-)?retry-(count|attempt)
    | x-attempt
    """,
    re.VERBOSE,
)
"""The headers that say nothing of the sender."""


def sender(request: Request) -> str:
    """Return a digest of all headers by which the program may know the sender of a request.

    >>> from brubeck.http import Headers
    >>> one = Request('POST', '/', Headers({'X-Org': 'acme', 'Date': 'today'}))
    >>> again = Request('POST', '/', Headers({'X-Org': 'acme', 'Date': 'tomorrow'}))
    >>> sender(one) == sender(again)
    True
    >>> sender(one) == sender(Request('POST', '/', Headers({'X-Org': 'other'})))
    False
    """
    sent = sorted(
        (name.lower(), value)
        for name, value in request.headers.pairs()
        if not _OF_THE_MESSAGE.fullmatch(name.lower())
    )
    return f"#{sha256(repr(sent).encode()).hexdigest()}"
