"""Exports: the whole timeline, whole or visibly cut, in constant memory."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc
from http.client import IncompleteRead
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import DictField, FloatField, ListField, StringField
from brubeck.http import Headers, Problem, Request, StreamingResponse
from brubeck.storage import Page, PageQuery, RecordStream, Storage, Unavailable, open_storage
from brubeck.storage.memory import MemoryStorage
from brubeck.streams import StreamedDocument, StreamHandler, csv_rows, exports
from brubeck.streams.access import Admission
from brubeck.testing import Client, Reply
from tests.servers import Caller
from tests.servers.programs import brubeck_run
from tests.soak import often

NDJSON = {"Accept": "application/x-ndjson"}
CSV = {"Accept": "text/csv"}


class Note(StreamedDocument):
    """A note, of which not everybody is shown everything."""

    text = StringField()
    weight = FloatField()
    tags = ListField(StringField())
    extra = DictField()
    secret = StringField()

    _private_fields = ["secret"]


class Notes(StreamHandler):
    """Notes of any time."""

    model = Note
    filters = ("text", "weight__gte")
    accept_created_at = True


@pytest.fixture
def client(any_storage: Storage) -> Client:
    """Make a stream of nine notes, three of them at one time."""
    made: type[StreamHandler] = type("Made", (Notes,), {"path": f"/notes-{uuid4().hex[:8]}"})
    found = Client(Brubeck(streams=[made], storage={"default": any_storage}))
    found.path = made.path  # type: ignore[attr-defined]
    notes = [
        {"id": name, "created_at": at, "updated_at": at, "text": f"t{at}", "weight": at / 2}
        for name, at in zip("abcdefghi", (-5, 10, 20, 30, 30, 30, 40, 50, 60), strict=True)
    ]
    assert found.post(made.path, json=notes).status == 201
    return found


def ask(client: Client, rest: str = "", headers: dict[str, str] = NDJSON) -> Reply:
    """Ask for an export."""
    path: str = client.path  # type: ignore[attr-defined]
    return client.get(f"{path}{rest}", headers=headers)


def ids(reply: Reply) -> str:
    """Return the ids of an export, each of one letter."""
    return "".join(json.loads(line)["id"] for line in reply.text.splitlines())


class TestWalk:
    """Which items an export has."""

    def test_it_has_every_item_as_it_is_stored(self, client: Client) -> None:
        """The newest first, each as on a page, to the byte."""
        reply = ask(client)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        assert ids(reply) == "ihgfedcba"
        page = ask(client, headers={}).body
        assert all(line in page for line in reply.body.splitlines())

    @pytest.mark.parametrize("step", [1, 2, 4])
    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("order=oldest", "abcdefghi"),
            ("since=20&until=50", "gfedc"),
            ("since=1970-01-01T00:00:00.020Z&order=oldest", "cdefghi"),
            ("before=30", "cba"),
            ("before=30~e", "dcba"),
            ("before=30&order=oldest", "abc"),
            ("before=30~e&order=oldest", "abcd"),
            ("before=30~zz&order=oldest", "abcdef"),
            ("after=30", "ihg"),
            ("after=30~e", "ihgf"),
            ("after=30~e&order=oldest", "fghi"),
            ("after=30&order=oldest&until=60", "gh"),
            ("before=30~e&order=oldest&until=20", "ab"),
            ("after=30~e&since=50", "ih"),
            ("after=253402300799999", ""),
            ("after=253402300800000", ""),
            ("before=-62135596800001&order=oldest", ""),
            ("text=t30", "fed"),
            ("weight__gte=20&order=oldest", "ghi"),
        ],
    )
    def test_it_is_bounded_as_pages_are(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, query: str, wanted: str, step: int
    ) -> None:
        """By times, places and filters, in both orders, whatever is taken at a time."""
        monkeypatch.setattr(exports, "FIRST_STEP", step)
        monkeypatch.setattr(exports, "STEP", step)
        assert ids(ask(client, f"?{query}")) == wanted

    def test_what_changes_after_it_is_linked(self, client: Client) -> None:
        """From before its first item was read; who follows misses nothing."""
        reply = ask(client, "?text=t10&fields=text&order=oldest")
        link = re.fullmatch(r'<(.*)>; rel="changes"', reply.headers["Link"])
        assert link is not None
        path: str = client.path  # type: ignore[attr-defined]
        assert link[1].startswith(f"http://localhost{path}/changes?text=t10&fields=text&after=")
        client.post(path, json={"id": "new", "text": "t10"})
        found = client.get(link[1]).json()["data"]
        assert [each["id"] for each in found] == ["new"]

    def test_head_says_what_get_would(self, client: Client) -> None:
        """And has no body."""
        path: str = client.path  # type: ignore[attr-defined]
        for headers in (NDJSON, CSV):
            reply = client.head(path, headers=headers)
            assert (reply.status, reply.body) == (200, b"")
            assert dict(reply.headers) == dict(ask(client, headers=headers).headers)

    @pytest.mark.parametrize("headers", [NDJSON, CSV], ids=("ndjson", "csv"))
    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ("limit=5", '"limit"'),
            ("count=5", '"count"'),
            ("total=true", '"total"'),
            ("limt=5", '"limt"'),
            ("before=1&after=2", '"after"'),
            ("before=x", '"before"'),
            ("order=up", '"order"'),
            ("fields=secret", '"fields"'),
            ("weight__gte=x", '"weight__gte"'),
        ],
    )
    def test_nonsense_is_refused_by_name(
        self, client: Client, query: str, named: str, headers: dict[str, str]
    ) -> None:
        """Before anything is sent."""
        reply = ask(client, f"?{query}", headers)
        assert reply.status == 400
        assert named in reply.json()["detail"]


class TestShapes:
    """How an item is shown."""

    def test_only_what_was_asked_for(self, client: Client) -> None:
        """In lines, and in columns as they were asked for."""
        assert ask(client, "?fields=weight&until=0").body == b'{"id":"a","weight":-2.5}\n'
        assert ask(client, "?fields=weight,text&until=0", CSV).body == (
            b"id,weight,text\r\na,-2.5,t-5\r\n"
        )

    def test_a_table_has_a_column_for_each_field_that_may_be_seen(self, client: Client) -> None:
        """In the model's order, and what is hidden is not there."""
        reply = ask(client, "?until=0", CSV)
        assert reply.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        head, row = csv.reader(io.StringIO(reply.text, newline=""))
        assert head == ["id", "created_at", "updated_at", "text", "weight", "tags", "extra"]
        assert row[:5] == ["a", "-5", "-5", "t-5", "-2.5"]

    def test_a_table_of_nothing_still_has_its_header(self, client: Client) -> None:
        """And lines of nothing are no lines."""
        assert ask(client, "?until=-100&fields=text", CSV).body == b"id,text\r\n"
        assert ask(client, "?until=-100").body == b""

    @pytest.mark.parametrize(
        ("value", "cell"),
        [
            (None, ""),
            ("", '""'),
            ("plain", "plain"),
            ("é, ü", '"é, ü"'),
            ('say "x"', '"say ""x"""'),
            ("a\nb", '"a\nb"'),
            (" a", '" a"'),
            (True, "true"),
            (-0.5, "-0.5"),
            (10**18, str(10**18)),
            ([], "[]"),
            (["=1"], '"[""=1""]"'),
            ({"a": None}, '"{""a"":null}"'),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@sum", "'@sum"),
            ("\t=1", '"\'\t=1"'),
            ("\r", '"\'\r"'),
            (" =1", "' =1"),
            ("'=1", "''=1"),
            ("'tis", "'tis"),
            ("\uff1d1", "'\uff1d1"),
            ("1-1", "1-1"),
        ],
    )
    def test_a_value_stands_in_its_cell(self, value: Any, cell: str) -> None:
        """Quoted where it has to be, and never as a formula; a reader has it again."""
        made = csv_rows.rows([msgspec.json.encode({"a": value})], ["a", "b"]).decode()
        assert made == f"{cell},\r\n"
        read = next(csv.reader(io.StringIO(made, newline="")))[0]
        if isinstance(value, str):
            assert read in (value, f"'{value}")


MANY = often(20_000, 100_000)
"""Items of which all the bodies together are more than three megabytes."""


class TestLength:
    """A long export."""

    @pytest.mark.parametrize("kind", ["memory", "sqlite"])
    @pytest.mark.parametrize("headers", [NDJSON, CSV], ids=("ndjson", "csv"))
    def test_many_items_take_no_more_memory_than_a_step(
        self, long_timelines: dict[str, Client], kind: str, headers: dict[str, str]
    ) -> None:
        """However many they are."""
        client = long_timelines[kind]
        tracemalloc.start()
        try:
            reply = ask(client, headers=headers)
            lines = 0
            before = tracemalloc.get_traced_memory()[0]
            for chunk in reply.chunks():
                lines += chunk.count(b"\n")
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        assert lines == MANY + (headers is CSV)
        assert peak < 2 << 20

    def test_large_items_are_taken_a_few_at_a_time(self) -> None:
        """A step is judged by the bytes of the one before."""
        client = Client(Brubeck(streams=[Notes]))
        client.path = "/note"  # type: ignore[attr-defined]
        for start in range(0, 400, 50):
            notes = [{"id": f"n{start + n}", "text": "x" * 50_000} for n in range(50)]
            assert client.post("/note", json=notes).status == 201
        sizes = [len(chunk) for chunk in ask(client).chunks()]
        assert sum(sizes) > 400 * 50_000
        assert max(sizes[1:]) < 2 * exports.STEP_BYTES


@pytest.fixture(scope="module")
def long_timelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Client]:
    """Make a long timeline in memory and in a file."""
    from brubeck.storage import Put

    urls = ("memory://", f"sqlite:///{tmp_path_factory.mktemp('long')}/long.db")
    clients = {}
    for url in urls:
        storage = open_storage(url)
        queryset = storage.records("notes", Notes.spec.schema)
        for start in range(0, MANY, 5000):
            body = b'{"id":"n%06d","created_at":%d,"updated_at":7,"text":"%b"}'
            queryset.write(
                [
                    Put(
                        id=f"n{number:06}",
                        created_at=number // 7,
                        body=body % (number, number // 7, b"x" * 100),
                        token=str(number),
                    )
                    for number in range(start, start + 5000)
                ]
            )
        notes: type[StreamHandler] = type("Long", (Notes,), {"path": "/notes"})
        client = Client(Brubeck(streams=[notes], storage={"default": storage}))
        client.path = "/notes"  # type: ignore[attr-defined]
        clients[url.partition(":")[0]] = client
    return clients


class TestCut:
    """What goes wrong on the way cannot look like the end."""

    @pytest.fixture
    def client(self) -> Client:
        """Make a stream in memory, with many small steps."""
        client = Client(Brubeck(streams=[Notes], storage={"default": MemoryStorage()}))
        client.path = "/note"  # type: ignore[attr-defined]
        client.post("/note", json=[{"text": str(n)} for n in range(1000)])
        return client

    def test_rights_that_were_taken_away_end_it(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the next look, which is soon."""
        monkeypatch.setattr(exports, "RECHECK_SECONDS", 0)

        def refuse(_self: object, _context: object) -> None:
            raise Problem(401, "Not any more.")

        monkeypatch.setattr(Admission, "__call__", refuse)
        chunks = ask(client).chunks()
        assert next(chunks)
        with pytest.raises(Problem):
            next(chunks)

    def test_a_history_that_was_replaced_ends_it(self, client: Client) -> None:
        """Of another era nothing is to be put beside what was sent."""
        chunks = ask(client).chunks()
        assert next(chunks)
        client.application.store().new_era()
        with pytest.raises(Unavailable):
            list(chunks)

    def test_a_reader_who_has_left_ends_what_finds_nothing(self, client: Client) -> None:
        """For there is nothing to send by which it would be noticed."""
        rare = type("Rare", (Notes,), {"path": "/rare", "filters": ("text",)})
        client.application.add_stream(rare)
        client.post("/rare", json={"text": "rare"})
        for _ in range(10):
            client.post("/rare", json=[{"text": "x"}] * 1000)
        request = Request("GET", "/rare?text=rare", Headers(NDJSON))
        response = client.application.respond(request)
        assert isinstance(response, StreamingResponse)
        request.is_wanted = lambda: False
        with pytest.raises(Unavailable):
            list(response.chunks)

    def test_a_storage_that_is_away_from_the_start_is_a_503(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is nothing to cut yet."""

        def away(self: RecordStream, query: PageQuery) -> Page:
            raise Unavailable("away")

        kind = type(client.application.stream(Notes).records())
        monkeypatch.setattr(kind, "page", away)
        assert ask(client).status == 503

    @pytest.mark.parametrize("accept", [NDJSON, CSV], ids=("ndjson", "csv"))
    def test_a_storage_that_goes_away_leaves_an_answer_that_is_visibly_cut(
        self, accept: dict[str, str]
    ) -> None:
        """Over a server, in chunks without a last one."""
        with (
            brubeck_run("tests.streams.breaking:app") as server,
            Caller(server.port) as caller,
        ):
            caller.get("/note", f"Accept: {accept['Accept']}")
            response = caller.response()
            assert response.status == 200
            with pytest.raises(IncompleteRead) as caught:
                response.read()
            assert caught.value.partial
            assert "the storage is gone" in server.output
