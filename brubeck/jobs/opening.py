"""Opening the queue of a URL: the scheme names the kind, and its modules are imported then."""

from __future__ import annotations

from typing import Final

from brubeck.config.urls import redacted
from brubeck.errors import ConfigError
from brubeck.jobs.queue import JobQueue
from brubeck.storage import Storage
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

REDIS: Final = (
    *("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
    "unix",
)
SCHEMES: Final = ("memory", "sqlite", *REDIS)
"""The schemes of the URLs of queues."""
MEMORY: Final = "memory://"


def has_queue(url: str) -> bool:
    """Return whether a queue of jobs can be at a URL.

    >>> has_queue('sqlite:///jobs.db'), has_queue('mongodb://127.0.0.1/jobs')
    (True, False)
    """
    return url.partition(":")[0] in SCHEMES


def is_shared(url: str) -> bool:
    """Return whether several processes see the jobs of the queue at a URL."""
    return url.partition(":")[0] != "memory"


def open_queue(
    url: str, name: str = "jobs", *, timeout: float = 5.0, clock: Clock = SYSTEM_CLOCK
) -> JobQueue:
    """Return the queue at a URL; `ConfigError` where none can be. Nothing is connected to yet.

    ``timeout`` is that of a Redis, in seconds; a SQLite file is given its own in the URL.
    """
    scheme = url.partition(":")[0]
    if scheme in REDIS:
        from brubeck.jobs.redis_queue import RedisQueue

        return RedisQueue(url, name, timeout=timeout)
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise ConfigError(f'Jobs wait in one of {known}; not at "{redacted(url)}".')
    from brubeck.jobs.sql_queue import SQLQueue

    if scheme == "sqlite":
        from brubeck.storage.sqlite import SQLiteStorage

        try:
            database = SQLiteStorage.from_url(url).database
        except ConfigError as reason:
            raise ConfigError(str(reason).replace("The storage", "The queue", 1)) from None
        return SQLQueue(database, redacted(url), name, clock=clock)
    if url != MEMORY:
        raise ConfigError(f'memory:// takes nothing more: "{redacted(url)}".')
    from brubeck.storage.sqlite.private import MemoryDatabase

    return SQLQueue(MemoryDatabase(), url, name, clock=clock, shared=False)


def holds_queue(store: Storage) -> bool:
    """Return whether an open store can have a queue in its own database."""
    from brubeck.storage.memory import MemoryStorage
    from brubeck.storage.sqlite import SQLiteStorage

    return isinstance(store, MemoryStorage | SQLiteStorage)


def queue_of(store: Storage, name: str, clock: Clock) -> JobQueue | None:
    """Return a queue in the database of an open store, None where it cannot have one.

    In a file, jobs are sent by the connections of the store, and share commits with its writes.
    """
    if not holds_queue(store):
        return None
    from brubeck.jobs.sql_queue import SQLQueue
    from brubeck.storage.sqlite import SQLiteStorage

    if not isinstance(store, SQLiteStorage):
        return open_queue(MEMORY, name, clock=clock)
    shown = f"sqlite:///{store.database.path}"
    return SQLQueue(store.database, shown, name, clock=clock, owns=False)
