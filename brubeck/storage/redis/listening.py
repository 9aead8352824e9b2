"""Notifications of other processes' writes: one subscription a process, to the streams in use."""

from __future__ import annotations

import logging
from typing import Any, Final
from weakref import WeakValueDictionary

from brubeck import green
from brubeck.storage.errors import StorageError
from brubeck.storage.notifier import HeadNotifier
from brubeck.storage.redis.client import RedisClient

log = logging.getLogger("brubeck.app")

_PAUSE: Final = 0.2
_RETRY: Final = 1.0


class Listener:
    """Passes on the notices of the streams that somebody waits for.

    A notice may be lost: the `HeadNotifier` of a stream look by themselves, too.
    """

    def __init__(self, server: RedisClient) -> None:
        self._server = server
        self._channels: WeakValueDictionary[str, HeadNotifier] = WeakValueDictionary()
        self._listening = False
        self._closed = False

    def hear(self, channel: str, notifier: HeadNotifier) -> None:
        """Notify a stream of messages on a channel, from soon on."""
        self._channels[channel] = notifier
        if not self._listening and not self._closed:
            self._listening = True
            green.spawn(self._listen)

    def _listen(self) -> None:
        green.supervise(self._listen_once, "Listening for news", pause=_RETRY)

    def _listen_once(self) -> bool:
        """Listen until the connection breaks, and return whether to connect again."""
        try:
            self._pass_on(self._server.subscription())
        except StorageError as reason:
            if not self._closed:
                log.info("News of %s are late: %s", self._server.shown, reason)
                green.sleep(_RETRY)
        except Exception:
            if not self._closed:  # a driver that is closed raises anything
                raise
        return not self._closed

    def _pass_on(self, subscription: Any) -> None:
        subscribed: set[str] = set()
        try:
            while not self._closed:
                heard = set(self._channels)
                if new := heard - subscribed:
                    subscription.subscribe(*new)
                if gone := subscribed - heard:
                    subscription.unsubscribe(*gone)
                subscribed = heard
                message = subscription.get_message(timeout=_PAUSE)
                if message is not None and message["type"] == "message":
                    notifier = self._channels.get(message["channel"].decode())
                    if notifier is not None:
                        notifier.announce(int(message["data"]))
        finally:
            subscription.close()

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
