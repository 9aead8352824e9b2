"""Input made to hurt: always a ShieldException, soon, and never another exception."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck.dictshield.base import ShieldDocException, ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    DateTimeField,
    DecimalField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MillisecondField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)
from brubeck.dictshield.limits import MOST_FAULTS


class Node(EmbeddedDocument):
    """A document without an end."""

    name = StringField()
    child = EmbeddedDocumentField("self")
    children = ListField(EmbeddedDocumentField("self"))


class Target(Document):
    """A field of each kind that has been attacked."""

    text = StringField()
    number = IntField()
    real = FloatField()
    exact = DecimalField()
    free = DictField()
    anything = BaseField()
    node = EmbeddedDocumentField(Node)
    mail = EmailField()
    page = URLField()
    when = DateTimeField()
    millis = MillisecondField()
    stamp = TimeStampField()
    key = UUIDField()


BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b'{"text":"a"} {}',
    b'{"text":"a",}',
    b'\xef\xbb\xbf{"text":"a"}',
    b'{"text":"\xff"}',
    b'{"text":"\xed\xa0\x80"}',
    b'{"gone":"\xff"}',
    b'{"text":"\\ud800"}',
    b'{"text":"\\udc00\\ud800"}',
    b'{"text":"\\u0000"}',
    b'{"text":"a\x00b"}',
    b'{"text":"a","text":"b"}',
    b'{"text":"a","t\\u0065xt":"b"}',
    b'{"text":"a:","text":"b","page":"\\u003a"}',
    b'{"node":{"name":"a","name":"b"}}',
    b'{"node":{"children":[{"name":"a"},{"name":"a","name":"b"}]}}',
    b'{"free":{"a":{"b":1,"b":2}}}',
    b'{"free":{"\\u0000":1}}',
    b'{"free":{"\\ud800":1}}',
    b'{"number":9223372036854775808}',
    b'{"number":-9223372036854775809}',
    b'{"number":' + b"9" * 100_000 + b"}",
    b'{"number":1.0}',
    b'{"number":true}',
    b'{"real":1e400}',
    b'{"real":' + b"9" * 100_000 + b"}",
    b'{"real":NaN}',
    b'{"real":Infinity}',
    b'{"exact":1e999999999}',
    b'{"exact":"1e999999999999999999999"}',
    b'{"exact":"NaN"}',
    b'{"exact":"sNaN"}',
    b'{"exact":' + b"9" * 100_000 + b"}",
    b'{"anything":9223372036854775808}',
    b'{"anything":[{"a":1e999}]}',
    b'{"free":' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}",
    b'{"anything":' + b"[" * 200_000,
    b'{"gone":' + b"[" * 200_000,
    b'{"anything":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"node":' + b'{"child":' * 32 + b"{}" + b"}" * 32 + b"}",
    b'{"node":' + b'{"child":' * 100_000,
    b'{"when":"0000-01-01T00:00:00Z"}',
    b'{"when":"99999-01-01T00:00:00Z"}',
    b'{"millis":253402300800000}',
    b'{"millis":"Mon, 99 Foo 99999999999999999999 00:00:00"}',
    b'{"stamp":-99999999999999}',
    b'{"key":"not a uuid"}',
]


@pytest.mark.parametrize("unknown", ["drop", "refuse"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40])
def test_bad_json_is_a_shield_exception(body: bytes, unknown: Any) -> None:
    """Whatever the bytes are, the error is ours, says where, and can be printed."""
    with pytest.raises(ShieldDocException) as caught:
        Target.from_json(body, unknown=unknown)
    assert caught.value.errors
    assert all(pointer == "" or pointer[0] == "/" for pointer, _ in caught.value.errors)
    assert str(caught.value).isprintable()


def _cycle() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["free"] = [loop, loop]
    return loop


VALUES: list[Any] = [
    None,
    5,
    [],
    "text",
    {5: "a"},
    {"text": b"bytes"},
    {"text": "\ud800"},
    {"text": "\0"},
    {"\ud800": 1, "text": 5},
    {"free": {5: 1}},
    {"free": {("a", "b"): 1}},
    {"anything": object()},
    {"anything": {1, 2}},
    {"anything": float("nan")},
    {"anything": 2**63},
    {"anything": Decimal("NaN")},
    {"real": float("inf")},
    {"real": 10**400},
    {"exact": Decimal("Infinity")},
    {"exact": Decimal("sNaN")},
    {"number": 10**5000},
    {"stamp": 10**5000},
    {"millis": 10**5000},
    _cycle(),
    {"anything": _cycle()},
    {"node": {"child": {"child": 5}}},
]


@pytest.mark.parametrize("values", VALUES, ids=lambda values: type(values).__name__)
def test_bad_python_values_are_a_shield_exception(values: Any) -> None:
    """Values that JSON cannot hold are refused like bad JSON, cycles included."""
    with pytest.raises(ShieldDocException) as caught:
        Target.from_python(values, unknown="refuse")
    assert caught.value.errors
    assert str(caught.value).isprintable()


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_at_all(body: bytes | str) -> None:
    """Random input is a document or a ShieldException."""
    for read in (Target.from_json, Target.decode_stored):
        with suppress(ShieldException):
            read(body)


ATTACKS = [
    "a" * 200_000,
    "a." * 100_000,
    "a-" * 100_000 + "@",
    "a@" + "a-" * 100_000,
    "a@" + "a." * 100_000,
    "a@" + ("a" * 63 + ".") * 3_000 + "!",
    '"' + "\\ " * 100_000,
    '"' + "a" * 100_000 + '"@',
    "http://" + "a" * 200_000,
    "http://" + "a." * 100_000 + "!",
    "http://" + "a-" * 100_000,
    "http://" + "1." * 100_000,
    "http://[" + ":" * 200_000,
    "http://a.com/" + "a" * 200_000 + " ",
    "http://a.com:" + "1" * 200_000,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack[:20])
def test_no_pattern_backtracks_for_long(attack: str) -> None:
    """Addresses made to make a pattern try everything are refused at once."""
    begun = time.process_time()
    for field in (Target.mail, Target.page):
        with pytest.raises(ShieldException):
            field.validate(attack)
    for key in ("mail", "page"):
        with pytest.raises(ShieldException):
            Target.from_python({key: attack})
    assert time.process_time() - begun < 1


def test_an_error_message_is_short() -> None:
    """A huge value is not repeated in the message about it, nor a secret in the sentence."""
    with pytest.raises(ShieldException) as caught:
        Target.from_python({"number": "secret" * 100_000})
    assert len(str(caught.value)) < 300
    assert "secret" not in caught.value.errors[0][1]


class And(EmbeddedDocument):
    """Half of a tree of conditions, as a search takes it."""

    every = ListField([EmbeddedDocumentField("And"), EmbeddedDocumentField("Or"), StringField()])
    even = IntField()


class Or(EmbeddedDocument):
    """The other half."""

    every = ListField(
        [EmbeddedDocumentField("Or"), EmbeddedDocumentField("Nor"), EmbeddedDocumentField("And")]
    )
    odd = IntField()


class Nor(Or):
    """A kind that is another one as well."""


class Search(Document):
    """A document that is a tree of documents of two kinds."""

    where = EmbeddedDocumentField(And)
    several = ListField([EmbeddedDocumentField(Or), EmbeddedDocumentField(Nor)])


@pytest.mark.parametrize("leaf", ['{"even":"x"}', '"a"'])
@pytest.mark.parametrize("key", ["even", "neither"])
def test_lists_of_several_kinds_are_not_read_over_and_over(key: str, leaf: str) -> None:
    """A tree of two kinds of documents, bad on every level, is refused in no time."""
    tree = '{"every":[' * 15 + leaf + f'],"{key}":"x"}}' * 15
    begun = time.process_time()
    with pytest.raises(ShieldDocException):
        Search.from_json(f'{{"where":{tree}}}', unknown="refuse")
    with suppress(ShieldException):
        Search(where=json.loads(tree.replace('"x"', "[]"))).validate()
    deep = Nor(odd="x")
    for _ in range(15):
        deep = Nor(odd="x", every=[deep])
    with pytest.raises(ShieldException):
        Search(several=[deep]).validate(validate_all=True)
    assert time.process_time() - begun < 1


def test_the_errors_of_a_hostile_document_have_an_end() -> None:
    """After so many errors the last one says that there are more."""
    for items in (MOST_FAULTS, MOST_FAULTS + 1, 300_000):
        with pytest.raises(ShieldDocException) as caught:
            Search.from_json('{"where":{"every":[' + ",".join(["5"] * items) + "]}}")
        assert len(caught.value.errors) == min(items, MOST_FAULTS + 1)
        assert caught.value.errors[MOST_FAULTS - 1][0] == f"/where/every/{MOST_FAULTS - 1}"
        assert ("more errors" in caught.value.errors[-1][1]) == (items > MOST_FAULTS)
    twice = ",".join(['{"a":1,"a":2}'] * 2_000)
    with pytest.raises(ShieldDocException, match="more errors"):
        Target.from_json(f'{{"anything":[{twice}]}}')


def test_thirty_two_levels_are_allowed() -> None:
    """The deepest document that may be stored is read, and one level more is not."""
    deepest = b'{"free":' + b'{"a":' * 30 + b"{}" + b"}" * 31
    assert Target.from_json(deepest).encode() == deepest
    with pytest.raises(ShieldDocException, match="nested too deeply"):
        Target.from_json(b'{"free":' + b'{"a":' * 31 + b"{}" + b"}" * 32)

    class Anything(Document):
        items = ListField([])
        free = DictField()

    with pytest.raises(ShieldDocException, match="nested too deeply"):
        Anything.from_json(b'{"items":' + b"[" * 32 + b"]" * 32 + b"}")
    deep: Any = {}
    for _ in range(31):
        deep = {"a": deep}
    with pytest.raises(ShieldException, match="nested too deeply"):
        Anything(free=deep).validate()


def test_a_constructor_is_not_broken_by_depth() -> None:
    """Deep input to the constructor is taken, and `validate` says that it is too deep."""
    for levels in (40, 900):
        deep: Any = {}
        for _ in range(levels):
            deep = {"child": deep}
        with pytest.raises(ShieldException, match="nested too deeply"):
            Target(node=deep).validate()


def test_choices_and_validation_bear_any_value() -> None:
    """An unhashable value against a set, or a validation that trips over one, is just refused."""

    class Picky(Document):
        one = BaseField(choices={1, 2})
        two = BaseField(validation=lambda value: value.strip())
        three = EmbeddedDocumentField(Node, choices=[Node(name="a")])
        four = EmbeddedDocumentField(Node, validation=lambda node: node.name == "a")

    good = b'{"one":1,"two":"a","three":{"name":"a"},"four":{"name":"a"}}'
    picked = Picky.from_json(good)
    assert picked.three == Node(name="a")
    assert Picky.from_python(picked.to_python()) == picked
    with pytest.raises(ShieldDocException) as caught:
        Picky.from_json('{"one":[1],"two":5,"three":{"name":"b"},"four":{"name":"b"}}')
    assert [at for at, _ in caught.value.errors] == ["/one", "/two", "/three", "/four"]
    faults = Picky.validate_class_partial({"one": [1], "two": 5}, validate_all=True)
    assert [fault.reason for fault in faults] == ["Value must be one of {1, 2}.", "Invalid value"]
