"""Notifications of other processes' writes: one change stream of the server for all that wait."""

from __future__ import annotations

import logging
from typing import Final
from weakref import WeakValueDictionary

from brubeck import green
from brubeck.storage.errors import StorageError
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.finalizing import STREAMS
from brubeck.storage.notifier import HeadNotifier

log = logging.getLogger("brubeck.app")

_RETRY: Final = 1.0
_POSITION: Final = "updateDescription.updatedFields.position"


class Listener:
    """Notifies streams of a moved head, where the server has change streams.

    A notice may be lost: the `HeadNotifier` of a stream look by themselves, too.
    """

    def __init__(self, server: DatabaseClient) -> None:
        self._server = server
        self._streams: WeakValueDictionary[str, HeadNotifier] = WeakValueDictionary()
        self._listening = False
        self._closed = False

    def hear(self, name: str, notifier: HeadNotifier) -> None:
        """Notify a stream of its changes, from soon on."""
        self._streams[name] = notifier
        if not self._listening and self._server.replicated and not self._closed:
            self._listening = True
            green.spawn(self._listen)

    def _listen(self) -> None:
        green.supervise(self._listen_once, "Listening for news", pause=_RETRY)

    def _listen_once(self) -> bool:
        """Listen until the connection breaks, and return whether to connect again."""
        try:
            self._pass_on()
        except StorageError as reason:
            if not self._closed:
                log.info("News of %s are late: %s", self._server.shown, reason)
                green.sleep(_RETRY)
        except Exception:
            if not self._closed:  # a driver that is closed raises anything
                raise
        return not self._closed

    def _pass_on(self) -> None:
        moved = [{"$match": {_POSITION: {"$exists": True}}}]
        with (
            self._server.database() as database,
            database[STREAMS].watch(moved, max_await_time_ms=500) as changes,
        ):
            while changes.alive and not self._closed:
                change = changes.try_next()
                if change is not None:
                    notifier = self._streams.get(change["documentKey"]["_id"])
                    if notifier is not None:
                        notifier.announce(change["updateDescription"]["updatedFields"]["position"])

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
