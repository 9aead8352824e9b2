"""A stream inside its program: what cannot be written, read or parted is refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck, Problem
from brubeck.auth import Caller
from brubeck.dictshield.fields import (
    BaseField,
    DecimalField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from brubeck.streams import OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.local import LocalStream
from brubeck.testing import Client


class Value(OwnedDocument):
    """A field of each kind that holds others, and of some that hold none."""

    text = StringField(max_length=9)
    size = FloatField()
    count = IntField()
    price = DecimalField()
    anything = BaseField()
    members = DictField()
    rows = ListField(BaseField())


class Values(StreamHandler):
    """A stream that is written a few items at a time."""

    model = Value
    path = "/values"
    max_batch = 4
    filters = ("text", "text__in")


class Other(StreamedDocument):
    """A document of another stream."""


class Parted(StreamHandler):
    """A stream with a partition for each word in small letters."""

    model = Value
    path = "/users/<user>/values"
    partitions = "[a-z]+"


class Free(StreamHandler):
    """A stream with a partition for each key."""

    model = Value
    path = "/free/<key>"


class Checked(StreamHandler):
    """A stream of which a function says which partitions there are."""

    model = Value
    path = "/checked/<key>"

    partitions = staticmethod(lambda key: len(key) < 4)  # type: ignore[assignment]  # of a key


def app() -> Brubeck:
    """Return a program with all of them."""
    return Brubeck(streams=[Values, Parted, Free, Checked], storage="memory://")


def values() -> LocalStream:
    """Return the stream of values of a program of its own."""
    return app().stream(Values)


def nested(depth: int) -> list[Any]:
    """Return lists in each other."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def circle() -> list[Any]:
    """Return a list that contains itself."""
    found: list[Any] = []
    found.append(found)
    return found


NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf])
PLACES = st.recursive(
    NOT_FINITE.map(lambda number: (number, "")),
    lambda inner: (
        inner.map(lambda found: ([None, found[0]], f"/1{found[1]}"))
        | inner.map(lambda found: ({"a": found[0], "b": None}, f"/a{found[1]}"))
        | inner.map(lambda found: ((1, 2, found[0]), f"/2{found[1]}"))
    ),
    max_leaves=6,
)
"""Values with a number that is not finite somewhere, and the pointer to it."""


@given(PLACES, st.sampled_from(["size", "anything", "members", "rows"]))
def test_a_number_that_is_not_finite_is_refused(found: tuple[Any, str], field: str) -> None:
    """At any depth, by its pointer, in place of being left out."""
    value, pointer = found
    given_value = {"members": {"x": value}, "rows": [value]}.get(field, value)
    pointer = f"/{field}" + {"members": "/x", "rows": "/0"}.get(field, "") + pointer
    stream = values()
    stream.insert({"id": "there", "text": "kept"})
    document = {field: given_value}
    writes: list[Callable[[], object]] = [
        lambda: stream.insert(document),
        lambda: stream.update("there", document),
        lambda: stream.update("there", {"text": None, **document}),
    ]
    for write in writes:
        with pytest.raises(Problem) as caught:
            write()
        assert caught.value.status == 422
        assert [each for each, _ in caught.value.errors] == [pointer]
    (result,) = stream.insert_many([document])
    assert (result.status, stream.count().total) == (422, 1)
    assert stream.get("there").text == "kept"  # type: ignore[union-attr]


BAD: dict[str, Callable[[], Any]] = {
    "an invalid document": lambda: Value(text="far too long"),
    "a document with half a surrogate": lambda: Value(text="\ud800"),
    "a document with no number": lambda: Value(size=math.nan),
    "a document with no number within": lambda: Value(members={"x": [math.nan]}),
    "a document with a deep value": lambda: Value(members={"x": nested(5000)}),
    "a document of another class": lambda: Other(id="x"),
    "members that are invalid": lambda: {"text": "far too long"},
    "half a surrogate": lambda: {"text": "\ud800"},
    "half a surrogate in a name": lambda: {"members": {"\ud800": 1}},
    "half a surrogate deep down": lambda: {"rows": [nested(100), "\ud800"]},
    "NUL": lambda: {"text": "\0"},
    "a long number": lambda: {"count": 10**30},
    "a number of too many digits": lambda: {"count": 10**5000},
    "a circle": lambda: {"rows": circle()},
    "40 lists": lambda: {"rows": nested(40)},
    "500 lists": lambda: {"rows": nested(500)},
    "900 lists": lambda: {"rows": nested(900)},
    "990 lists": lambda: {"rows": nested(990)},
    "5000 lists": lambda: {"rows": nested(5000)},
    "an object": lambda: {"rows": [object()]},
    "names that are no texts": lambda: {"members": {(1, 2): 3}},
    "bytes that are no JSON": lambda: b"{",
    "bytes that are no text": lambda: b'{"text":"\xff"}',
    "JSON of a list": lambda: b"[]",
    "JSON of deep lists": lambda: b'{"rows":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a list that is no pairs": lambda: ["abc"],
    "a number": lambda: 7,
    "a text": lambda: "abc",
    "nothing": lambda: None,
}
"""Documents that cannot be written, in every way that occurred to anybody."""


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("owner", [None, Caller("1", "ella")], ids=["nobody's", "owned"])
def test_a_bad_document_has_a_result_and_stops_no_other(
    make: Callable[[], Any], owner: Caller | None
) -> None:
    """Neither of its batch nor of those before and after."""
    stream = values()
    documents: list[Any] = [{"id": f"v{number}"} for number in range(11)]
    documents[6] = make()
    results = stream.insert_many(documents, owner=owner)
    assert [each.status in (400, 422) for each in results] == [at == 6 for at in range(11)]
    assert stream.count().total == 10
    assert results[6].problem is not None
    assert results[6].problem.__traceback__ is None
    with pytest.raises(Problem) as caught:
        stream.insert(make(), owner=owner)
    assert caught.value.status == results[6].status


@pytest.mark.parametrize(
    "make",
    [
        make
        for name, make in BAD.items()
        if "document" not in name and "JSON" not in name and "bytes" not in name
    ],
)
def test_a_bad_change_is_a_problem(make: Callable[[], Any]) -> None:
    """And leaves the item as it was."""
    stream = values()
    before = stream.insert({"id": "there", "rows": [1], "members": {"a": 1}})
    with pytest.raises(Problem) as caught:
        stream.update("there", make())
    assert caught.value.status == 422
    assert stream.get("there") == before


def test_values_of_python_and_json_go_in_exactly() -> None:
    """Decimals, large numbers, None and JSON itself, also with an owner."""
    stream = values()
    price = Decimal("12345678901234567890.12")
    for owner in (None, Caller("1", "ella")):
        documents: list[Any] = [
            {"price": price, "text": None},
            b'{"price":12345678901234567890.12}',
            {"price": 10**30, "anything": None},
            {"members": {"a": None}},
        ]
        results = stream.insert_many(documents, owner=owner)
        assert [each.status for each in results] == [201] * 4
        found: list[Any] = [stream.get(each.id) for each in results]
        assert [each.price for each in found] == [price, price, Decimal(10**30), None]
        assert found[3].members == {"a": None}


@pytest.mark.parametrize("name", ["before", "after", "fields", "order", "limit", "total", "wait"])
@pytest.mark.parametrize("value", ["1000", 1, None])
def test_a_parameter_of_pages_is_refused(name: str, value: object) -> None:
    """Whatever its value, in place of being passed over."""
    stream = values()
    given: dict[str, Any] = {name: value}
    for read in (stream.items, stream.count):
        with pytest.raises(ValueError, match=name):
            read(**given)


def test_an_empty_list_is_refused() -> None:
    """As in the client: no item can match."""
    found: list[object] = [[], (), set(), frozenset()]
    for empty in found:
        with pytest.raises(ValueError, match="text__in is an empty list"):
            values().items(text__in=empty)


CANNOT_BE = (
    "",
    "a/b",
    "../x",
    ".",
    "a b",
    "a\0b",
    "\ud800",
    "-",
    "\n",
    "a\n",
    "a" * 200,
    "changes",
)


@pytest.mark.parametrize(
    ("declaration", "bad", "good"),
    [
        (Values, ("a", "changes"), ("",)),
        (Parted, (*CANNOT_BE, "Ella", "7"), ("ella", "max")),
        (Free, CANNOT_BE, ("ella", "Ella", "7")),
        (Checked, (*CANNOT_BE, "long"), ("a", "abc")),
    ],
)
def test_a_partition_that_cannot_be_is_refused(
    declaration: type[StreamHandler], bad: tuple[str, ...], good: tuple[str, ...]
) -> None:
    """By every method that takes one, also after it has been asked for."""
    program = app()
    stream = program.stream(declaration)
    methods: list[Callable[[str], Any]] = [
        stream.records,
        lambda key: stream.get("x", key),
        stream.items,
        stream.count,
        lambda key: stream.insert({}, key),
        lambda key: stream.insert_many([{}], key),
        lambda key: stream.update("x", {}, key),
        lambda key: stream.delete("x", key),
        lambda key: next(stream.follow("0", key, wait=0), None),
    ]
    for key in bad:
        for method in methods * 2:
            with pytest.raises(ValueError, match="partition"):
                method(key)
    for key in good:
        made = stream.insert({"text": "x"}, key)
        path = f"{stream.spec.path.at(key)}/{made.id}"
        assert Client(program).get(path).status == 200
    assert sorted(stream.partitions()) == sorted(good)


def test_what_is_kept_of_a_partition_is_swept_though_it_may_be_no_more(tmp_path: Any) -> None:
    """A narrower rule takes nothing from what was stored before it."""
    url = f"sqlite:///{tmp_path}/values.db"

    def declared(rule: str) -> type[StreamHandler]:
        members = {"model": Value, "path": "/v/<key>", "partitions": rule, "retain": 1}
        return type("Narrow", (StreamHandler,), members)

    wide = declared("[a-z]+")
    program = Brubeck(streams=[wide], storage=url)
    program.stream(wide).insert_many([{}, {}, {}], "ella")
    program.close()
    narrow = declared("max")
    program = Brubeck(streams=[narrow], storage=url)
    assert program.stream(narrow).sweep().items == 2
    program.close()
