"""Running an application until it is stopped: serving requests, or having jobs done."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Final, Protocol

from brubeck import green
from brubeck.auth.cookie import check_cookies
from brubeck.autoapi import AutoAPIBase
from brubeck.connections import Connection
from brubeck.consumers.connection import ConsumersConnection
from brubeck.consumers.consumer import Consumer, name_of
from brubeck.errors import ConfigError
from brubeck.explorer.rendering import own_template
from brubeck.handlers.program import Program
from brubeck.http.request import Request
from brubeck.http.response import Response
from brubeck.jobs import Jobs
from brubeck.monitoring import logs
from brubeck.routing import Router
from brubeck.serving import listening, signals
from brubeck.serving.supervising import is_worker
from brubeck.streams import StreamHandler
from brubeck.streams.sweeper import Sweeper
from brubeck.webhooks.connection import WebhooksConnection

log = logging.getLogger("brubeck.jobs")


class Application(Program, Protocol):
    """The application as far as running it goes; it is a `Brubeck`."""

    being_loaded: ClassVar[bool]
    streams: list[type[StreamHandler]]
    apis: list[type[AutoAPIBase]]
    router: Router
    msg_conn: Connection | None
    template_loader: Callable[[], Any] | None

    @property
    def template_env(self) -> Any:
        """The environment of the template engine, loaded at its first use."""

    @property
    def consumers(self) -> Sequence[type[Consumer]]:
        """The consumers of the program."""

    @property
    def jobs(self) -> Jobs:
        """The jobs of the program."""

    @property
    def sweeper(self) -> Sweeper:
        """The sweeper of the streams."""

    def respond(self, request: Request) -> Response:
        """Answer a request."""

    @property
    def observed(self) -> Callable[[Request], Response]:
        """`respond` with what the settings ask for around it."""

    def close(self) -> None:
        """Close everything that is open."""


_WRONG_CONFIGURATION: Final = 2
"""The exit status of a program that was not started; see docs/command-line.md."""


def serve(app: Application, *, reload: bool) -> None:
    """Serve requests."""
    with _running(app, "run", patched=True):
        settings = app.settings
        check_declarations(app)
        open_stores(app, settings.server.workers)
        if app.template_loader is not None:
            app.template_env  # noqa: B018, an error is raised now
        green.spawn(app.sweeper.run)
        respond = app.observed
        _watch(app)
        paths = [*(each.path for each in app.streams), *(["/docs"] if app.streams else [])]
        with _doing_own_jobs(app, apart=_is_supervisor(app, reload=reload)) as stop:
            _spare_collector()
            listening.run(
                respond,
                settings,
                connection=app.msg_conn,
                reload=reload,
                paths=paths,
                stop_beside=stop,
            )


def _spare_collector() -> None:
    """Take all that was loaded from the objects that the collector of garbage looks through.

    They stay as long as the process, and are more than most requests ever make: where many items
    are written, a quarter of the time went to looking through them again and again.
    """
    gc.collect()
    gc.freeze()


def _is_supervisor(app: Application, *, reload: bool) -> bool:
    """Return whether this process serves nothing itself, but watches over others that do."""
    several = app.msg_conn is None and (app.settings.server.workers > 1 or reload)
    return several and not is_worker()


@contextmanager
def _doing_own_jobs(app: Application, *, apart: bool) -> Iterator[Callable[[], None]]:
    """Do the jobs that wait in the memory of this process, where no worker could see them.

    Yields the function that stops doing them, which a signal handler may call.
    """
    if apart or not app.jobs.streams or app.jobs.is_shared:
        yield lambda: None
        return
    worker, over = app.jobs.connection(apart=False), green.Event()

    def do_jobs() -> None:
        try:
            worker.serve(app.jobs.perform)
        finally:
            over.set()

    green.spawn(do_jobs)
    try:
        yield worker.stop
    finally:
        if not worker.is_stopping:
            worker.stop()
        over.wait(app.settings.server.grace)
        depth = worker.queue.depth()
        if left := depth.waiting + depth.in_hand + depth.later:
            log.warning(
                "Jobs that waited in memory end with this process: %d. Jobs in a file outlive it: "
                'jobs.queue = "sqlite:///jobs.db".',
                left,
            )


def _watch(app: Application) -> None:
    """Begin what runs beside the requests: the watch on the hub, metrics at their own address."""
    server = app.settings.server
    metrics = None
    if server.metrics:
        from brubeck.monitoring.metrics import Metrics

        metrics = Metrics.of(app)
        if not server.metrics.startswith("/"):
            green.spawn(metrics.serve, server.metrics)
    if server.blocked_after and green.patched():
        from brubeck.monitoring.blocking import HubWatch

        count = None if metrics is None else metrics.blocked.inc
        green.spawn(HubWatch(server.blocked_after, count).run)


def work(app: Application) -> None:
    """Have jobs done."""
    with _running(app, "work", patched=False):
        settings = app.settings
        connections: list[tuple[str, Callable[[], None], Callable[[], None]]] = []
        if app.consumers:
            consuming = ConsumersConnection(app)
            names = ", ".join(name_of(each) for each in app.consumers)
            connections.append((f"consumers {names}", consuming.serve, consuming.stop))
        sending = WebhooksConnection(app)
        if sending.declarations:
            names = ", ".join(each.path for each in sending.declarations)
            connections.append((f"webhooks of {names}", sending.serve, sending.stop))
        if app.jobs.streams or settings.jobs.queue or not connections:
            worker = app.jobs.connection()
            perform = partial(worker.serve, app.jobs.perform)
            connections.append((f"jobs of {worker.queue.shown}", perform, worker.stop))
        signals.run_workers(
            partial(_serve_all, [serve for _, serve, _ in connections]),
            partial(_stop_all, [stop for _, _, stop in connections]),
            " and ".join(doing for doing, _, _ in connections),
            settings.jobs.workers,
            grace=settings.server.grace,
        )


def _stop_all(stops: Sequence[Callable[[], None]]) -> None:
    for stop in stops:
        stop()


def _serve_all(parts: Sequence[Callable[[], None]]) -> None:
    """Run several parts side by side, and return when all of them have ended."""
    *others, last = parts
    left = len(others)

    def run(part: Callable[[], None]) -> None:
        nonlocal left
        try:
            part()
        finally:
            left -= 1

    for part in others:
        green.spawn(run, part)
    last()
    while left:
        green.sleep(0.1)


@contextmanager
def _running(app: Application, call: str, *, patched: bool) -> Iterator[None]:
    if app.being_loaded:
        raise ConfigError(
            f"The program calls app.{call}() while it is being loaded; "
            "put that line under if __name__ == '__main__':"
        )
    if patched:
        green.patch()  # before anything makes a lock
    try:
        settings = app.settings
        logs.configure(settings)
        yield
    except ConfigError as reason:
        # A traceback through Brubeck does not help the author of the program.
        sys.stderr.write(f"brubeck: {reason}\n")
        raise SystemExit(_WRONG_CONFIGURATION) from None
    finally:
        app.close()


def check_declarations(app: Application) -> None:
    """Raise `ConfigError` where a declaration lacks a required setting; opens nothing.

    Called before a program serves, so that no setting is missed only at the first request.
    """
    declared = [*app.streams, *app.apis, *(each.handler for each in app.router.routes)]
    schemes = dict.fromkeys(scheme for each in declared for scheme in getattr(each, "schemes", ()))
    for scheme in schemes:
        scheme.check(app)
    check_cookies(schemes)
    for stream in app.streams:
        if stream.spec.appearance.template:
            own_template(app, stream.spec.appearance.template)
    if app.jobs.streams:
        app.jobs.check_queue()


def open_stores(app: Application, workers: int) -> None:
    """Open the stores of the streams; a store that is down now may be up later.

    Raises `ConfigError` for several workers over a store that each of them would have alone.
    """
    kept = {each.path: each.storage for each in app.streams}
    kept |= {each.path: each.storage for each in app.apis if each.queries is None}
    for path, name in kept.items():
        if not app.store(name).shared and workers > 1:
            raise ConfigError(
                f"{path} is kept in the memory of one process, and server.workers is "
                f"{workers}: give it a store that processes share, or one worker."
            )
