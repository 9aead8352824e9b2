"""Windows: what may be on its way to one client, by word and by estimate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brubeck.connections.mongrel2.pacing import (
    CREDITS,
    MAX_MESSAGES,
    CreditWindow,
    EstimatedWindow,
    Window,
)


def send_all(window: Window, size: int, now: float) -> list[int]:
    """Send as much as the window allows; return the sizes of the messages."""
    sizes = []
    while size and (room := window.room(size, now)):
        window.sent(room, now)
        sizes.append(room)
        size -= room
    return sizes


def test_credits_are_used_to_the_byte() -> None:
    """A long body fills the window, and each credit makes room for as much again."""
    window = CreditWindow()
    assert sum(send_all(window, 10 * CREDITS, 0)) == CREDITS
    window.credited(CREDITS)
    assert window.finalized
    assert window.room(10, 0) == 10


def test_small_messages_stay_few() -> None:
    """However much room there is, only so many messages are on their way."""
    window = CreditWindow()
    for _ in range(MAX_MESSAGES):
        window.sent(10, 0)
    assert window.room(10, 0) == 0
    assert window.retry_after(0) is None
    window.credited(10)
    assert window.room(10, 0) == 10


def test_crumbs_of_room_are_not_used() -> None:
    """A long body waits for room that is worth a message; a short one that fits does not."""
    window = CreditWindow()
    window.sent(CREDITS - 100, 0)
    assert window.room(101, 0) == 0
    assert window.room(100, 0) == 100


@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.integers(1, 3 * CREDITS), st.integers(0, 20)), max_size=60
    )
)
def test_credits_are_never_overdrawn(steps: list[tuple[bool, int, int]]) -> None:
    """Whatever is sent and credited when, no more is on its way than Mongrel2 takes."""
    window, flying = CreditWindow(), list[int]()
    for sends, size, _ in steps:
        if sends:
            flying += send_all(window, size, 0)
        elif flying:
            window.credited(flying.pop(0))
        assert sum(flying) <= CREDITS
        assert len(flying) <= MAX_MESSAGES
    for size in flying:
        window.credited(size)
    assert window.finalized
    assert window.room(CREDITS, 0) == CREDITS


def test_a_long_body_needs_few_messages() -> None:
    """200 MiB are less than Mongrel2's sixteen messages, at whatever times they go out."""
    window, now, left, sent = EstimatedWindow(), 0.0, 200 << 20, 0
    while left:
        room = window.room(left, now)
        if room:
            window.sent(room, now)
            left -= room
            sent += 1
        else:
            wait = window.retry_after(now)
            assert wait is not None
            now += wait
    assert sent < 16
    assert now < 30


def test_short_messages_keep_their_distance() -> None:
    """The first goes at once, the next after a moment, together with what came meanwhile."""
    window = EstimatedWindow()
    assert window.room(10, 100.0) == 10
    window.sent(10, 100.0)
    assert window.room(10, 100.0) == 0
    wait = window.retry_after(100.0)
    assert wait is not None
    assert window.room(5000, 100.0 + wait) == 5000
    assert wait < 0.1


def test_a_reader_that_asks_again_has_read() -> None:
    """An estimate begins anew with the next request."""
    window = EstimatedWindow()
    send_all(window, 64 << 20, 0)
    assert window.room(10, 0) == 0
    window.reset()
    assert window.room(10, 0) == 10


@given(waits=st.lists(st.floats(0, 2), max_size=50), size=st.integers(1, 1 << 20))
def test_an_estimate_never_stands_still(waits: list[float], size: int) -> None:
    """After the time that it says itself, something may go."""
    window, now = EstimatedWindow(), 0.0
    for wait in waits:
        now += wait
        room = window.room(size, now)
        if not room:
            until = window.retry_after(now)
            assert until is not None
            now += until
            room = window.room(size, now)
        assert room
        window.sent(room, now)
