"""Thousands that wait, and what is made for each of them."""

from __future__ import annotations

import gc
import random
import zlib
from functools import partial
from threading import Thread
from typing import Any, cast

import msgspec
import pytest

from brubeck import green
from brubeck.green.collecting import LONG, decoded
from brubeck.green.waking import AT_ONCE, FairCondition
from brubeck.streams.idempotency import _compressed, _decompressed
from brubeck.streams.topics import Topics


def _same(topic: Any) -> Any:
    return topic


def test_the_next_topic_is_not_looked_for_among_all() -> None:
    """Each new one looked at every other one: opening 5,000 feeds took seconds."""
    looked: list[int] = []

    class Empty(list[int]):
        def __len__(self) -> int:
            looked.append(1)
            return len(kept) % 2

    topics, kept = Topics(), list[int]()
    for number in range(2000):
        made: Any = Empty()
        topics.subscription(number, cast("Any", None), partial(_same, made))
        kept.append(number)
    assert len(looked) < 8000


def test_topics_without_feeds_are_forgotten() -> None:
    """Though not at once."""
    topics = Topics()
    for number in range(1000):
        empty: Any = []
        topics.subscription(number, cast("Any", None), partial(_same, empty))
    assert len(topics._all) < 100


def test_all_that_wait_are_woken() -> None:
    """A few at a time, in their order, and also those that wait while others are woken."""
    condition = FairCondition(green.Lock())
    woken: list[int] = []
    rounds = 0

    def wait(number: int) -> None:
        for wanted in (1, 2):
            with condition:
                ready.release()
                assert condition.wait_for(lambda: rounds >= wanted, 30)  # noqa: B023
            woken.append(number)

    ready = green.Semaphore(0)
    threads = [Thread(target=wait, args=(number,)) for number in range(3 * AT_ONCE + 1)]
    for thread in threads:
        thread.start()
        ready.acquire()
    for _ in (1, 2):
        with condition:
            rounds += 1
            condition.notify_all()
    for thread in threads:
        thread.join(30)
    assert len(woken) == 2 * len(threads)


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 70_000, random.Random(1).randbytes(300_000)])
def test_a_kept_answer_is_what_was_answered(body: bytes) -> None:
    """However many slices it has; those that earlier versions have kept are read, too."""
    assert _decompressed(_compressed(body)) == body
    assert _decompressed(zlib.compress(body, 1)) == body
    assert zlib.decompress(_compressed(body)) == body


def test_the_collector_rests_while_a_long_text_is_decoded() -> None:
    """And runs again afterwards, also where the text was no JSON."""
    seen: list[bool] = []

    def decode(raw: bytes) -> object:
        seen.append(gc.isenabled())
        return msgspec.json.decode(raw)

    assert decoded(decode, b"[]") == []
    assert decoded(decode, b"[%b0]" % (b"[]," * LONG)) == [[]] * LONG + [0]
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        decoded(decode, b"[" * LONG)
    assert seen == [True, False, False]
    assert gc.isenabled()
    gc.disable()
    try:
        decoded(decode, b"0" + b" " * LONG)
        assert not gc.isenabled()
    finally:
        gc.enable()
