"""Lists in bodies are split without decoding what is in them."""

from __future__ import annotations

import tracemalloc

import pytest

from brubeck.http import Problem
from brubeck.streams.collection import COMMAS, json_members

LARGE = b"[" + b",".join([b"[]"] * COMMAS) + b"]"


@pytest.mark.parametrize("member", [b"1", b'"]["', LARGE])
def test_members_are_returned_as_they_were_sent(member: bytes) -> None:
    """Small ones, and a list with so many commas that its decoder has a bound."""
    body = b"[ " + b" , ".join([member] * 3) + b" ]"
    assert [bytes(each) for each in json_members(body, 3, "items")] == [member] * 3


@pytest.mark.parametrize("end", [b"]", b",", b",x]", b"\xff]"])
def test_too_many_members_are_a_413_whatever_follows(end: bytes) -> None:
    """And they take no memory."""
    body = b"[" + b"1," * 1_000_000 + b"1" + end
    peaks = []
    for _ in range(3):  # other threads of the process take memory, too, but not each time
        tracemalloc.start()
        try:
            with pytest.raises(Problem, match="at most 1000 items") as caught:
                json_members(body, 1000, "items")
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert caught.value.status == 413
    assert min(peaks) < len(body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 422),
        (b"[1,2,3]", 413),
        (b"[1,]", 400),
        (b"[1", 400),
        (b"[" * 100_000, 400),
        (b"[" + LARGE, 400),
        (b"[" + LARGE + b",]", 400),
        (b"[" + LARGE + b"]x", 400),
    ],
)
def test_what_is_no_list_of_so_many_is_refused(body: bytes, status: int) -> None:
    """With the status of its fault."""
    with pytest.raises(Problem) as caught:
        json_members(body, 2, "items")
    assert caught.value.status == status
