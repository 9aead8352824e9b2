"""Attempts that fail: repeated, given up, enabled again; and nobody else waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from brubeck.storage import PageQuery, RecordSchema
from brubeck.timekeeping import HeldClock, http_date
from brubeck.webhooks import Webhooks, deliver
from brubeck.webhooks.connection import WebhooksConnection
from tests.servers import free_port, wait_until
from tests.webhooks.programs import Hooked
from tests.webhooks.receiver import Received, Receiver, receiving

NOW = 1_795_000_000_000_000
DAY = 86_400


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving() as found:
        yield found


@pytest.fixture
def clock() -> HeldClock:
    """Return a clock that goes on when a test says so."""
    return HeldClock(NOW)


def places(received: list[Received]) -> list[str]:
    """Return the places of the items."""
    return [each.json["data"]["data"]["place"] for each in received]


def test_attempts_follow_for_three_days_and_then_its_owner_enables_it(
    receiver: Receiver, clock: HeldClock
) -> None:
    """Each with the same id; afterwards the subscription goes on where it was."""
    hooked = Hooked(clock=clock, retries=Webhooks.retries)
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url())
    receiver.answer = lambda _: 500
    for place in ("Ely", "Hilo"):
        hooked.items.insert({"place": place})
    pauses = []
    while not (stored := hooked.stored(hook)).disabled_at:
        if stored.next_attempt_at:
            pauses.append(stored.next_attempt_at - clock.micros() // 1000)
            clock.advance(pauses[-1] * 1000 - 1000)
            assert deliver(hooked.app) == 0
            assert len(receiver.received) == len(pauses), "it is not yet due"
            clock.advance(1000)
        deliver(hooked.app)
        assert len(receiver.received) == len(pauses) + 1
    seconds = [pause // 1000 for pause in pauses]
    assert seconds[:7] == [5, 300, 1800, 7200, 18_000, 36_000, 36_000]
    assert sum(seconds) == 3 * DAY
    assert len({each.id for each in receiver.received}) == 1
    assert set(places(receiver.received)) == {"Ely"}
    assert stored.paused
    assert stored.last_error == "The receiver answered 500."
    shown = ella.get(f"{hooked.path}/{hook}").json()["data"]
    assert shown["disabled_at"] == clock.micros() // 1000
    attempts = [each["attempt"] for each in hooked.deliveries(ella)]
    assert attempts == list(range(1, len(pauses) + 2))
    receiver.answer = lambda _: 200
    assert deliver(hooked.app) == 0
    answer = ella.patch(f"{hooked.path}/{hook}", json={"paused": False})
    assert answer.json()["data"].keys().isdisjoint(("disabled_at", "last_error", "failures"))
    assert deliver(hooked.app) == 2
    assert places(receiver.received)[-2:] == ["Ely", "Hilo"]
    assert hooked.stored(hook).failures is None


def test_a_success_after_failures_begins_anew(receiver: Receiver, clock: HeldClock) -> None:
    """The next failure is the first."""
    hooked = Hooked(clock=clock, retries=(5, 300))
    hook = hooked.subscribe(hooked.user(), receiver.url())
    statuses = iter((500, 500, 204, 500))
    receiver.answer = lambda _: next(statuses)
    hooked.items.insert({"place": "Ely"})
    for seconds in (5, 300):
        deliver(hooked.app)
        clock.advance(seconds * 1_000_000)
    assert hooked.stored(hook).failures == 2
    assert deliver(hooked.app) == 1
    assert hooked.stored(hook).failing_since is None
    hooked.items.insert({"place": "Hilo"})
    deliver(hooked.app)
    stored = hooked.stored(hook)
    assert stored.failures == 1
    assert stored.next_attempt_at == clock.micros() // 1000 + 5000


def test_another_url_is_tried_at_once(receiver: Receiver, clock: HeldClock) -> None:
    """The message in hand comes there."""
    hooked = Hooked(clock=clock, retries=(36_000,))
    ella = hooked.user()
    hook = hooked.subscribe(ella, f"http://127.0.0.1:{free_port()}/")
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    assert "ConnectionRefusedError" in (hooked.stored(hook).last_error or "")
    (delivery,) = hooked.deliveries(ella)
    assert delivery["outcome"] == "failed"
    assert "status" not in delivery
    ella.patch(f"{hooked.path}/{hook}", json={"url": receiver.url()})
    assert deliver(hooked.app) == 1
    assert places(receiver.received) == ["Ely"]


def test_a_receiver_that_is_gone_is_given_up_at_once(receiver: Receiver) -> None:
    """It says so: 410."""
    hooked = Hooked()
    hook = hooked.subscribe(hooked.user(), receiver.url())
    receiver.answer = lambda _: 410
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    assert hooked.stored(hook).disabled_at
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("status", "wish", "seconds"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (503, http_date(NOW // 1000 + 600_000), 600),
        (503, "1", 5),
        (503, "soon", 5),
        (503, "-5", 5),
        (503, "9" * 50, DAY),
        (500, "120", 5),
    ],
)
def test_a_receiver_may_ask_to_be_left_alone(
    receiver: Receiver, clock: HeldClock, status: int, wish: str, seconds: int
) -> None:
    """By ``Retry-After``, for a day at most."""
    hooked = Hooked(clock=clock, retries=(5,))
    hook = hooked.subscribe(hooked.user(), receiver.url())
    receiver.answer = lambda _: (status, {"Retry-After": wish}, b"")
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    due = hooked.stored(hook).next_attempt_at or 0
    assert abs(due - clock.micros() // 1000 - seconds * 1000) < 1000


def test_a_receiver_that_hangs_holds_up_no_other(receiver: Receiver, tmp_path: Path) -> None:
    """Nor one that is dead; what is written meanwhile is sent to the others."""
    hooked = Hooked(f"sqlite:///{tmp_path}/h.db", timeout=20.0, retries=(0.2,))
    ella, free = hooked.user(), threading.Event()
    receiver.answer = lambda request: 204 if request.path != "/hangs" or free.wait(15) else 500
    hooked.subscribe(ella, receiver.url("/hangs"))
    hooked.subscribe(ella, f"http://127.0.0.1:{free_port()}/dead")
    for number in range(3):
        hooked.subscribe(ella, receiver.url(f"/{number}"))
    connection = WebhooksConnection(hooked.app)
    serving = threading.Thread(target=connection.serve)
    serving.start()
    try:
        for number in range(20):
            hooked.items.insert({"place": str(number)})
        everything = [str(number) for number in range(20)]
        for number in range(3):
            wait_until(lambda path=f"/{number}": places(receiver.at(path)) == everything)  # type: ignore[misc]
        assert receiver.at("/hangs") == []
        free.set()
        wait_until(lambda: places(receiver.at("/hangs")) == everything)
    finally:
        free.set()
        connection.stop()
        serving.join(30)
        hooked.app.close()
    assert not serving.is_alive()


def test_an_error_of_the_program_ends_no_sending(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the subscription has another turn."""
    calls: list[str] = []

    def may_subscribe(*_: object) -> bool:
        calls.append("asked")
        if len(calls) == 2:
            raise LookupError("nobody expects this")
        return True

    hooked = Hooked(f"sqlite:///{tmp_path}/h.db", may_subscribe=may_subscribe)
    hooked.subscribe(hooked.user(), receiver.url())
    connection = WebhooksConnection(hooked.app)
    serving = threading.Thread(target=connection.serve)
    serving.start()
    try:
        hooked.items.insert({"place": "Ely"})
        wait_until(lambda: places(receiver.received) == ["Ely"])
    finally:
        connection.stop()
        serving.join(30)
        hooked.app.close()
    assert any("nobody expects this" in str(each.exc_info) for each in caplog.records)


def test_a_subscription_that_is_deleted_leaves_nothing(receiver: Receiver, tmp_path: Path) -> None:
    """Neither messages nor its place."""
    hooked = Hooked(f"sqlite:///{tmp_path}/h.db")
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url())
    connection = WebhooksConnection(hooked.app)
    serving = threading.Thread(target=connection.serve)
    serving.start()
    places_of = hooked.app.store().records("#consumers", RecordSchema({}))
    try:
        hooked.items.insert({"place": "Ely"})
        wait_until(lambda: len(receiver.received) == 1)
        ella.delete(f"{hooked.path}/{hook}")
        wait_until(lambda: not places_of.page(PageQuery(limit=1)).records)
        hooked.items.insert({"place": "Hilo"})
    finally:
        connection.stop()
        serving.join(30)
        hooked.app.close()
    assert places(receiver.received) == ["Ely"]
