"""Notifications of other processes' writes: one connection a process, for all streams in use."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Final
from weakref import WeakValueDictionary

from brubeck import green
from brubeck.storage.errors import StorageError
from brubeck.storage.notifier import HeadNotifier

log = logging.getLogger("brubeck.app")

RETRY: Final = 1.0
"""Seconds until a connection that broke is made again."""


class Listener(ABC):
    """Passes on the notices of the streams that somebody waits for.

    A notice may be lost: the `HeadNotifier` of a stream looks by itself, too.
    """

    def __init__(self, shown: str, retry: float = RETRY) -> None:
        self._shown = shown
        """The address of the server, without a password."""
        self._retry = retry
        self._notifiers: WeakValueDictionary[str, HeadNotifier] = WeakValueDictionary()
        self._listening = False
        self._closed = False
        self._has_news = False
        """Whether a stream was added since a listener last looked which there are."""

    @abstractmethod
    def _pass_on(self) -> None:
        """Connect, and pass notices on until the connection breaks or the listener is closed."""

    def hear(self, name: str, notifier: HeadNotifier) -> None:
        """Notify a stream of its changes, from soon on."""
        if self._notifiers.get(name) is not notifier:
            self._notifiers[name] = notifier
            self._has_news = True
        if not self._listening and not self._closed:
            self._listening = True
            green.spawn(self._listen)

    def _announce(self, name: str, position: int) -> None:
        notifier = self._notifiers.get(name)
        if notifier is not None:
            notifier.announce(position)

    def _listen(self) -> None:
        green.supervise(self._listen_once, "Listening for news", pause=self._retry)

    def _listen_once(self) -> bool:
        """Listen until the connection breaks, and return whether to connect again."""
        try:
            self._pass_on()
        except StorageError as reason:
            if not self._closed:
                log.info("News of %s are late: %s", self._shown, reason)
                green.sleep(self._retry)
        except Exception:
            if not self._closed:  # a driver that is closed raises anything
                raise
        return not self._closed

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
