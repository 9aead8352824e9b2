"""``mongodb://`` keeps the contract."""

from __future__ import annotations

from uuid import uuid4

import pytest

from brubeck.storage import Storage
from brubeck.storage.conformance import StorageConformance
from brubeck.storage.mongo import MongoStorage
from brubeck.timekeeping import Clock
from tests.servers.mongo import MongoServer, set_url


class _Mongo(StorageConformance):
    """A database of its own for each storage."""

    database = ""

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        raise NotImplementedError

    def make_storage(self, clock: Clock) -> Storage:
        """Return a storage in a new database."""
        self.database = f"t{uuid4().hex[:12]}"
        return MongoStorage(self.url(self.database), clock=clock)

    def another(self, storage: Storage, clock: Clock) -> Storage:
        """Return the database that was made last, connected to again."""
        return MongoStorage(self.url(self.database), clock=clock)


class TestMongoAlone(_Mongo):
    """Every promise, in a standalone server."""

    @pytest.fixture(autouse=True)
    def _server(self, mongo_server: MongoServer) -> None:
        self.port = mongo_server.port

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"


class TestMongoReplicaSet(_Mongo):
    """Every promise, in a replica set."""

    @pytest.fixture(autouse=True)
    def _servers(self, mongo_members: list[MongoServer]) -> None:
        self.members = mongo_members

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return set_url(self.members, database)
