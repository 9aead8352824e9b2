"""Metrics for Prometheus: requests, open feeds, storage, the lag of followers, blocked time.

Needs ``pip install 'brubeck[metrics]'``. They are served at a path of the program or at an address
of their own (``server.metrics``). With several workers each of them has the figures of all: they
write them into files of one directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from brubeck import green
from brubeck.errors import ConfigError
from brubeck.http import Headers, Request, Response, StreamingResponse
from brubeck.monitoring.backlogs import BacklogCollector, Following
from brubeck.monitoring.labels import route_of
from brubeck.monitoring.measured import MeasuredRecords
from brubeck.monitoring.programs import METRICS_DIRECTORY, ObservedProgram, Respond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brubeck.storage import RecordStream

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_AGAIN: Final = 2.0
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _library() -> Any:
    try:
        import prometheus_client
    except ImportError as reason:
        raise ConfigError(
            "server.metrics needs prometheus-client: pip install 'brubeck[metrics]'."
        ) from reason
    return prometheus_client


class Metrics:
    """The metrics of one program."""

    _of: Final[WeakKeyDictionary[Any, Metrics]] = WeakKeyDictionary()

    def __init__(self, program: ObservedProgram) -> None:
        library = _library()
        self._library, self._program = library, program
        self.registry = registry = library.CollectorRegistry()
        self._requests = library.Counter(
            "brubeck_requests",
            "Answered requests.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = library.Histogram(
            "brubeck_request_seconds",
            "Seconds until a request had its answer, or its head.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_progress = library.Gauge(
            "brubeck_requests_in_progress",
            "Requests that are being answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._feeds = library.Gauge(
            "brubeck_open_feeds",
            "Open feeds.",
            ["route"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._storage = library.Histogram(
            "brubeck_storage_seconds",
            "Seconds of an operation of a storage.",
            ["store", "operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._storage_errors = library.Counter(
            "brubeck_storage_errors",
            "Operations of a storage that failed.",
            ["store", "operation"],
            registry=registry,
        )
        self._storage_in_progress = library.Gauge(
            "brubeck_storage_operations_in_progress",
            "Operations of a storage that have begun, with those that wait for a connection.",
            ["store"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._lag = library.Histogram(
            "brubeck_follower_lag_seconds",
            "Seconds from a write to its arrival at a reader that waited for it.",
            ["stream"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._backlogs = BacklogCollector(cast("Following", program))
        registry.register(self._backlogs)
        self.blocked = library.Counter(
            "brubeck_blocked_seconds",
            "Seconds for which everything waited for one green thread.",
            registry=registry,
        )

    @classmethod
    def of(cls, program: ObservedProgram) -> Metrics:
        """Return the metrics of a program, made once."""
        found = cls._of.get(program)
        if found is None:
            found = cls._of[program] = cls(program)
        return found

    # What is measured.

    def around(self, respond: Respond) -> Respond:
        """Return a ``respond`` that counts."""
        router, place = self._program.router, self._program.settings.server.metrics

        def answer(request: Request) -> Response:
            if request.target == f"{request.mounted_at}{place}":
                return self.response()
            began = perf_counter()
            with self._in_progress.track_inprogress():
                response = respond(request)
            method = request.method if request.method in _METHODS else "other"
            route = route_of(router, request)
            self._seconds.labels(method, route).observe(perf_counter() - began)
            self._requests.labels(method, route, response.status).inc()
            if isinstance(response, StreamingResponse) and response.endless:
                response = response.copy()
                response.on_close = self._counted_feed(route)
            return response

        return answer

    def _counted_feed(self, route: str) -> Callable[[], None]:
        feeds = self._feeds.labels(route)
        feeds.inc()
        return feeds.dec  # type: ignore[no-any-return]  # the library is not typed here

    def measured(self, store: str, stream: str, records: RecordStream) -> RecordStream:
        """Return the records of a stream with their operations measured."""
        return MeasuredRecords(records, self._operation(store), self._lag.labels(stream).observe)

    def _operation(self, store: str) -> Callable[[str], Any]:
        in_progress = self._storage_in_progress.labels(store)

        @contextmanager
        def operation(name: str) -> Iterator[None]:
            began = perf_counter()
            in_progress.inc()
            try:
                yield
            except Exception:
                self._storage_errors.labels(store, name).inc()
                raise
            finally:
                in_progress.dec()
                self._storage.labels(store, name).observe(perf_counter() - began)

        return operation

    # How they are read.

    def text(self) -> bytes:
        """Return the figures in the text format of Prometheus; of all workers, if there are any."""
        library, registry = self._library, self.registry
        if folder := os.environ.get(METRICS_DIRECTORY):
            from prometheus_client.multiprocess import MultiProcessCollector

            _forget_dead(Path(folder))
            registry = library.CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it is not typed
            registry.register(self._backlogs)
        text: bytes = library.generate_latest(registry)
        return text

    def response(self) -> Response:
        """Return the answer to a request for the figures."""
        headers = Headers({"Content-Type": _TYPE, "Cache-Control": "no-store"})
        return Response(self.text(), 200, headers=headers)

    def serve(self, address: str) -> None:
        """Serve the figures at an address, as soon as no other worker does."""
        from brubeck.connections.embedded import EmbeddedServer, ServerOptions

        host, _, port = address.rpartition(":")
        where = green.Address(host=host.strip("[]"), port=int(port))

        def listen() -> bool:
            try:
                listener = green.listen(where)
            except ConfigError:
                return True  # a worker has it; should it end, the next one takes over
            EmbeddedServer(listener, ServerOptions()).serve(lambda _request: self.response())
            return False

        green.supervise(listen, "Serving metrics", every=_AGAIN)


def _forget_dead(folder: Path) -> None:
    """Remove the gauges of workers that have ended."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)
