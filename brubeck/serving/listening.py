"""Listening at the configured address, in one process or several, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache, partial
from pathlib import Path

from brubeck import green
from brubeck.config import Settings
from brubeck.config.settings import ServerSettings
from brubeck.connections import Connection, Respond
from brubeck.errors import ConfigError
from brubeck.serving.supervising import Inherited, SourceWatch, Supervisor, inherited

log = logging.getLogger("brubeck.server")


def run(
    respond: Respond,
    settings: Settings,
    *,
    connection: Connection | None = None,
    reload: bool = False,
) -> None:
    """Serve as configured until SIGTERM or SIGINT; with several workers, watch over them.

    ``connection`` is one that the program made itself; then this process alone serves it.
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
            supervisor = Supervisor(server.workers, listener, grace=server.grace, changed=changed)
            _at_signals(supervisor.stop)
            _announce(settings, listener)
            supervisor.run()
            return
        chosen = connection or open_connection(server, listener)
        _serve(chosen, respond, worker, partial(_announce, settings, listener))


def run_workers(
    connection: Connection, respond: Respond, doing: str, workers: int, *, grace: float
) -> None:
    """Serve a connection that listens nowhere, in one process or several, until it is stopped."""
    worker = inherited()
    announce = partial(_tell, doing, workers)
    if worker is None and workers > 1:
        # One that was ready can run; what kills it may be what it was given to do.
        supervisor = Supervisor(workers, None, grace=grace, soon=0)
        _at_signals(supervisor.stop)
        announce()
        supervisor.run()
    else:
        _serve(connection, respond, worker, announce)


def _serve(
    connection: Connection,
    respond: Respond,
    worker: Inherited | None,
    announce: Callable[[], None],
) -> None:
    """Serve here: alone, or as a worker of a supervisor."""
    if worker is None:
        _at_signals(connection.stop)
        announce()
    else:
        # A signal to the whole group of processes reaches a worker too; that is no second time.
        _at_signals(cache(connection.stop))
        green.spawn(worker.stop_when_orphaned, connection.stop)
        worker.tell_ready()
    connection.serve(respond)


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


def _at_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


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
            grace_seconds=server.grace,
            patience=server.body_timeout,
        )
    from brubeck.connections.embedded import EmbeddedServer, ServerOptions
    from brubeck.connections.http1 import Limits

    options = ServerOptions(
        limits=Limits(server.max_head, server.max_body, server.spool),
        max_connections=server.max_connections,
        head_timeout=server.head_timeout,
        body_timeout=server.body_timeout,
        idle_timeout=server.idle_timeout,
        grace=server.grace,
        certfile=server.certfile,
        keyfile=server.keyfile,
    )
    return EmbeddedServer(listener, options)


def _announce(settings: Settings, listener: socket.socket | None) -> None:
    listen = settings.server.listen
    where = str(listen)
    if listener is not None and not listen.address.path:
        # Port 0 asks for any free one; say which it is.
        where = where.removesuffix(f":{listen.address.port}") + f":{listener.getsockname()[1]}"
    _tell(where, settings.server.workers)


def _tell(where: str, processes: int) -> None:
    log.info(
        "Brubeck on %s (%s, %d worker%s), process %d. Ctrl-C stops it.",
        where,
        green.engine().name,
        processes,
        "" if processes == 1 else "s",
        os.getpid(),
    )
