"""Imports: items one a line, a result one a line, however many."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import pytest

from brubeck import Brubeck
from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.fields import IntField, StringField
from brubeck.http import Headers, Problem, Request, StreamingResponse
from brubeck.storage import Change, Outcome, Storage, Unavailable, Write
from brubeck.storage.memory import MemoryRecordStream
from brubeck.streams import StreamedDocument, StreamHandler, imports
from brubeck.testing import Client, Reply
from tests.neighbours import neighbour
from tests.soak import often
from tests.streams.people import World

NDJSON = {"Content-Type": "application/x-ndjson"}


class Note(StreamedDocument):
    """A note."""

    text = StringField(max_length=2_000_000)
    number = IntField(min_value=0)


class Notes(StreamHandler):
    """Notes with hooks."""

    model = Note
    path = "/notes"
    max_batch = 5
    told: list[int]

    def before_create(self, _context: Any, document: Any) -> None:
        """Refuse a word."""
        if document.text == "bad":
            raise Problem(422, "Not that word.")

    def after_change(self, _context: Any, changes: Sequence[Change]) -> None:
        """Count."""
        self.told.append(len(changes))


@pytest.fixture
def told() -> list[int]:
    """Return how many changes the hook was told of, each time."""
    return []


@pytest.fixture
def client(told: list[int]) -> Client:
    """Make a client of a program that takes imports."""
    return Client(Brubeck(streams=[type("Told", (Notes,), {"told": told})]))


def send(client: Client, body: bytes, **headers: str) -> Reply:
    """Send lines."""
    return client.post("/notes", body=body, headers=NDJSON | headers)


def results(reply: Reply) -> list[dict[str, Any]]:
    """Return the results of an import."""
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


def ids(client: Client) -> set[str]:
    """Return the ids of all notes."""
    lines = client.get("/notes", headers={"Accept": NDJSON["Content-Type"]}).text.splitlines()
    return {json.loads(line)["id"] for line in lines}


def test_each_line_has_a_result(client: Client, told: list[int]) -> None:
    """By its number; a bad one does not stop the rest, an empty one is passed over."""
    body = (
        b'{"id":"a","text":"x"}\r\n'
        b"\n"
        b'  {"id":"b"}  \n'
        b"{\n"
        b'{"id":"a"}\n'
        b'{"number":-1,"text":7}\n'
        b"[1]\n"
        b'{"text":"bad"}\n'
        b'{"text":"\xff"}\n'
        b'{"id":"c"}'
    )
    found = results(send(client, body))
    assert [(each["line"], each["status"]) for each in found] == [
        (1, 201),
        (3, 201),
        (4, 400),
        (5, 409),
        (6, 422),
        (7, 422),
        (8, 422),
        (9, 400),
        (10, 201),
    ]
    assert found[0] == {"line": 1, "status": 201, "id": "a"}
    assert {each["pointer"] for each in found[4]["errors"]} == {"/number", "/text"}
    assert found[3]["detail"] == "An item with the id a already exists."
    assert found[6]["detail"] == "Not that word."
    assert ids(client) == {"a", "b", "c"}
    assert told == [3]


def test_there_is_no_limit_of_a_list(client: Client, told: list[int]) -> None:
    """Batches are bounded, imports are not; ids ascend as the lines do."""
    found = results(send(client, b'{"number":1}\n' * 1201))
    assert [each["status"] for each in found] == [201] * 1201
    assert told == [500, 500, 201]
    made = [each["id"] for each in found]
    assert made == sorted(made)


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n"])
def test_a_body_of_nothing_is_a_422(client: Client, body: bytes) -> None:
    """There is nothing to answer line by line."""
    assert send(client, body).status == 422


def test_lines_of_nothing_leave_others_their_turn(client: Client) -> None:
    """However many of them come before there is anything to write."""
    with neighbour() as turns:
        assert send(client, b"\n" * (3 * imports.LINES_PER_TURN)).status == 422
        assert len(turns) >= 3


def test_a_line_longer_than_an_item_is_a_413(client: Client) -> None:
    """For that line alone, and it is never held whole."""
    frame = len(b'{"text":""}')
    longest = b'{"text":"%b"}' % (b"x" * (MAX_BYTES - frame))
    body = b'{"id":"a"}\n%b\n%b\n%b\r\n{"id":"b"}\n%b' % (
        longest + b" ",
        longest + b"  ",
        b"x" * (3 * MAX_BYTES),
        b"y" * (2 * MAX_BYTES),
    )
    found = results(send(client, body))
    statuses = [(each["line"], each["status"]) for each in found]
    # The first is as long as an item may be as sent, but not with what the server adds to it.
    assert statuses == [(1, 201), (2, 422), (3, 413), (4, 413), (5, 201), (6, 413)]
    assert ids(client) == {"a", "b"}


@pytest.mark.parametrize(
    ("change", "status", "named"),
    [
        ({"Accept": "application/json"}, 406, "application/x-ndjson"),
        ({"Idempotency-Key": '"k"'}, 400, "Idempotency-Key"),
        ({"Content-Type": "text/csv"}, 415, "application/x-ndjson"),
    ],
)
def test_a_header_that_is_wrong_is_told(
    client: Client, change: dict[str, str], status: int, named: str
) -> None:
    """And nothing is written."""
    reply = client.post("/notes", body=b'{"id":"a"}\n', headers=NDJSON | change)
    assert reply.status == status
    assert named in reply.json()["detail"]
    assert ids(client) == set()


def test_parameters_have_no_business_with_it(client: Client) -> None:
    """As with every write."""
    reply = client.post("/notes?limit=3", body=b"{}\n", headers=NDJSON)
    assert reply.status == 400


def take_away(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Take the storage away after so many batches."""
    original, left = MemoryRecordStream.write, iter(range(after))

    def write(queryset: MemoryRecordStream, writes: Sequence[Write]) -> list[Outcome]:
        if next(left, None) is None:
            raise Unavailable("gone")
        return original(queryset, writes)

    monkeypatch.setattr(MemoryRecordStream, "write", write)


def test_a_storage_that_is_away_is_a_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as nothing was written."""
    take_away(monkeypatch, 0)
    assert send(client, b"{}\n").status == 503


def test_a_storage_that_goes_away_cuts_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has a result was written, and nothing else."""
    take_away(monkeypatch, 1)
    chunks = send(client, b"{}\n" * 1000).chunks()
    assert next(chunks).count(b"\n") == 500
    with pytest.raises(Unavailable):
        next(chunks)
    assert len(ids(client)) == 500


def test_rights_that_were_taken_away_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next look, which is soon."""
    from brubeck.storage.memory import MemoryStorage

    monkeypatch.setattr(imports, "RECHECK_SECONDS", 0)
    world = World(MemoryStorage())
    reply = world.ask("ann", "POST", body=b"{}\n" * 1200, headers=NDJSON)
    chunks = reply.chunks()
    assert next(chunks)
    del world.rights["ann"]
    with pytest.raises(Problem):
        list(chunks)
    assert len(world.ids("bob")) == 0


def test_items_are_the_callers_own(any_storage: Storage) -> None:
    """Also in an owned stream, on every storage; ids are made by the server there."""
    world = World(any_storage)
    body = b'{"text":"one","owner_id":"bob"}\n{"id":"mine"}\n{"text":"two","readers":["bob"]}\n'
    found = results(world.ask("ann", "POST", body=body, headers=NDJSON))
    assert [each["status"] for each in found] == [201, 422, 201]
    assert world.ids("ann") == [found[2]["id"], found[0]["id"]]
    assert world.ids("bob") == [found[2]["id"]]
    assert world.ids("eve") == []
    world.rights["ann"] = frozenset({"r"})
    assert world.ask("ann", "POST", body=body, headers=NDJSON).status == 403


MANY = often(20_000, 100_000)
"""Lines of which all the answers together are several megabytes."""


class Endless(io.RawIOBase):
    """A body of very many lines that nobody holds."""

    def __init__(self, count: int) -> None:
        self._left = count

    def readline(self, _size: int | None = -1, /) -> bytes:
        """Return the next line."""
        self._left -= 1
        return b'{"text":"bad"}\n' if self._left >= 0 else b""

    def seek(self, _offset: int, _whence: int = 0, /) -> int:
        """Stay."""
        return 0


def test_many_lines_take_no_more_memory_than_a_batch(client: Client) -> None:
    """Neither those that come nor those that go."""
    headers = Headers(NDJSON)
    request = Request("POST", "/notes", headers, cast("BinaryIO", Endless(MANY)))
    tracemalloc.start()
    try:
        response = client.application.respond(request)
        assert isinstance(response, StreamingResponse)
        before = tracemalloc.get_traced_memory()[0]
        count = sum(chunk.count(b"\n") for chunk in response.chunks)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert count == MANY
    assert peak < 1 << 20


@pytest.mark.parametrize("size", [1, 499, 500, 501])
def test_batches_are_bounded_by_number(size: int) -> None:
    """And nothing is lost between them."""
    numbered: list[imports.Line] = [(number, b"x") for number in range(size)]
    found = list(imports.batches(iter(numbered)))
    assert [each for batch in found for each in batch] == numbered
    assert max(len(batch) for batch in found) <= imports.MAX_BATCH


def test_batches_are_bounded_by_size() -> None:
    """A long line ends its batch."""
    long = b"x" * imports.BATCH_BYTES
    found = list(imports.batches(iter([(1, b"x"), (2, long), (3, b"x")])))
    assert [[number for number, _ in batch] for batch in found] == [[1, 2], [3]]
