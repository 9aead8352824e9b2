"""Connecting to MongoDB: read preferences, read concerns and write concerns.

Every read that order depends on goes to the primary with the majority's concern, whatever a URL
says, and every step of a write that a later step stands on is acknowledged by the majority. A
standalone server, which knows no majority, acknowledges what is in its journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import MongoClient, ReadPreference
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from brubeck import green
from brubeck.storage.errors import Unavailable
from brubeck.storage.mongo.documents import Document
from brubeck.storage.urls import redacted, split

DATABASE: Final = "brubeck"

Rows = Collection[Document]


class DatabaseClient:
    """The client of a MongoDB: ``pool`` operations at once, each of ``timeout`` seconds at most."""

    def __init__(self, url: str, *, timeout: float, pool: int) -> None:
        self.shown = redacted(url)
        self._url = url
        self._timeout = timeout
        self._pool = pool
        self._client: MongoClient[Document] | None = None
        # For writes, and for reads of what the majority has; made once it is known what it is.
        self._databases: tuple[Database[Document], Database[Document]] | None = None
        self._replicated: bool | None = None  # until a server has said
        self.sharded = False
        """Whether collections may be spread over several servers; known once one was asked."""
        self._opening = green.Lock()
        self._closed = False

    @contextmanager
    def database(self) -> Iterator[Database[Document]]:
        """Lend the database; its errors are raised as `Unavailable`."""
        with self._translated():
            yield self._opened()[0]

    @contextmanager
    def committed(self) -> Iterator[Database[Document]]:
        """Lend the database for a read of what the majority has, by itself."""
        with self._translated():
            yield self._opened()[1]

    @contextmanager
    def reading(self) -> Iterator[tuple[Database[Document], ClientSession | None]]:
        """Lend the database and a causally consistent session; None on a standalone server."""
        with self.committed() as database:
            if not self._replicated:
                yield database, None
                return
            with database.client.start_session(causal_consistency=True) as session:
                yield database, session

    @property
    def replicated(self) -> bool:
        """Whether there is a majority, and a stream of changes to listen to."""
        return bool(self._replicated)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (PyMongoError, BSONError) as reason:
            said = str(reason).partition(", Topology Description")[0]  # it repeats what was said
            raise Unavailable(f"MongoDB at {self.shown}: {said}") from reason

    def _opened(self) -> tuple[Database[Document], Database[Document]]:
        if self._closed:
            raise Unavailable("The storage is closed.")
        if self._databases is None:
            database = self._database(self._open())
            concern = ReadConcern("majority" if self._replicated else None)
            self._databases = database, database.with_options(read_concern=concern)
        return self._databases

    def _open(self) -> MongoClient[Document]:
        with self._opening:
            if self._client is None:
                self._client = MongoClient(
                    self._url,
                    timeoutMS=int(self._timeout * 1000),
                    serverSelectionTimeoutMS=int(self._timeout * 1000),
                    maxPoolSize=self._pool,
                    retryWrites=False,  # a write is known by its token, and repeated by it alone
                    tz_aware=True,
                )
            client = self._client
        if self._replicated is None:  # asked by everybody at once: nobody waits for another's wait
            hello = client.admin.command("hello")
            self.sharded = hello.get("msg") == "isdbgrid"
            self._replicated = "setName" in hello or self.sharded
        return client

    def _database(self, client: MongoClient[Document]) -> Database[Document]:
        name = unquote(split(self._url).path.strip("/")) or DATABASE
        return client.get_database(
            name,
            codec_options=CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS),
            read_preference=ReadPreference.PRIMARY,
            write_concern=self.durable,
        )

    @property
    def durable(self) -> WriteConcern:
        """The write concern of a step that a later one depends on."""
        return WriteConcern("majority") if self._replicated else WriteConcern(1, j=True)

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._client is not None:
            self._client.close()


def quick(rows: Rows) -> Rows:
    """Return a collection with writes that wait for the primary's memory alone.

    For a first step: a later one that is durable makes it so, since it stands behind it in the
    log.
    """
    return rows.with_options(write_concern=WriteConcern(1))
