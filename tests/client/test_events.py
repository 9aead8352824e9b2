"""The parser of server-sent events: any pieces give the same events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.client.events import MAX_EVENT_BYTES, Event, EventParser
from brubeck.errors import ProtocolError
from brubeck.streams import sse

ENDS = st.sampled_from(["\n", "\r", "\r\n"])
LINES = st.one_of(
    st.sampled_from(["", "", "data", "data:", "data: ", "id", "id:7~a", "event: put", ": beat"]),
    st.sampled_from(
        ["retry: 20", "retry: x", "id: a\0b", "nope: 1", "data: \N{SNOWMAN}", " data: x"]
    ),
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12),
)
MARKS = st.sampled_from(["", "\N{BYTE ORDER MARK}", "\N{BYTE ORDER MARK}\N{BYTE ORDER MARK}"])
BODIES = st.lists(st.tuples(LINES, ENDS), max_size=25).map(lambda pairs: "".join(sum(pairs, ())))
TEXTS = st.builds(str.__add__, MARKS, BODIES)


def parsed(*pieces: bytes) -> tuple[list[Event], int | None]:
    """Return the events of some pieces, and the retry time."""
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)], parser.retry_ms


def by_the_standard(text: str) -> list[Event]:
    """Return the events of a whole text, as the standard's own words have it."""
    kind, last = "", ""
    data: list[str] = []
    found: list[Event] = []
    body = text.removeprefix("\N{BYTE ORDER MARK}")
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append(Event(kind or "message", "\n".join(data), last))
            kind, data = "", []
        elif name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last = value
    return found


@given(TEXTS, st.lists(st.integers(0, 400), max_size=12))
def test_any_pieces_give_the_events_of_the_whole(text: str, cuts: list[int]) -> None:
    """Cut anywhere: within a line end, a character, a byte order mark."""
    whole = text.encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert parsed(*pieces)[0] == parsed(whole)[0] == by_the_standard(text)
    assert parsed(*(whole[at : at + 1] for at in range(len(whole)))) == parsed(whole)


@given(st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.text(max_size=9)), max_size=9))
def test_what_the_server_writes_is_read(sent: list[tuple[str, str]]) -> None:
    """Events, comments and the retry time of the project's own server."""
    texts = [(kind, text.translate({10: "", 13: ""})) for kind, text in sent]
    frames = [sse.event(kind, text.encode("utf-8", "replace"), "7~a") for kind, text in texts]
    found, retry = parsed(sse.retry(20), sse.comment("beat"), *frames)
    assert retry == 20
    kept = [text.encode("utf-8", "replace").decode() for _, text in texts]
    assert found == [Event(kind, text, "7~a") for (kind, _), text in zip(texts, kept, strict=True)]


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    """However it is cut; a second one is."""
    whole = "\N{BYTE ORDER MARK}data: a\n\n\N{BYTE ORDER MARK}data: b\n\n".encode()
    for cut in range(len(whole)):
        assert parsed(whole[:cut], whole[cut:])[0] == [Event("message", "a")]


def test_an_event_that_is_cut_is_dropped() -> None:
    """Its id, too: it was not received."""
    parser = EventParser()
    found = list(parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n"))
    assert found == [Event("message", "a", "1")]


def test_an_event_without_an_end_is_an_error() -> None:
    """And not a way to fill the memory; whole events may come for ever."""
    parser, piece = EventParser(), b"data: " + b"1" * (1 << 20)
    pieces = MAX_EVENT_BYTES // len(piece) + 2
    for _ in range(pieces):
        assert len(list(parser.feed(piece + b"\n\n: beat\n\n"))) == 1
    with pytest.raises(ProtocolError):
        [event for _ in range(pieces) for event in parser.feed(piece)]
