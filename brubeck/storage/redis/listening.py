"""Notifications of other processes' writes: one subscription a process, to the streams in use."""

from __future__ import annotations

from time import monotonic
from typing import Final

from brubeck.storage.listening import Listener
from brubeck.storage.redis.client import RedisClient

_PAUSE: Final = 0.2
"""Seconds after which a stream is subscribed to, at the latest: there may be thousands of them, and
thousands of messages a second."""
_GONE: Final = 2.0
"""Seconds after which streams that nobody uses any more are looked for."""


class RedisListener(Listener):
    """Subscribes to the channels of the streams that somebody waits for."""

    def __init__(self, server: RedisClient) -> None:
        super().__init__(server.shown)
        self._server = server

    def _pass_on(self) -> None:
        subscription = self._server.subscription()
        subscribed: set[str] = set()
        looked = 0.0
        try:
            while not self._closed:
                since = monotonic() - looked
                if since >= _GONE or (self._has_news and since >= _PAUSE):
                    self._has_news, looked = False, monotonic()
                    heard = set(self._notifiers)
                    if new := heard - subscribed:
                        subscription.subscribe(*new)
                    if gone := subscribed - heard:
                        subscription.unsubscribe(*gone)
                    subscribed = heard
                message = subscription.get_message(timeout=_PAUSE)
                if message is not None and message["type"] == "message":
                    self._announce(message["channel"].decode(), int(message["data"]))
        finally:
            subscription.close()
