"""The consumers of a program in this process: served beside jobs, or caught up in a test."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import inf
from time import monotonic
from typing import Protocol

from brubeck import green
from brubeck.consumers.consumer import Consumer, name_of, streams_of
from brubeck.consumers.runner import Runner
from brubeck.consumers.stopping import LOOK, Stop
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.streams import StreamHandler

log = logging.getLogger("brubeck.consumers")


class ConsumingProgram(Program, Protocol):
    """A program with consumers; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]

    @property
    def consumers(self) -> Sequence[type[Consumer]]:
        """The consumers of the program."""


def runners(program: ConsumingProgram, stopping: Stop) -> list[Runner]:
    """Return a runner for each stream of each consumer; `ConfigError` for one not served."""
    found, names = [], set()
    for consumer in program.consumers:
        if name_of(consumer) in names:
            raise ConfigError(f"Two consumers are called {name_of(consumer)}; set name.")
        names.add(name_of(consumer))
        for stream in streams_of(consumer):
            if stream not in program.streams:
                raise ConfigError(
                    f"{consumer.__name__}.stream is {stream.__name__}, which the program does not "
                    f"serve: streams=[{stream.__name__}]."
                )
            found.append(Runner(program, consumer, program.stream(stream), stopping))
    return found


def catch_up(program: ConsumingProgram) -> int:
    """Deliver all present changes to every consumer, and return their number; for tests.

    A consumer that starts ``'now'`` begins by the first call.
    """
    delivered = 0
    for each in runners(program, Stop()):
        delivered += each.catch_up()
        while (pause := each.pause) is not None:
            green.sleep(pause)
            delivered += each.catch_up()
    return delivered


class ConsumersConnection:
    """The consumers of a program in this process: `serve` until `stop`.

    Raises `ConfigError` for a consumer of a stream that only the serving process can see.
    """

    def __init__(self, program: ConsumingProgram) -> None:
        self._grace = program.settings.server.grace
        self._stop = Stop()
        self._runners = runners(program, self._stop)
        for consumer in program.consumers:
            for stream in streams_of(consumer):
                if not program.store(stream.storage).shared:
                    raise ConfigError(
                        f"{consumer.__name__} cannot see {stream.path} from this process: it is "
                        "kept in the memory of the one that serves. Give it a store that "
                        "processes share."
                    )

    def serve(self) -> None:
        """Run every consumer, each in a green thread, until `stop`; then wait for the grace."""
        left = len(self._runners)

        def run(runner: Runner) -> None:
            nonlocal left
            try:
                runner.run()
            finally:
                left -= 1

        for runner in self._runners:
            green.spawn(run, runner)
        until = inf
        while left and monotonic() < until:
            green.sleep(LOOK)
            if self._stop.is_set() and until == inf:
                until = monotonic() + self._grace
        if left:
            log.error("%d consumers did not end in time; their changes come again", left)

    def stop(self) -> None:
        """Let `serve` finish the changes in hand and return; a signal handler may call it."""
        self._stop.set()
