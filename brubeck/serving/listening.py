"""Listening at the configured address, in one process or several, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from brubeck import green
from brubeck.config import Settings
from brubeck.config.settings import ServerSettings
from brubeck.connections import Connection, Respond
from brubeck.errors import ConfigError
from brubeck.monitoring.programs import METRICS_DIRECTORY
from brubeck.serving.signals import at_signals, log_start, serve_until_signal
from brubeck.serving.supervising import SourceWatch, Supervisor, inherited

log = logging.getLogger("brubeck.server")


def run(
    respond: Respond,
    settings: Settings,
    *,
    connection: Connection | None = None,
    reload: bool = False,
    paths: Sequence[str] = (),
    stop_beside: Callable[[], None] | None = None,
) -> None:
    """Serve as configured until SIGTERM or SIGINT; with several workers, watch over them.

    ``connection`` is one that the program made itself; then this process alone serves it. ``paths``
    are those of the streams, for the line that is logged at the start. ``stop_beside`` is called at
    each signal, too.
    """
    server = settings.server
    worker = inherited()
    listener = None if worker is None else worker.listener
    supervised = connection is None and (server.workers > 1 or reload)
    if connection is None:
        _refuse_half_a_tls(server)
    with ExitStack() as afterwards:
        if connection is None and not server.listen.mongrel2 and listener is None:
            listener = green.listen(server.listen.address)
            if server.listen.address.path:
                afterwards.callback(_remover(Path(server.listen.address.path)))
        if supervised and worker is None:
            changed = SourceWatch(Path.cwd()) if reload else None
            if server.metrics and METRICS_DIRECTORY not in os.environ:
                folder = afterwards.enter_context(TemporaryDirectory(prefix="brubeck-metrics-"))
                os.environ[METRICS_DIRECTORY] = folder  # the workers inherit it
            supervisor = Supervisor(server.workers, listener, grace=server.grace, changed=changed)
            at_signals(supervisor.stop)
            _announce(settings, listener, paths)
            supervisor.run()
            return
        chosen = connection or open_connection(server, listener)
        serve = partial(chosen.serve, respond)
        announce = partial(_announce, settings, listener, paths)
        serve_until_signal(serve, partial(_stop, chosen, stop_beside), worker, announce)


def _stop(connection: Connection, stop_beside: Callable[[], None] | None) -> None:
    connection.stop()
    if stop_beside is not None:
        stop_beside()


def _remover(path: Path) -> Callable[[], None]:
    """Return a function that removes a Unix socket, unless another has replaced it by then."""

    def identity() -> tuple[int, int]:
        found = path.stat()
        return found.st_ino, found.st_mtime_ns  # a number alone may be given again

    def remove() -> None:
        with suppress(FileNotFoundError):
            if identity() == made:
                path.unlink()

    made = identity()
    return remove


def _refuse_half_a_tls(server: ServerSettings) -> None:
    """Raise `ConfigError` for an https address without a certificate, and the other way round."""
    if server.listen.tls and not server.certfile:
        raise ConfigError(f"{server.listen} needs a certificate: set server.certfile.")
    plain = not server.listen.tls and not server.listen.address.path and not server.listen.mongrel2
    if server.certfile and plain:
        raise ConfigError(f"There is a certificate, but {server.listen} does not say https.")


def open_connection(server: ServerSettings, listener: socket.socket | None) -> Connection:
    """Return the connection that the settings describe."""
    if listener is None:
        from brubeck.connections.mongrel2 import Mongrel2Connection

        send_spec, recv_spec = server.listen.mongrel2
        return Mongrel2Connection(
            send_spec,
            recv_spec,
            pool_size=server.max_connections,
            upload_dir=server.upload_dir or None,
            max_body=server.max_body,
            max_held=server.max_held,
            max_spooled=server.max_spooled,
            grace_seconds=server.grace,
            patience=server.body_timeout,
        )
    from brubeck.connections.embedded import EmbeddedServer, ServerOptions
    from brubeck.connections.http1 import Limits

    options = ServerOptions(
        limits=Limits(server.max_head, server.max_body, server.spool),
        max_connections=server.max_connections,
        max_held=server.max_held,
        max_spooled=server.max_spooled,
        head_timeout=server.head_timeout,
        body_timeout=server.body_timeout,
        idle_timeout=server.idle_timeout,
        grace=server.grace,
        certfile=server.certfile,
        keyfile=server.keyfile,
    )
    return EmbeddedServer(listener, options)


def _announce(settings: Settings, listener: socket.socket | None, paths: Sequence[str]) -> None:
    listen = settings.server.listen
    where = str(listen)
    if listener is not None and not listen.address.path:
        # Port 0 asks for any free one; say which it is.
        where = where.removesuffix(f":{listen.address.port}") + f":{listener.getsockname()[1]}"
    base = where if where.startswith("http") else ""
    log_start(where, settings.server.workers, [f"{base}{path}" for path in paths])
