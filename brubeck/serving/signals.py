"""Running until SIGTERM or SIGINT; the first signal stops, the second one ends at once."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import cache, partial

from brubeck import green
from brubeck.serving.supervising import Inherited, Supervisor, inherited

log = logging.getLogger("brubeck.server")


def run_workers(
    serve: Callable[[], None],
    stop: Callable[[], None],
    doing: str,
    workers: int,
    *,
    grace: float,
) -> None:
    """Run a worker, in one process or several, until a signal calls ``stop``."""
    worker = inherited()
    announce = partial(log_start, doing, workers)
    if worker is None and workers > 1:
        # One that was ready can run; what kills it may be what it was given to do.
        supervisor = Supervisor(workers, None, grace=grace, soon=0)
        at_signals(supervisor.stop)
        announce()
        supervisor.run()
    else:
        serve_until_signal(serve, stop, worker, announce)


def serve_until_signal(
    serve: Callable[[], None],
    stop: Callable[[], None],
    worker: Inherited | None,
    announce: Callable[[], None],
) -> None:
    """Serve here: alone, or as a worker of a supervisor."""
    if worker is None:
        at_signals(stop)
        announce()
    else:
        # A signal to the whole group of processes reaches a worker too; that is no second time.
        at_signals(cache(stop))
        green.spawn(worker.stop_when_orphaned, stop)
        worker.tell_ready()
    serve()


def at_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` at SIGTERM and SIGINT; a second signal calls it again."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop())


def log_start(where: str, processes: int, urls: Sequence[str] = ()) -> None:
    """Log where this program serves, the URLs of its streams, and how to stop it."""
    log.info(
        "Brubeck on %s%s (%s, %d worker%s), process %d. Ctrl-C stops it.",
        where,
        f" with {', '.join(urls)}" if urls else "",
        green.engine().name,
        processes,
        "" if processes == 1 else "s",
        os.getpid(),
    )
