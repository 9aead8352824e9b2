"""The parts of a streaming response, as its source makes them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from brubeck.errors import ProtocolError
from brubeck.http import StreamingResponse
from brubeck.http.subscription import Subscription

log = logging.getLogger("brubeck.server")


def made_parts(response: StreamingResponse) -> Iterator[bytes | Subscription]:
    """Yield the parts; an exception of their source is logged and becomes a `ProtocolError`."""
    parts = iter(response.parts)
    while True:
        try:
            part = next(parts, None)
        except Exception as reason:
            log.exception("A response broke off while it was made.")
            raise ProtocolError("the response broke off") from reason
        if part is None:
            return
        yield part
