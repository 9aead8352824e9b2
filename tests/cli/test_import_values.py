"""``brubeck import``: values come in as they are written, and a bad line stops no other."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.cli.csv_documents import documents
from brubeck.client import Stream
from brubeck.streams.csv_rows import header_row, rows
from tests.servers.programs import brubeck

Run = Callable[..., CompletedProcess[str]]
DIGITS = st.text("0123456789", min_size=1, max_size=40)
NUMBERS = st.builds(
    lambda sign, whole, rest, power: f"{sign}{whole.lstrip('0') or '0'}{rest}{power}",
    st.sampled_from(["", "-"]),
    DIGITS,
    st.one_of(st.just(""), DIGITS.map(lambda digits: f".{digits}")),
    st.sampled_from(["", "E+2", "e400", "E-7"]),
)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)
TARGETS = pytest.mark.parametrize("target", ["server", "program"])


@pytest.fixture
def run(local: Path) -> Run:
    """Return a function that runs a command in the folder of the program."""
    return lambda *arguments, **settings: brubeck(local, *arguments, **settings)


@given(NUMBERS, st.sampled_from(["", "json"]))
def test_a_number_keeps_its_digits(number: str, kind: str) -> None:
    """In a field of numbers, of numbers and texts, and of no known type; also within an object."""
    body = b'{"n":%b,"nested":{"n":[%b]}}' % (number.encode(), number.encode())
    file = io.BytesIO(header_row(["n", "nested"]) + rows([body], ["n", "nested"]))
    ((_, found),) = documents(file, {"n": kind, "nested": "json"} if kind else {})
    assert found == body


@given(VALUES)
def test_a_value_comes_in_as_it_went_out(value: object) -> None:
    """Of every kind, in a field of its type."""
    body = msgspec.json.encode({"id": "a", "value": value})
    file = io.BytesIO(header_row(["id", "value"]) + rows([body], ["id", "value"]))
    kind = "string" if isinstance(value, str) else "json"
    ((number, found),) = documents(file, {"id": "string", "value": kind})
    assert (number, found) == (2, body)


@TARGETS
@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_a_decimal_keeps_its_digits(
    run: Run, local: Path, base: str, target: str, ending: str
) -> None:
    """From a stream to another, and from a file in which it is a number."""
    where = base if target == "server" else "mine:app"
    prices = ["19.90", "12345678901234567890.12", "0.1000000000000000000000001", "-1E+30"]
    lines = [f'{{"id":"d{at}","price":{price}}}\n' for at, price in enumerate(prices)]
    (local / "in.ndjson").write_text("".join(lines))
    for source, stream, copy in (("in.ndjson", "one", f"x.{ending}"), (f"x.{ending}", "two", "-")):
        path = f"users/{ending}-{stream}/posts"
        done = run("import", source, where, path)
        assert (done.returncode, done.stderr) == (0, "4 items imported, 0 lines failed.\n")
        done = run("export", where, path, "-o", copy)
    assert sorted(json.loads(line)["price"] for line in done.stdout.splitlines()) == sorted(prices)


BAD = {
    "NaN": ("size", "NaN", "/size: Not Float"),
    "infinity": ("size", "-Infinity", "/size: Not Float"),
    "a float out of range": ("size", "1e400", "out of range"),
    "NaN within": ("extra", '"{""x"":NaN}"', 'The cell of "extra" is not JSON'),
    "half a surrogate": ("extra", '"{""x"":""\\ud800""}"', 'The cell of "extra" is not JSON'),
    "a surrogate as a text": ("text", '"\\ud800\0"', "/text"),
    "bytes that are no text": ("text", "\udcff", "The row is not CSV"),
    "a whole number out of range": ("extra", '"{""x"":' + "1" * 25 + '}"', "/extra/x"),
    "thousands of digits": ("size", "1" * 5000, "out of range"),
    "nested a little too deeply": ("tags", '"' + "[" * 33 + "]" * 33 + '"', "nested too deeply"),
    "nested deeply": ("extra", '"{""x"":' + "[" * 700 + "]" * 700 + '}"', "nested too deeply"),
    "nested past any reader": ("extra", '"{""x"":' + "[" * 9000 + "]" * 9000 + '}"', "not JSON"),
    "not closed": ("extra", '"{""x"":"', 'The cell of "extra" is not JSON'),
}
"""Rows of one field each that cannot be stored, and a part of the sentence about it."""


@TARGETS
def test_a_bad_row_is_reported_and_the_others_go_in(
    run: Run, local: Path, base: str, target: str
) -> None:
    """Whatever is wrong with it, and whoever finds that out."""
    where, stream = (base if target == "server" else "mine:app"), "users/bad/posts"
    names = ["id", "text", "size", "tags", "extra"]
    lines = [",".join(names)]
    for at, (field, cell, _) in enumerate(BAD.values()):
        lines += [",".join([f"bad{at}", *(cell if each == field else "" for each in names[1:])])]
        lines += [f"good{at},fine,1,[],{{}}"]
    text = "\n".join(lines)
    (local / "in.csv").write_bytes(text.encode(errors="surrogateescape"))
    done = run("import", "in.csv", where, stream)
    *reported, last = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in reported] == [
        f"line {2 + 2 * at}" for at in range(len(BAD))
    ]
    for line, (_, _, words) in zip(reported, BAD.values(), strict=True):
        assert words in line, line
    assert last == f"{len(BAD)} items imported, {len(BAD)} lines failed."
    assert done.returncode == 1
    found = run("export", where, stream, "-o", "-").stdout.splitlines()
    assert {json.loads(line)["id"] for line in found} == {f"good{at}" for at in range(len(BAD))}


@TARGETS
def test_a_bad_line_is_reported_and_the_others_go_in(
    run: Run, local: Path, base: str, target: str
) -> None:
    """Of NDJSON as well."""
    where = base if target == "server" else "mine:app"
    bad = {
        '{"size":NaN}': "not JSON",
        '{"size":1e400}': "out of range",
        '{"text":"\\ud800"}': "not JSON",
        '{"text":' + "[" * 500 + "]" * 500 + "}": "nested too deeply",
        '{"text":' + "[" * 9000 + "]" * 9000 + "}": "not JSON",
        "[{}]": "not an object",
        '{"extra":{"a":' + "1" * 30 + "}}": "/extra/a",
    }
    lines = [line for at, each in enumerate(bad) for line in (each, f'{{"id":"l{at}"}}')]
    done = run("import", "-", where, "users/lines/posts", given="\n".join(lines))
    *reported, last = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in reported] == [
        f"line {1 + 2 * at}" for at in range(len(bad))
    ]
    for line, words in zip(reported, bad.values(), strict=True):
        assert words in line, line
    assert last == f"{len(bad)} items imported, {len(bad)} lines failed."


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"x\n"])
def test_a_cell_of_many_lines_is_read_in_time(ending: bytes) -> None:
    """In a time that grows with its length: a quadratic one would be minutes."""
    text = ending * 300_000
    file = io.BytesIO(b'id,text\r\na,"%b"\r\n' % text)
    began = time.process_time()
    ((number, found),) = documents(file, {"id": "string", "text": "string"})
    assert time.process_time() - began < 5
    assert (number, msgspec.json.decode(found)) == (2, {"id": "a", "text": text.decode()})


def test_a_client_sends_json_as_it_stands(base: str) -> None:
    """In place of a mapping."""
    with Stream(f"{base}/users/json/posts") as stream:
        results = stream.create_many([b'{"id":"j1","price":0.10}', {"id": "j2"}, b'{"id":7}'])
        assert [each.status for each in results] == [201, 201, 422]
        assert stream.get("j1")["price"] == "0.10"
