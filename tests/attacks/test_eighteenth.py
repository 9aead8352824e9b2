"""Answers behind Mongrel2 that nobody reads, many streams in a file, and passwords that change."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Event

import pytest

from brubeck.http import Request, Response
from tests.attacks.measuring import measured
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, running_mongrel2, served

ANSWER = 10_000_000
READERS = 12
ROOM = 3
"""How many answers there is room for."""
ROUNDS = 10
OTHERS = 4


@pytest.fixture
def front() -> Iterator[Front]:
    """Yield a Mongrel2 with flow control: it reports the bytes that its clients have read."""
    with running_mongrel2(settings={"download.flow_control": 1}) as front:
        yield front


def answer(request: Request) -> Response:
    """Answer at length, or briefly."""
    return Response(b"x" * ANSWER if request.path == "/long" else b"short")


def ask_and_not_read(front: Front, stack: ExitStack) -> list[Caller]:
    """Return clients that have asked for long answers."""
    readers = [stack.enter_context(Caller(front.port, receive_buffer=4096)) for _ in range(READERS)]
    for reader in readers:
        reader.get("/long", "Connection: close")
    return readers


def has_cut(caplog: pytest.LogCaptureFixture, clients: int) -> bool:
    """Return whether that many clients were cut since they took nothing."""
    return caplog.text.count("took nothing") >= clients


def test_answers_that_nobody_reads_are_bounded_for_all_clients_together(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    """Forty bytes held megabytes each, for as many clients as there may be connections."""
    caplog.set_level(logging.INFO, "brubeck.server")
    with (
        served(front, answer, max_held=ROOM * ANSWER, beat_seconds=0.2) as connection,
        ExitStack() as stack,
    ):
        readers = ask_and_not_read(front, stack)
        wait_until(lambda: caplog.text.count("too much is held") >= READERS - ROOM)
        whole = [len(reader.rest()) >= ANSWER for reader in readers]
        assert 0 < sum(whole) <= ROOM
        wait_until(lambda: not len(connection.clients))


def test_what_was_for_a_client_that_was_cut_reaches_no_other(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    """Mongrel2 wrote it to the next connection with the descriptor of the one that it closed."""
    ended = Event()

    def ask_briefly() -> int:
        asked = 0
        while not ended.is_set():
            with Caller(front.port) as other:
                other.get("/short")
                assert other.response().read() == b"short"
            asked += 1
        return asked

    caplog.set_level(logging.INFO, "brubeck.server")
    with (
        served(front, answer, patience=0.1),
        ExitStack() as stack,
        ThreadPoolExecutor(OTHERS) as pool,
    ):
        others = [pool.submit(ask_briefly) for _ in range(OTHERS)]
        for cut in range(1, ROUNDS + 1):
            ask_and_not_read(front, stack)
            wait_until(partial(has_cut, caplog, cut * READERS), seconds=30)
        ended.set()
        assert all(other.result() for other in others)


def test_mongrel2_does_not_end_a_client_that_was_cut() -> None:
    """Nor may it end that connection by itself while data for it wait."""
    settings = dict.fromkeys(
        ("limits.min_read_rate", "limits.min_write_rate", "limits.kill_limit"), 0
    )
    settings |= {
        "limits.tick_timer": 1,
        "limits.min_ping": 1,
        "limits.kill_limit": 0,
        "download.flow_control": 1,
    }
    with (
        running_mongrel2(settings=settings) as front,
        served(front, answer, patience=0.1, beat_seconds=0.2) as connection,
        Caller(front.port, receive_buffer=4096) as reader,
        Caller(front.port) as idle,
    ):
        reader.get("/long", "Connection: close")
        assert idle.rest() == b""
        assert len(connection.clients) == 1
        assert len(reader.rest()) < ANSWER
        wait_until(lambda: not len(connection.clients))


def test_a_look_at_many_streams_of_a_file_lets_others_be_served() -> None:
    """Anybody may begin partitions; a look at 50,000 took a tenth of a second in one go."""
    holds = measured("held_by_streams")
    assert {name: hold for name, hold in holds.items() if hold > 0.03} == {}
