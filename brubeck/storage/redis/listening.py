"""Notifications of other processes' writes: one subscription a process, to the streams in use."""

from __future__ import annotations

from typing import Final

from brubeck.storage.listening import Listener
from brubeck.storage.redis.client import RedisClient

_PAUSE: Final = 0.2


class RedisListener(Listener):
    """Subscribes to the channels of the streams that somebody waits for."""

    def __init__(self, server: RedisClient) -> None:
        super().__init__(server.shown)
        self._server = server

    def _pass_on(self) -> None:
        subscription = self._server.subscription()
        subscribed: set[str] = set()
        try:
            while not self._closed:
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
