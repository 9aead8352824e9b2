"""The webhooks of a program in this process: sent beside consumers and jobs, or once in a test."""

from __future__ import annotations

import logging
from math import inf
from time import monotonic
from typing import Protocol

from brubeck import green
from brubeck.consumers.stopping import LOOK, Stop
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.streams import StreamHandler
from brubeck.webhooks.dispatcher import Dispatcher
from brubeck.webhooks.stream import Webhooks

log = logging.getLogger("brubeck.webhooks")

_LONG = 3600.0


class SendingProgram(Program, Protocol):
    """A program with webhooks; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]


def declared_webhooks(program: SendingProgram) -> list[type[Webhooks]]:
    """Return the webhooks of a program; `ConfigError` for a source that it does not serve."""
    found = [each for each in program.streams if issubclass(each, Webhooks)]
    for declaration in found:
        for source in declaration.sources:
            if source not in program.streams:
                raise ConfigError(
                    f"{declaration.__name__}.sources has {source.__name__}, which the program does "
                    f"not serve: streams=[{source.__name__}]."
                )
    return found


def deliver(program: SendingProgram) -> int:
    """Send what there is to send now, and return how many messages were delivered; for tests.

    A message that fails waits for its next attempt, and so for another call.
    """
    sent = 0
    for declaration in declared_webhooks(program):
        dispatcher = Dispatcher(program, declaration, Stop())
        dispatcher.follow()
        while True:
            delivered, is_done = 0, True
            for item_id, head in dispatcher.due().items():
                dispatcher.begin_turn(item_id, _LONG)
                state, number = dispatcher.take_turn(item_id, head)
                delivered += number
                is_done = is_done and state in ("failed", "elsewhere") and not number
            sent += delivered
            dispatcher.follow()
            if is_done:
                break
    return sent


class WebhooksConnection:
    """The webhooks of a program in this process: `serve` until `stop`.

    Raises `ConfigError` for streams that only the serving process can see.
    """

    def __init__(self, program: SendingProgram) -> None:
        self._grace = program.settings.server.grace
        self._stop = Stop()
        self.declarations = declared_webhooks(program)
        for declaration in self.declarations:
            for stream in (declaration, *declaration.sources):
                if not program.store(stream.storage).shared:
                    raise ConfigError(
                        f"{declaration.__name__} cannot see {stream.path} from this process: it is "
                        "kept in the memory of the one that serves. Give it a store that "
                        "processes share."
                    )
        self._dispatchers = [Dispatcher(program, each, self._stop) for each in self.declarations]

    def serve(self) -> None:
        """Send until `stop`; then wait for the attempts in hand, for the grace at most."""
        for each in self._dispatchers:
            each.start()
        until = inf
        while monotonic() < until:
            green.sleep(LOOK)
            if self._stop.is_set():
                until = min(until, monotonic() + self._grace)
                if not any(each.is_busy for each in self._dispatchers):
                    return
        log.error("Attempts at messages did not end in time; they come again")

    def stop(self) -> None:
        """Let `serve` finish the attempts in hand and return; a signal handler may call it."""
        self._stop.set()
