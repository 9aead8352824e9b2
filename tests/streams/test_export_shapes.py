"""Exports in other clothes: compressed, with readable times, for spreadsheets."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from http.client import HTTPConnection
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import IntField, MillisecondField, StringField
from brubeck.storage import Unavailable
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.servers.programs import brubeck_run

ZIPPED = {"Accept-Encoding": "gzip"}


class Note(StreamedDocument):
    """A note with a time of its own."""

    text = StringField()
    at = MillisecondField()
    number = IntField()


class Notes(StreamHandler):
    """Notes of any time."""

    model = Note
    path = "/notes"
    accept_created_at = True


@pytest.fixture
def client() -> Client:
    """Make a stream of notes, one of them of before 1970."""
    found = Client(Brubeck(streams=[Notes], storage="memory://"))
    notes = [{"id": f"n{at}", "created_at": at, "text": "x" * 50, "number": at} for at in range(99)]
    notes += [{"id": "old", "created_at": -1, "at": 1_517_966_773_840, "number": 7}]
    assert found.post("/notes", json=notes).status == 201
    return found


@pytest.mark.parametrize("shape", ["csv", "ndjson"])
def test_an_export_is_compressed_when_asked(client: Client, shape: str) -> None:
    """And says so, also to caches."""
    plain = client.get(f"/notes.{shape}")
    body = plain.body
    zipped = client.get(f"/notes.{shape}", headers=ZIPPED)
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert plain.headers["Vary"] == zipped.headers["Vary"]
    sent = zipped.body
    assert gzip.decompress(sent) == body
    assert len(sent) < len(body) / 3
    refused = client.get(f"/notes.{shape}", headers={"Accept-Encoding": "gzip;q=0, br"})
    assert refused.body == body


def test_a_compressed_export_that_breaks_off_has_no_end(client: Client) -> None:
    """Not even that of its gzip."""
    notes = client.application.stream(Notes)
    notes.insert_many({"number": at} for at in range(500))
    chunks: Any = client.get("/notes.ndjson", headers=ZIPPED).chunks()
    notes.store.new_era()
    sent: list[bytes] = []
    with pytest.raises(Unavailable, match="another era"):
        sent.extend(chunks)
    decoder = zlib.decompressobj(wbits=31)
    decoder.decompress(b"".join(sent))
    assert not decoder.eof


def test_a_server_sends_it_compressed() -> None:
    """Step by step, to `curl --compressed`, say."""
    with brubeck_run("tests.explorer.week:app") as program:
        connection = HTTPConnection("127.0.0.1", program.port, timeout=30)
        connection.request("GET", "/quakes.ndjson", headers=ZIPPED)
        answer = connection.getresponse()
        body = gzip.decompress(answer.read())
        connection.close()
    assert answer.getheader("Content-Encoding") == "gzip"
    assert body.count(b"\n") == 1707


def test_times_of_csv_may_be_readable(client: Client) -> None:
    """Every column of milliseconds, and no other number; and they are taken back."""
    text = client.get("/notes.csv?times=rfc3339&order=oldest").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["created_at"] == "1969-12-31T23:59:59.999Z"
    assert rows[0]["at"] == "2018-02-07T01:26:13.840Z"
    assert rows[0]["number"] == "7"
    assert rows[2] | {"id": ""} == rows[2] | {"id": "", "at": "", "number": "1"}
    same = client.get("/notes.csv?times=millis").text
    assert same == client.get("/notes.csv").text
    other = Client(Brubeck(streams=[Notes], storage="memory://"))
    taken = {name: rows[0][name] for name in ("id", "created_at", "at")}
    assert other.post("/notes", json=taken).json()["data"]["created_at"] == -1


def test_a_spreadsheet_gets_its_mark(client: Client) -> None:
    """Before the first row, and nowhere else."""
    body = client.get("/notes.csv?bom=true").body
    assert body == codecs.BOM_UTF8 + client.get("/notes.csv").body


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/notes.csv?times=iso", "rfc3339 or millis"),
        ("/notes.csv?bom=maybe", "true or false"),
        ("/notes.csv?times=rfc3339&times=millis", "more than once"),
        ("/notes.ndjson?times=rfc3339", "for CSV"),
        ("/notes.ndjson?bom=true", "for CSV"),
        ("/notes?times=rfc3339", 'no parameter "times"'),
    ],
)
def test_misuse_is_told(client: Client, path: str, words: str) -> None:
    """By a sentence."""
    reply = client.get(path)
    assert reply.status == 400
    assert words in reply.json()["detail"]


class Named(StreamedDocument):
    """A document with a field that is called like a parameter."""

    times = StringField()


class Filtered(StreamHandler):
    """A stream with a filter of that name."""

    model = Named
    path = "/named"
    filters = ("times",)


def test_a_filter_of_the_same_name_is_a_filter() -> None:
    """Of CSV, too."""
    client = Client(Brubeck(streams=[Filtered], storage="memory://"))
    client.post("/named", json=[{"id": "a", "times": "often"}, {"id": "b", "times": "never"}])
    rows = list(csv.DictReader(io.StringIO(client.get("/named.csv?times=often").text)))
    assert [each["id"] for each in rows] == ["a"]
