"""Notifications of other processes' writes: one change stream of the server for all that wait."""

from __future__ import annotations

from typing import Final

from brubeck.storage.listening import Listener
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.finalizing import STREAMS
from brubeck.storage.notifier import HeadNotifier

_POSITION: Final = "updateDescription.updatedFields.position"


class MongoListener(Listener):
    """Watches the heads of all streams, where the server has change streams."""

    def __init__(self, server: DatabaseClient) -> None:
        super().__init__(server.shown)
        self._server = server

    def hear(self, name: str, notifier: HeadNotifier) -> None:
        """Notify a stream of its changes, from soon on; a server alone has none to tell."""
        if self._server.replicated:
            super().hear(name, notifier)

    def _pass_on(self) -> None:
        moved = [{"$match": {_POSITION: {"$exists": True}}}]
        with (
            self._server.database() as database,
            database[STREAMS].watch(moved, max_await_time_ms=500) as changes,
        ):
            while changes.alive and not self._closed:
                change = changes.try_next()
                if change is not None:
                    fields = change["updateDescription"]["updatedFields"]
                    self._announce(change["documentKey"]["_id"], fields["position"])
