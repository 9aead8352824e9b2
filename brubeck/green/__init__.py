"""Concurrency: one small face over eventlet, gevent and plain threads.

This package alone imports eventlet, gevent and zmq. The engine is not a setting of each call but a
fact about the process: `patch` makes the standard library cooperative with eventlet (the default)
or gevent (``BRUBECK_GREEN=gevent``); where nothing is patched, as under a threaded WSGI server,
plain threads do the same work.

Once the standard library is patched, its own ``Event``, ``Queue``, ``Lock`` and ``Semaphore`` are
cooperative. So they are used as they are, and only what the standard library cannot express
(spawning cheaply, interrupting, waiting for a socket at low cost) has an implementation an engine.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from brubeck.errors import ConfigError, did_you_mean
from brubeck.green.sockets import (
    Address,
    BlockingStream,
    Closed,
    Engine,
    Signal,
    Stream,
    T,
    TLSStream,
    listen,
)

if TYPE_CHECKING:
    from brubeck.green.zeromq import ZMQSocket

__all__ = [
    "Address",
    "BlockingStream",
    "Closed",
    "Condition",
    "Engine",
    "Event",
    "Lock",
    "Pool",
    "Queue",
    "Semaphore",
    "Signal",
    "Stream",
    "engine",
    "fairly",
    "hung_up",
    "listen",
    "loop",
    "native",
    "offload",
    "patch",
    "patched",
    "signal",
    "sleep",
    "spawn",
    "stream",
    "supervise",
    "take_turn",
    "timeout",
    "wait_readable",
    "zmq_socket",
]

log = logging.getLogger("brubeck.server")

Event = threading.Event
Condition = threading.Condition
Semaphore = threading.Semaphore
Queue = queue.Queue

_TURN: Final = 0.01  # seconds that all long jobs work together before others run
_GRACE: Final = 0.001  # seconds of work that is not worth taking turns

_SILENCE: Final = 60.0  # seconds between two reports of a loop's trouble

_MODULES: Final = {name: f"brubeck.green.{name}_engine" for name in ("eventlet", "gevent")}


def Lock() -> threading.Lock:  # noqa: N802, it stands for the class
    """Return a lock of the (patched) standard library.

    Asked for only now: a name bound when this module was imported could be the unpatched one.
    """
    return threading.Lock()


_engine: Engine | None = None
_turn_ends = 0.0
_changes_turn = False


def patch(name: str | None = None) -> str:
    """Make the standard library cooperative, once; return the name of the engine.

    ``name`` is ``eventlet`` or ``gevent``; the default is what ``BRUBECK_GREEN`` says, or eventlet.
    Call it before anything else is imported. Raises `ConfigError` for an unknown engine, one that
    is not installed, or when the other one has already patched.
    """
    global _engine  # noqa: PLW0603, patching is a fact about the whole process
    name = name or os.environ.get("BRUBECK_GREEN") or "eventlet"
    if name not in _MODULES:
        raise ConfigError(f'BRUBECK_GREEN: no engine "{name}".{did_you_mean(name, _MODULES)}')
    present = _patched()
    if present is not None and present != name:
        raise ConfigError(f"The process already runs on {present}; it cannot be moved to {name}.")
    try:
        module = import_module(_MODULES[name])
    except ImportError as reason:
        raise ConfigError(f"{name} is not installed: pip install 'brubeck[{name}]'.") from reason
    if present is None:
        module.patch()
    _engine = module.Engine()
    return name


def engine() -> Engine:
    """Return the engine of this process, by the patches of the standard library."""
    global _engine  # noqa: PLW0603, found out once
    if _engine is None:
        name = _patched()
        module = import_module(_MODULES[name] if name else "brubeck.green.threads_engine")
        _engine = module.Engine()
    return _engine


def patched() -> bool:
    """Return whether an engine has made the standard library of this process cooperative."""
    return _patched() is not None


def _patched() -> str | None:
    """Return the name of the engine that has patched this process, without importing any."""
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent"
    return None


def native(module: str, name: str) -> Callable[..., Any]:
    """Return a function of the standard library as it was before it was made cooperative."""
    return engine().native(module, name)


def spawn(function: Callable[..., object], *args: object) -> None:
    """Run a function concurrently; its exceptions are logged."""
    engine().spawn(_logged, function, *args)


def _logged(function: Callable[..., object], *args: object) -> None:
    try:
        function(*args)
    except Exception:
        log.exception("A green thread died in %s.", getattr(function, "__qualname__", function))


def supervise(
    step: Callable[[], object], name: str, *, every: float = 0.0, pause: float = 1.0
) -> None:
    """Run a step again and again, ``every`` so many seconds, until it returns False.

    What a step raises ends no loop: it is logged with its traceback, at most once a minute, and the
    loop goes on after a ``pause`` (seconds). A socket that is closed ends it.
    """
    silent_until = 0.0
    while True:
        wait = every
        try:
            if step() is False:
                return
        except Closed:
            return
        except Exception:
            wait = max(every, pause)
            if monotonic() >= silent_until:
                log.exception("%s failed, and goes on in %.1f s.", name, wait)
                silent_until = monotonic() + _SILENCE
        if wait:
            sleep(wait)


def sleep(seconds: float) -> None:
    """Let others run for ``seconds``; zero lets each of them run once."""
    engine().sleep(seconds)


def loop() -> Hashable | None:
    """Return the event loop of the calling thread of the system; None for plain threads."""
    return engine().loop()


def signal() -> Signal:
    """Return a signal, which one thread waits for."""
    return engine().signal()


def offload(function: Callable[..., T], *args: object) -> T:
    """Run a function that blocks (a disk, a lock of another process) without holding others up.

    It runs in a native thread where the engine is green: it may use nothing of this package.
    """
    return engine().offload(function, *args)


def addresses(host: str, port: int) -> list[Any]:
    """Return the addresses of a host, as ``getaddrinfo`` does for TCP; only the caller waits."""
    return engine().addresses(host, port)


def fairly(things: Iterable[T]) -> Iterator[T]:
    """Yield things and let others run now and then, however quickly the things come."""
    until = monotonic() + _GRACE
    for thing in things:
        yield thing
        if monotonic() > until:
            take_turn()


def take_turn() -> None:
    """Let other threads run when the turns of long work have taken 10 ms together.

    Cheap enough for each step of long work. A thousand long jobs take their turns one behind the
    other, so any other thread waits for them no longer than that.
    """
    global _turn_ends, _changes_turn  # noqa: PLW0603, one clock for all long jobs
    while monotonic() > _turn_ends:
        if _changes_turn:
            sleep(0)  # behind the job that starts the next turn
            continue
        _changes_turn = True
        try:
            sleep(0)
        finally:
            _turn_ends, _changes_turn = monotonic() + _TURN, False
        sleep(0)  # whoever waited for this turn comes first


def timeout(seconds: float) -> AbstractContextManager[None]:
    """Return a context that raises `TimeoutError` when its body takes longer.

    Green threads are interrupted where they wait. A plain thread cannot be: there the error comes
    when the body has ended.
    """
    return engine().timeout(seconds)


def stream(sock: Any) -> Stream:
    """Return a connected socket as a `Stream`, the cheapest way the engine has to wait on it."""
    return TLSStream(sock) if hasattr(sock, "do_handshake") else engine().stream(sock)


def wait_readable(fileno: int, seconds: float) -> bool:
    """Wait until a file descriptor is readable, and return whether it is within the time."""
    return engine().wait_readable(fileno, seconds)


def hung_up(filenos: Iterable[int]) -> list[int]:
    """Return those of some connected sockets that the other end has left; never waits."""
    return engine().hung_up(filenos)


class Pool:
    """Runs at most ``size`` functions at once; a further `spawn` waits for one to end."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._places = Semaphore(size)
        self._changed = Condition()
        self._running = 0

    @property
    def running(self) -> int:
        """How many functions are running now."""
        return self._running

    def has_place(self, seconds: float) -> bool:
        """Wait until a place is free, and return whether that happened within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running < self.size, seconds)

    def spawn(self, function: Callable[..., object], *args: object) -> None:
        """Run a function as soon as a place is free, and return when it has started."""
        self._places.acquire()
        with self._changed:
            self._running += 1
        spawn(self._run, function, *args)

    def _run(self, function: Callable[..., object], *args: object) -> None:
        try:
            function(*args)
        finally:
            self._places.release()
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing runs, and return whether that happened within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, seconds)


def zmq_socket(
    kind: str,
    *,
    identity: bytes = b"",
    linger_ms: int = 1000,
    sndhwm: int = 0,
    rcvhwm: int = 1000,
    longest: int = -1,
) -> ZMQSocket:
    """Return a ZeroMQ socket (``PULL``, ``PUB``, …) that waits without blocking others.

    ``sndhwm`` and ``rcvhwm`` are the numbers of messages that wait for each other side, and of
    each; 0 is any number. It leaves a sender whose message has more than ``longest`` bytes; -1 is
    any number.
    """
    from brubeck.green.zeromq import ZMQSocket

    return ZMQSocket(
        kind,
        engine(),
        identity=identity,
        linger_ms=linger_ms,
        sndhwm=sndhwm,
        rcvhwm=rcvhwm,
        longest=longest,
    )
