"""A consumer in two processes: the memory of one, of a change that the other delivers."""

from __future__ import annotations

from threading import Thread
from time import monotonic

from brubeck.consumers import ConsumedChange, Consumer
from brubeck.consumers.runner import _AGAIN, Runner
from brubeck.consumers.stopping import Stop
from brubeck.consumers.track import Track
from brubeck.storage import Storage
from tests.consumers.test_consumers import program
from tests.servers import wait_until

ATTEMPTS = 5


class Down(Exception):
    """The receiver is down."""


class Fails(Consumer):
    """A consumer with a receiver that is down for a while; ``tried``: text and attempt of each."""

    down = True
    tried: list[tuple[str, int]]
    backoff = 0.01
    attempts = ATTEMPTS

    def changed(self, change: ConsumedChange) -> None:
        """Note the attempt, and fail while the receiver is down."""
        kind = type(self)
        kind.tried.append((getattr(change.document, "text", ""), change.attempt))
        if kind.down:
            raise Down


def test_a_change_has_the_attempts_of_no_other(any_storage: Storage) -> None:
    """One that came after it was a dead letter at its first attempt."""
    app, notes, _ = program(any_storage, base=Fails, start="beginning", tried=[])
    (kind,) = app.consumers
    assert issubclass(kind, Fails)
    one, two = (Runner(app, kind, notes, Stop()) for _ in range(2))
    notes.insert({"text": "X"})
    wait_until(lambda: one.catch_up() == 0 and len(kind.tried) == ATTEMPTS - 1)
    kind.down = False
    assert two.catch_up() == 1
    one.catch_up()
    assert one.pause is None
    notes.insert({"text": "Y"})
    kind.down = True
    one.catch_up()
    assert kind.tried[-1] == ("Y", 1)
    kind.down = False
    wait_until(lambda: one.catch_up() == 1)
    assert kind.tried[-1] == ("Y", 2)
    assert not list(Track(kind.__name__, notes, "").letters())


def test_a_change_that_another_process_has_in_hand_is_waited_for(any_storage: Storage) -> None:
    """This one looked for it without a pause, for ever."""
    app, notes, _ = program(any_storage, base=Fails, start="beginning", tried=[])
    (kind,) = app.consumers
    looks: list[float] = []

    class Looking(Runner):
        def catch_up(self, turn: float = 1.0) -> int:
            looks.append(monotonic())
            return super().catch_up(turn)

    stopping = Stop()
    runner = Looking(app, kind, notes, stopping)
    notes.insert({"text": "X"})
    runner.catch_up()
    assert Track(kind.__name__, notes, "", "another", 60).acquire() is not None
    looks.clear()
    thread = Thread(target=runner.run)
    thread.start()
    try:
        wait_until(lambda: len(looks) >= 4)
    finally:
        stopping.set()
        thread.join(10)
    assert looks[3] - looks[0] > 2 * _AGAIN
