"""Each field alone: what it takes, what it makes of it, what it refuses, and its JSON."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from bson.objectid import ObjectId

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.datastructures import MultiValueDict
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    LongField,
    MD5Field,
    MillisecondField,
    MultiValueDictField,
    NumberField,
    ObjectIdField,
    SHA1Field,
    SortedListField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)

KEY = "e8b5d682-4523-13a6-142c-10b045a9a135"
MONGO = "4ee41cdc0f43833917000001"


def naive(*parts: int) -> datetime:
    """Return a datetime without an offset."""
    made: Any = datetime
    moment: datetime = made(*parts)
    return moment


class Inner(EmbeddedDocument):
    """Something to embed."""

    name = StringField(required=True)
    count = IntField()


TAKEN: list[tuple[BaseField[Any], Any, Any]] = [
    (BaseField(), {"a": [1, None]}, {"a": [1, None]}),
    (StringField(), "Ludlow", "Ludlow"),
    (StringField(regex="[a-c]"), "abcdef", "abcdef"),
    (StringField(regex=re.compile("x$", re.IGNORECASE)), "X", "X"),
    (URLField(), "http://example.com", "http://example.com"),
    (URLField(), "https://a.b-c.example.photography:8080/x?y=z#a", None),
    (URLField(), "http://localhost", None),
    (URLField(), "http://127.0.0.1/", None),
    (URLField(), "http://[::1]:80/", None),
    (EmailField(), "first.last+tag@mail.example.museum", None),
    (EmailField(), '"a b"@example.com', None),
    (MD5Field(), "e8b5d682452313a6142c10b045a9a135", None),
    (SHA1Field(), "da39a3ee5e6b4b0d3255bfef95601890afd80709", None),
    (UUIDField(), KEY, uuid.UUID(KEY)),
    (UUIDField(), "{" + KEY + "}", uuid.UUID(KEY)),
    (ObjectIdField(), MONGO, ObjectId(MONGO)),
    (NumberField(), 5, 5),
    (NumberField(number_class=float, number_type="Real"), "5", 5.0),
    (IntField(), "5", 5),
    (IntField(min_value=5), 5, 5),
    (LongField(), 5.7, 5),
    (FloatField(max_value=5), 5, 5.0),
    (DecimalField(), "1.10", Decimal("1.10")),
    (DecimalField(), 0.1, Decimal("0.1")),
    (BooleanField(), False, False),
    (DateTimeField(), "2012-12-21T12:00:00.000001", naive(2012, 12, 21, 12, 0, 0, 1)),
    (DateTimeField(), "2012-12-21", naive(2012, 12, 21)),
    (DateTimeField(format="%d.%m.%Y"), "21.12.2012", naive(2012, 12, 21)),
    (TimeStampField(), 60, datetime(1970, 1, 1, 0, 1, tzinfo=UTC)),
    (TimeStampField(), "1970-01-01T00:01:00Z", datetime(1970, 1, 1, 0, 1, tzinfo=UTC)),
    (MillisecondField(), 60, 60),
    (MillisecondField(), "1970-01-01T00:00:01Z", 1000),
    (MillisecondField(), "Thu, 01 Jan 1970 00:00:01 GMT", 1000),
    (MillisecondField(), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1000),
    (MillisecondField(), "1969-12-31T23:59:59.999Z", -1),
    (DictField(), {"a": {"b": 1}}, {"a": {"b": 1}}),
    (MultiValueDictField(), {"a": [1, 2]}, MultiValueDict({"a": [1, 2]})),
    (GeoPointField(), [1, 2.5], None),
    (GeoPointField(), (1, 2.5), None),
    (GeoPointField(), {"lat": 1, "lon": 2.5}, None),
    (ListField(StringField()), ["a"], ["a"]),
    (ListField(StringField()), ("a",), ["a"]),
    (ListField([IntField(), StringField()]), [1, "a"], [1, "a"]),
    (SortedListField(IntField()), [2, 1], [2, 1]),
    (EmbeddedDocumentField(Inner), {"name": "a"}, Inner(name="a")),
]


@pytest.mark.parametrize(
    ("field", "value", "native"), TAKEN, ids=lambda value: type(value).__name__
)
def test_a_field_takes_a_value_and_makes_it_native(
    field: BaseField[Any], value: Any, native: Any
) -> None:
    """`validate` returns the native value of everything that can be converted."""
    found = field.validate(value)
    assert found == (value if native is None else native)
    assert field.validate(found) == found


@pytest.mark.parametrize(
    ("field", "value", "native"), TAKEN, ids=lambda value: type(value).__name__
)
def test_a_good_value_goes_the_whole_way(field: BaseField[Any], value: Any, native: Any) -> None:
    """What a field takes is assigned, validated, stored and read to the same value everywhere."""
    make: Any = type(Document)
    model: Any = make("Model", (Document,), {"value": field})
    document = model(value=value)
    assert document.validate()
    stored = document.encode()
    expected = list(value) if isinstance(value, tuple) else document.value
    if isinstance(field, SortedListField):
        expected = sorted(expected)
    for read in (model.from_json(stored), model.decode_stored(stored)):
        assert read.value == expected
        assert read.encode() == stored
        assert read.validate()
    again = model.from_python({"value": document.value})
    assert again.encode() == stored
    assert model(**document.to_python()).encode() == stored
    assert json.loads(document.encode_ownersafe()) == json.loads(stored)
    assert json.loads(document.to_json())["value"] is not None


REFUSED: list[tuple[BaseField[Any], Any, str]] = [
    (BaseField(), float("nan"), "out of range"),
    (StringField(), 5, "Not text"),
    (StringField(), b"a", "Not text"),
    (StringField(max_length=2), "abc", "too long"),
    (StringField(min_length=2), "a", "too short"),
    (StringField(regex="[a-c]+$"), "abd", "did not match"),
    (URLField(), "http://example", "Invalid URL"),
    (URLField(), "javascript:alert(1)", "Invalid URL"),
    (URLField(), "http://example.com/a b", "Invalid URL"),
    (URLField(), "http://example.com\n", "Invalid URL"),
    (URLField(max_length=10), "http://example.com", "too long"),
    (EmailField(), "nobody", "Invalid email"),
    (EmailField(), "a@b", "Invalid email"),
    (EmailField(), "a..b@example.com", "Invalid email"),
    (EmailField(), "a@example.com\n", "Invalid email"),
    (MD5Field(), "abc", "MD5 value is wrong length"),
    (MD5Field(), "z" * 32, "MD5 value is not hex"),
    (MD5Field(), "0x" + "a" * 30, "MD5 value is not hex"),
    (SHA1Field(), "abc", "SHA1 value is wrong length"),
    (UUIDField(), "abc", "Not a valid UUID"),
    (UUIDField(), 5, "Not a valid UUID"),
    (ObjectIdField(), "abc", "Invalid ObjectId"),
    (NumberField(), "5", "Not Number"),
    (IntField(), "abc", "Not Int"),
    (IntField(), True, "Not Int"),
    (IntField(), 2**63, "out of range"),
    (IntField(min_value=5), 4, "Int value below min_value: 5"),
    (LongField(max_value=5), 6, "Long value above max_value: 5"),
    (FloatField(), "abc", "Not Float"),
    (FloatField(), float("inf"), "out of range"),
    (FloatField(max_value=5), 5.1, "Float value above max_value: 5"),
    (DecimalField(), "abc", "Could not convert to decimal"),
    (DecimalField(), Decimal("1" * 35), "out of range"),
    (DecimalField(max_value=5), "5.1", "Decimal value above max_value: 5"),
    (BooleanField(), 1, "Not a boolean"),
    (DateTimeField(), "some day", "Not a datetime"),
    (DateTimeField(), 5, "Not a datetime"),
    (TimeStampField(), 10**18, "Not a datetime"),
    (MillisecondField(), "some day", "Not a date"),
    (MillisecondField(), 10**18, "years 0001 to 9999"),
    (DictField(), [], "Only dictionaries"),
    (DictField(), {"a.b": 1}, "Invalid dictionary key name"),
    (DictField(), {"$a": 1}, "Invalid dictionary key name"),
    (MultiValueDictField(), {"a": 1}, "list of values"),
    (MultiValueDictField(), 5, "Only dictionaries"),
    (GeoPointField(), [1], "two-dimensional"),
    (GeoPointField(), [1, "a"], "float or int"),
    (GeoPointField(), "ab", "are points"),
    (ListField(IntField()), "a", "Only lists"),
    (ListField(IntField()), [1, "a"], "Not Int"),
    (ListField([IntField(), BooleanField()]), ["a"], "Invalid ListField item"),
    (SortedListField(BaseField()), [1, "a"], "sorted"),
    (EmbeddedDocumentField(Inner), 5, "Invalid embedded document"),
    (EmbeddedDocumentField(Inner), {"count": 5}, "required"),
]


@pytest.mark.parametrize(
    ("field", "value", "said"), REFUSED, ids=lambda value: type(value).__name__
)
def test_a_field_refuses_a_value_and_says_why(field: BaseField[Any], value: Any, said: str) -> None:
    """A value that cannot be right is a ShieldException with the reason and the value."""
    with pytest.raises(ShieldException, match=re.escape(said)):
        field._validate(value)


SHOWN: list[tuple[BaseField[Any], Any, Any]] = [
    (UUIDField(), uuid.UUID(KEY), KEY),
    (ObjectIdField(), ObjectId(MONGO), MONGO),
    (DecimalField(), Decimal("1.10"), "1.10"),
    (DateTimeField(), datetime(2012, 12, 21, tzinfo=UTC), "2012-12-21T00:00:00Z"),
    (DateTimeField(), naive(2012, 12, 21), "2012-12-21T00:00:00"),
    (DateTimeField(format="%Y"), naive(2012, 12, 21), "2012"),
    (DateTimeField(format=lambda when: f"in {when.year}"), naive(2012, 12, 21), "in 2012"),
    (TimeStampField(), naive(1970, 1, 1, 0, 1), 60),
    (TimeStampField(), datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=-1))), 3600),
    (MultiValueDictField(), MultiValueDict({"a": [1, 2]}), {"a": [1, 2]}),
    (ListField(UUIDField()), [uuid.UUID(KEY)], [KEY]),
    (SortedListField(IntField()), [3, 1, 2], [1, 2, 3]),
    (SortedListField(DictField(), ordering="n"), [{"n": 2}, {"n": 1}], [{"n": 1}, {"n": 2}]),
]


@pytest.mark.parametrize(
    ("field", "native", "shown"), SHOWN, ids=lambda value: type(value).__name__
)
def test_a_native_value_has_a_form_in_json(field: BaseField[Any], native: Any, shown: Any) -> None:
    """`for_json` gives what the document's JSON has."""
    assert field.for_json(native) == shown


def test_ids_are_filled_in_on_demand() -> None:
    """With ``auto_fill`` a missing id is made, however the document comes to be."""

    class Marked(Document):
        key = UUIDField(auto_fill=True)
        mongo = ObjectIdField(auto_fill=True)

    for marked in (Marked(), Marked.from_json("{}"), Marked.from_python({"key": None})):
        assert isinstance(marked.key, uuid.UUID)
        assert isinstance(marked.mongo, ObjectId)
    assert Marked.decode_stored("{}").encode() == b"{}"


def test_a_default_is_made_anew_for_each_document() -> None:
    """No two documents share a list, and a callable default is called for each."""
    counter = iter(range(100))

    class Counted(Document):
        number = IntField(default=lambda: next(counter))
        tags = ListField(StringField(), default=["a"])
        inner = EmbeddedDocumentField(Inner, default=Inner(name="a"))

    first, second = Counted(), Counted.from_json("{}")
    assert (first.number, second.number) == (0, 1)
    first.tags.append("b")
    assert first.inner is not None
    first.inner.name = "b"
    third = Counted()
    assert (second.tags, third.tags) == (["a"], ["a"])
    assert third.inner == Inner(name="a")


def test_setting_none_brings_the_default_back() -> None:
    """None means no value, and where there is a default that is what no value means."""

    class Flagged(Document):
        flag = BooleanField(default=False)
        tags = ListField(StringField())
        free = DictField()

    flagged = Flagged(flag=True, tags=["a"])
    flagged.flag = None
    flagged.tags = None
    assert flagged.to_python()["flag"] is False
    assert (flagged.tags, flagged.free) == ([], {})


def test_choices_and_validation_see_the_native_value() -> None:
    """What is converted is judged after the conversion."""
    field = IntField(choices=[1, 2, 3], validation=lambda value: value != 2)
    assert field._validate("1") == 1
    for bad in (2, "4"):
        with pytest.raises(ShieldException):
            field._validate(bad)


class Polite(StringField):
    """A field of a user's own."""

    def validate(self, value: Any) -> Any:
        native = super().validate(value)
        if "please" not in native:
            raise ShieldException("Say please", self.field_name, value)
        return native

    def for_json(self, value: Any) -> str:
        return str(value).upper()


class Letter(Document):
    """A document with a field of a user's own, in all places."""

    text = Polite(max_length=20)
    lines = ListField(Polite())


def test_a_field_of_ones_own_is_obeyed_everywhere() -> None:
    """An overridden `validate` and `for_json` hold for JSON, Python, lists and shapes."""
    letter = Letter.from_json('{"text":"please","lines":["please, too"]}')
    assert letter.encode() == b'{"text":"PLEASE","lines":["PLEASE, TOO"]}'
    assert letter.encode_ownersafe() == letter.encode()
    rude = '{"text":"now!","lines":["please","soon"]}'
    for read in (Letter.from_json, lambda text: Letter.from_python(json.loads(text))):
        with pytest.raises(ShieldException) as caught:
            read(rude)
        assert caught.value.errors == [("/text", "Say please"), ("/lines/1", "Say please")]
    with pytest.raises(ShieldException, match="Say please"):
        Letter(text="now!").validate()


@pytest.mark.parametrize("values", [{"a": [1, 2]}, {"a": [None], "b": []}])
def test_a_dictionary_of_lists_is_read_checked_and_written(values: dict[str, Any]) -> None:
    """A MultiValueDict keeps every value, from JSON and through validation to JSON."""

    class Query(Document):
        query = MultiValueDictField()

    text = json.dumps({"query": values}, separators=(",", ":"))
    for query in (Query.from_json(text), Query.decode_stored(text), Query(query=values)):
        assert isinstance(query.query, MultiValueDict)
        assert query.query.getlist("a") == values["a"]
        assert query.validate()
        assert query.encode() == query.encode_ownersafe() == text.encode()
        assert query.to_python()["query"] == MultiValueDict(values)


def test_items_are_converted_when_a_list_is_assigned() -> None:
    """What a list's one field can convert is converted, so that it is good and is stored so."""

    class Counted(Document):
        numbers = ListField(IntField())

    counted = Counted(numbers=["1", 2.0])
    assert counted.validate()
    assert counted.encode() == b'{"numbers":[1,2]}'
    with pytest.raises(ShieldException):
        Counted(numbers=["one"]).validate()


@pytest.mark.parametrize("text", ["2018-02-07T01:26:13+0100", "2018-02-07T01:26:13+24:00", "x"])
def test_a_text_that_queries_refuse_is_no_value_either(text: str) -> None:
    """RFC 3339 wants the colon of an offset."""

    class Dated(Document):
        at = DateTimeField()

    with pytest.raises(ShieldException):
        Dated.from_json(msgspec.json.encode({"at": text}))
