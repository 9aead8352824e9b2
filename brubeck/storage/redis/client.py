"""Connecting to Redis: one server, a service that Sentinels watch, or a cluster.

Nothing is sent twice but what may be: a write carries a token, so a reply that was lost with its
connection is asked for once more, at once. An operation that does not end by its deadline fails.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import redis
import redis.cluster
import redis.exceptions
import redis.sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TooLate
from redis.retry import Retry

from brubeck import green
from brubeck.config.urls import ServerURL
from brubeck.config.values import duration, whole
from brubeck.errors import ConfigError
from brubeck.green.waking import FairSemaphore
from brubeck.storage.errors import Unavailable
from brubeck.storage.redis.deadlines import (
    TimedCommands,
    TimedConnection,
    TimedMasterConnection,
    TimedUnixConnection,
    remaining,
    within,
)
from brubeck.storage.redis.direct import DirectCommands
from brubeck.storage.redis.security import NO_SECURITY, SECURITY_OPTIONS, Security
from brubeck.storage.urls import read_options, redacted, split

_driver: Any = redis  # half typed
DRIVER_ERRORS: Final = tuple(
    each
    for each in vars(redis.exceptions).values()
    if isinstance(each, type) and issubclass(each, Exception)
)
"""Every error of the driver: those of a cluster are no `RedisError`."""
SENTINEL_PORT: Final = 26379
SERVER_PORT: Final = 6379


OPTIONS: Final = {"timeout": duration, "pool": whole(1, 10_000), **SECURITY_OPTIONS}
"""The options of a URL and their parsers."""


def client_options(url: str) -> tuple[str, dict[str, Any]]:
    """Return a URL without its options, and these as the arguments of a `RedisClient`."""
    options: dict[str, Any] = read_options(url, OPTIONS)
    secure = {each: options.pop(each) for each in SECURITY_OPTIONS if each in options}
    return url.partition("?")[0], options | {"security": Security(**secure)}


class RedisClient:
    """The client of a Redis: ``pool`` operations at once, each of ``timeout`` seconds at most."""

    def __init__(
        self, url: str, *, timeout: float, pool: int, security: Security = NO_SECURITY
    ) -> None:
        self.shown = redacted(url)
        self._url = url
        self._timeout = timeout
        self._pool = pool
        self._places = FairSemaphore(pool)
        self._client: Any = None
        self._opening = green.Lock()
        self._closed = False
        self._security = security
        self._tls = _check(url, security)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the client of a URL with its options; `ConfigError` for an invalid one."""
        bare, options = client_options(url)
        return cls(bare, **{"timeout": 2.0, "pool": 50} | options)

    @contextmanager
    def commands(self, *, several: bool = False) -> Iterator[Any]:
        """Lend the client; `Unavailable` for every error of the driver, and when none is free.

        All that is done with it takes the timeout at most, waiting for it included. Where
        ``several`` commands are sent, however many, each of them may take so long. What else its
        borrower raises is the borrower's own.
        """
        if self._closed:
            raise Unavailable("The storage is closed.")
        with within(inf if several else self._timeout):
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
        with self.commands() as client:
            return client.pubsub()

    def _open(self) -> Any:
        with within(self._timeout):
            # Whoever opens it has a deadline of its own, which may be later.
            if not self._opening.acquire(timeout=remaining()):
                raise Unavailable(f"Redis at {self.shown}: Timeout connecting to server")
            try:
                if self._client is None:
                    self._client = _client(
                        self._url, self._timeout, self._pool, self._security, self._tls
                    )
            except OSError as reason:
                raise Unavailable(f"Redis at {self.shown}: {reason}") from reason
            finally:
                self._opening.release()
            return self._client

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._client is not None:
            self._client.close()
            self._client = None


class _Client(DirectCommands, TimedCommands, _driver.Redis):  # type: ignore[misc]  # the driver has no types
    """A client of one server, or of the master that the Sentinels name."""


class _Cluster(
    TimedCommands,
    _driver.cluster.RedisCluster,  # type: ignore[misc]  # the driver has no types
):
    """A client of a cluster."""

    moves_keys = True

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command and return its reply; wait a moment where its slot is being moved."""
        try:
            return super().execute_command(*args, **options)
        except ClusterError as reason:
            if type(reason) is not ClusterError:
                raise
            # The driver has tried it over and over, and says no more than that.
            raise ClusterError("The slot is being moved to another server.") from reason

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> Any:
        """Return a node; one that is unknown is new, and gets its first slot just now.

        The driver takes a node that it is redirected to from those that it knows.
        """
        found = super().get_node(host, port, node_name)
        if found is None and node_name is not None:
            name, _, number = node_name.rpartition(":")
            found = _driver.cluster.ClusterNode(name, int(number), _driver.cluster.PRIMARY)
            self.nodes_manager.nodes_cache[found.name] = found
        return found


class _Sentinels(_driver.sentinel.Sentinel):  # type: ignore[misc]  # the driver has no types
    """The Sentinels of a service, of which one that does not answer leaves time for the others."""

    def __init__(self, clients: list[Any]) -> None:
        super().__init__([])
        self.sentinels = clients

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return the host and port of the master, asking the Sentinel that knew it first."""
        errors = []
        clients = list(self.sentinels)
        for number, client in enumerate(clients):
            shares = len(clients) - number + 1  # one is left to connect to the master
            try:
                with within(remaining() / shares):
                    state = client.sentinel_masters().get(service_name)
            except (Disconnected, TooLate) as reason:
                errors.append(str(reason))
                continue
            if state and self.check_master_state(state, service_name):
                self.sentinels = [client, *(each for each in clients if each is not client)]
                return state["ip"], state["port"]
        known = f": {'; '.join(errors)}" if errors else ""
        raise _driver.sentinel.MasterNotFoundError(f"No master of {service_name!r} found{known}")

    def close(self) -> None:
        """Close the connections to the Sentinels."""
        for client in self.sentinels:
            client.close()


def _client(
    url: str, timeout: float, pool: int, security: Security, tls: ssl.SSLContext | None
) -> Any:
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
    # Those of `run`, those of the driver's own commands, and the subscription.
    most = {"max_connections": 2 * pool + 8}
    if parts.scheme == "unix":
        pool_ = _driver.ConnectionPool(
            connection_class=TimedUnixConnection,
            path=f"{parts.hosts}{parts.path}",
            retry=once,
            **most,
            **common,
            **who,
        )
        return _timed(_Client.from_pool(pool_), timeout)
    places = _places(url)
    if parts.scheme.endswith("+cluster"):
        client = _cluster(places, tls, common | who)
    elif parts.scheme.endswith("+sentinel"):
        service, database = _service(parts.path)
        guarded = parts.scheme.startswith("rediss")
        guards = guarded if security.sentinel_tls is None else security.sentinel_tls
        logs_in = {
            "username": security.sentinel_username or None,
            "password": security.sentinel_password or None,
        }
        known = common | logs_in | {"retry": once, "tls": tls if guards else None}
        sentinels = _Sentinels([_server(place, **known) for place in places])
        client = sentinels.master_for(
            service,
            redis_class=_Client,
            connection_class=TimedMasterConnection,
            tls=tls if guarded else None,
            db=database,
            retry=once,
            **most,
            **common,
            **who,
        )
    else:
        database = _database(parts.path.strip("/"))
        client = _server(places[0], db=database, retry=once, tls=tls, **most, **common, **who)
    return _timed(client, timeout)


def _timed(client: Any, timeout: float) -> Any:
    client.timeout = timeout
    return client


def _server(place: tuple[str, int], **options: Any) -> Any:
    host, port = place
    pool = _driver.ConnectionPool(connection_class=TimedConnection, host=host, port=port, **options)
    return _Client.from_pool(pool)


def _cluster(
    places: list[tuple[str, int]], tls: ssl.SSLContext | None, options: dict[str, Any]
) -> Any:
    host, port = places[0]
    return _Cluster(
        # By a URL, or the driver takes connections of its own classes only.
        url=f"redis://{f'[{host}]' if ':' in host else host}:{port}",
        startup_nodes=[_driver.cluster.ClusterNode(*place) for place in places],
        connection_pool_class=partial(
            _driver.ConnectionPool, connection_class=TimedConnection, tls=tls, share=0.5
        ),
        # The number alone counts: a node that is gone is found out, and its successor asked.
        retry=Retry(NoBackoff(), 2),
        **options,
    )


def _check(url: str, security: Security) -> ssl.SSLContext | None:
    """Return the TLS context of a URL, None without TLS; raise `ConfigError` for an invalid URL."""
    parts = split(url)
    try:
        places = [] if parts.scheme == "unix" else _places(url)
        fault = _fault(parts, places) or security.fault(parts.scheme)
        guarded = parts.scheme.startswith("rediss") or security.sentinel_tls
        tls = security.context() if guarded and not fault else None
    except ValueError as reason:
        fault, tls = str(reason), None
    if fault:
        raise ConfigError(f'The storage "{redacted(url)}": {fault}.')
    return tls


def _fault(parts: ServerURL, places: list[tuple[str, int]]) -> str:
    path = parts.path.strip("/")
    if parts.scheme == "unix":
        return "" if path else "a path leads to the socket"
    if parts.scheme.endswith("+sentinel"):
        _service(path)
    elif parts.scheme.endswith("+cluster"):
        return "a cluster has no databases" if path else ""
    else:
        _database(path)
        return "one server has one address" if len(places) > 1 else ""
    return ""


def _places(url: str) -> list[tuple[str, int]]:
    """Return the hosts and ports of a URL, which may name several, with commas."""
    parts = split(url)
    usual = SENTINEL_PORT if parts.scheme.endswith("+sentinel") else SERVER_PORT
    places = []
    for place in parts.hosts.split(","):
        one = urlsplit(f"//{place}")
        places.append((one.hostname or "127.0.0.1", one.port or usual))
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
