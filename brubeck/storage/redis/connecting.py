"""Connecting to Redis: one server, a service that Sentinels watch, or a cluster.

Nothing is sent twice but what may be: a write carries a token, so a reply that was lost with its
connection is asked for once more, at once. A reply that does not come in time is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import redis
import redis.cluster
import redis.exceptions
import redis.sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.retry import Retry

from brubeck import green
from brubeck.config.urls import ServerURL
from brubeck.errors import ConfigError
from brubeck.storage.errors import Unavailable
from brubeck.storage.urls import redacted, split

_driver: Any = redis  # half typed
DRIVER_ERRORS: Final = tuple(
    each
    for each in vars(redis.exceptions).values()
    if isinstance(each, type) and issubclass(each, Exception)
)
"""Every error of the driver: those of a cluster are no `RedisError`."""
PORTS: Final = {"redis": 6379, "rediss": 6379, "redis+sentinel": 26379, "redis+cluster": 6379}


class Door:
    """The way to a Redis: ``pool`` commands at once at the most, each of ``timeout`` seconds."""

    def __init__(self, url: str, *, timeout: float, pool: int) -> None:
        self.shown = redacted(url)
        self._url = url
        self._timeout = timeout
        self._places = green.Semaphore(pool)
        self._client: Any = None
        self._opening = green.Lock()
        self._closed = False
        _check(url)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Lend the client; `Unavailable` for every error of the driver, and when none is free.

        What else its borrower raises is the borrower's own.
        """
        if self._closed:
            raise Unavailable("The storage is closed.")
        if not self._places.acquire(timeout=self._timeout):
            raise Unavailable(f"All connections to {self.shown} are in use.")
        try:
            yield self._client or self._open()
        except DRIVER_ERRORS as reason:
            raise Unavailable(f"Redis at {self.shown}: {reason}") from reason
        finally:
            self._places.release()

    def subscription(self) -> Any:
        """Return a new subscription, which has a connection of its own."""
        with self.client() as client:
            return client.pubsub()

    def _open(self) -> Any:
        with self._opening:
            if self._client is None:
                try:
                    self._client = _client(self._url, self._timeout)
                except OSError as reason:
                    raise Unavailable(f"Redis at {self.shown}: {reason}") from reason
            return self._client

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._client is not None:
            self._client.close()
            self._client = None


def _client(url: str, timeout: float) -> Any:
    parts = split(url)
    # What a server closed while nobody looked is found out by using it: that once may be repeated.
    once = Retry(NoBackoff(), 1, supported_errors=(Disconnected,))
    common: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "protocol": 2,
    }
    who: dict[str, Any] = {
        "username": parts.username or None,
        "password": parts.password or None,
    }
    places = _places(url)
    if parts.scheme == "redis+cluster":
        nodes = [_driver.cluster.ClusterNode(host, port) for host, port in places]
        return _driver.cluster.RedisCluster(startup_nodes=nodes, **common, **who)
    if parts.scheme == "redis+sentinel":
        service, database = _service(parts.path)
        sentinels = _driver.sentinel.Sentinel(places, **common)
        return sentinels.master_for(service, db=database, retry=once, **common, **who)
    host, port = places[0]
    if parts.scheme == "rediss":
        common["ssl"] = True
    database = _database(parts.path.strip("/"))
    return _driver.Redis(host, port, db=database, retry=once, **common, **who)


def _check(url: str) -> None:
    """Refuse what cannot be the URL of a Redis."""
    parts = split(url)
    try:
        fault = _fault(parts, _places(url))
    except ValueError as reason:
        fault = str(reason)
    if fault:
        raise ConfigError(f'The storage "{redacted(url)}": {fault}.')


def _fault(parts: ServerURL, places: list[tuple[str, int]]) -> str:
    path = parts.path.strip("/")
    if parts.scheme == "redis+sentinel":
        _service(path)
    elif parts.scheme == "redis+cluster":
        return "a cluster has no databases" if path else ""
    else:
        _database(path)
        return "one server has one address" if len(places) > 1 else ""
    return ""


def _places(url: str) -> list[tuple[str, int]]:
    """Return the hosts and ports of a URL, which may name several, with commas."""
    parts = split(url)
    places = []
    for place in parts.hosts.split(","):
        one = urlsplit(f"//{place}")
        places.append((one.hostname or "127.0.0.1", one.port or PORTS[parts.scheme]))
    return places


def _service(path: str) -> tuple[str, int]:
    service, _, database = path.strip("/").partition("/")
    if not service:
        raise ValueError("the path names the service that the Sentinels watch")
    return unquote(service), _database(database)


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the path is the number of a database")
    return int(text or 0)
