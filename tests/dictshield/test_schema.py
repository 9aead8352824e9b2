"""JSON Schema out and in: what is said is true, and what DictShield said is understood."""

from __future__ import annotations

import json
import re
import uuid
from decimal import Decimal
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    DictFieldNotFound,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    GeoPointField,
    IntField,
    ListField,
    MD5Field,
    MillisecondField,
    MultiValueDictField,
    NumberField,
    ObjectIdField,
    StringField,
    TimeStampField,
    URLField,
    UUIDField,
)


class Place(EmbeddedDocument):
    """A place in a place."""

    name = StringField(required=True, min_length=1)
    within = EmbeddedDocumentField["Place"]("self")


class Tree(EmbeddedDocument):
    """Something that has others of its kind."""

    name = StringField(required=True)
    child = EmbeddedDocumentField["Tree"]("self")
    children = ListField(EmbeddedDocumentField["Tree"]("self"))


class Movie(Document):
    """DictShield's example, and a field of every other kind."""

    title = StringField(required=True, max_length=40, min_length=1, regex="[A-Z]")
    year = IntField(min_value=1950, max_value=2012, description="When it was shown")
    kind = StringField(choices=["film", "series"], default="film")
    anything = BaseField()
    score = FloatField()
    amount = NumberField()
    price = DecimalField(min_value=0)
    seen = BooleanField()
    shown = DateTimeField()
    stamp = TimeStampField()
    millis = MillisecondField()
    free = DictField()
    multi = MultiValueDictField()
    point = GeoPointField()
    mail = EmailField()
    page = URLField()
    key = UUIDField()
    digest = MD5Field()
    mongo = ObjectIdField()
    tags = ListField(StringField())
    mixed = ListField([StringField(), IntField()])
    place = EmbeddedDocumentField(Place)
    places = ListField(EmbeddedDocumentField(Place))


SCHEMA = Movie.for_jsonschema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    """What comes out is a valid schema of draft 2020-12, and JSON."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    told = json.loads(Movie.to_jsonschema())
    assert told.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert told == SCHEMA


def test_documented_terms() -> None:
    """The documented example has its title, type, bounds and lengths."""
    assert SCHEMA["title"] == "Movie"
    assert SCHEMA["type"] == "object"
    assert SCHEMA["required"] == ["title"]
    assert SCHEMA["properties"]["year"] == {
        "type": "integer",
        "title": "year",
        "minimum": 1950,
        "maximum": 2012,
        "description": "When it was shown",
    }
    title = SCHEMA["properties"]["title"]
    assert (title["type"], title["maxLength"], title["title"]) == ("string", 40, "title")
    assert SCHEMA["properties"]["kind"]["enum"] == ["film", "series"]
    assert SCHEMA["properties"]["kind"]["default"] == "film"


def test_only_public_fields_are_described_where_there_are_some() -> None:
    """A class with public fields keeps the others out of its schema, unless asked for them."""

    class User(Document):
        _public_fields = ["name"]
        name = StringField()
        secret = MD5Field()

    assert list(User.for_jsonschema()["properties"]) == ["name"]
    assert list(User.for_jsonschema(["id", "secret"])["properties"]) == ["id", "secret"]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["A", "a", "", "B" * 41, 5]),
    "year": st.sampled_from([1950, 1949, 2012, 2013, 1990.5, "1990"]),
    "kind": st.sampled_from(["film", "series", "play"]),
    "price": st.sampled_from(["1.10", 5, 2.5, -1, [], None]),
    "stamp": st.sampled_from([0, 10**12, -5, "x"]),
    "free": st.sampled_from([{}, {"a": 1}, {"a.b": 1}, []]),
    "multi": st.sampled_from([{}, {"a": [1]}, {"a": 1}]),
    "point": st.sampled_from([[1, 2.5], {"x": 1, "y": 2}, [1], [1, "a"], "x"]),
    "digest": st.sampled_from(["a" * 32, "a" * 31, "z" * 32]),
    "mongo": st.sampled_from(["a" * 24, "a"]),
    "tags": st.sampled_from([[], ["a"], [1], "a"]),
    "mixed": st.sampled_from([["a", 1], [None], [2.5]]),
    "place": st.sampled_from([{"name": "a"}, {}, {"name": "a", "within": {"name": 5}}]),
    "places": st.sampled_from([[{"name": "a"}], [{"name": "a", "within": {"name": "b"}}], [5]]),
}


@settings(max_examples=150, deadline=None)
@given(data=st.fixed_dictionaries({}, optional=VALUES))
def test_the_schema_and_the_class_agree(data: dict[str, Any]) -> None:
    """A document is good for the class exactly when it is good for the schema."""
    given_values = {key: value for key, value in data.items() if value is not None}
    try:
        Movie.from_json(json.dumps(given_values))
    except ShieldException:
        good = False
    else:
        good = True
    assert VALIDATOR.is_valid(given_values) == good


def test_a_class_made_of_a_schema_says_the_same() -> None:
    """Out, in and out again gives the same terms for the fields that JSON Schema knows."""

    class Simple(Document):
        title = StringField(max_length=40, regex="^[A-Z]")
        year = IntField(min_value=1950, required=True)
        seen = BooleanField(default=True)
        shown = DateTimeField()
        page = URLField()
        key = UUIDField()
        price = DecimalField(max_value=5)
        tags = ListField(StringField(min_length=1))
        free = DictField()

    again = Document.from_jsonschema(Simple.for_jsonschema())
    assert again.__name__ == "Simple"
    told, expected = again.for_jsonschema(), Simple.for_jsonschema()
    for properties in (told["properties"], expected["properties"]):
        properties["title"].pop("pattern")
        properties["free"].pop("propertyNames")
    assert told == expected
    assert again.from_json('{"year":1990,"title":"Total Recall"}')["seen"] is True
    with pytest.raises(ShieldException, match="required"):
        again.from_json("{}")


def test_what_dictshield_emitted_is_understood() -> None:
    """The schemas of 0.4.4 had their own types, formats, ``_id`` and lists of item schemas."""
    old = {
        "type": "object",
        "title": "Movie",
        "properties": {
            "_id": {"type": "string"},
            "title": {"type": "string", "title": "title", "maxLength": 40, "required": True},
            "year": {"type": "number", "title": "year", "minimum": 1950, "maximum": 2012},
            "page": {"type": "string", "format": "url"},
            "shown": {"type": "string", "format": "date-time"},
            "cast": {"type": "array", "items": [{"type": "string"}]},
            "anything": {"type": "any"},
            "author": {
                "type": "object",
                "title": "Author",
                "properties": {"name": {"type": "string"}},
            },
        },
    }
    movie = Document.from_jsonschema(old)
    made = movie.from_json(
        '{"_id":"m1","title":"Total Recall","year":1990,"author":{"name":"Paul"},"cast":["A"]}'
    )
    assert (made["id"], made["year"], made["cast"], made["author"].name) == (
        *("m1", 1990, ["A"]),
        "Paul",
    )
    with pytest.raises(ShieldException) as caught:
        movie.from_json('{"year":1900,"page":"x"}')
    assert [pointer for pointer, _ in caught.value.errors] == ["/title", "/year", "/page"]


def test_choices_defaults_and_descriptions_come_back() -> None:
    """What a field of any kind allows, fills in and says of itself survives the round trip."""

    class Chosen(Document):
        key = UUIDField(choices=[uuid.UUID(int=5)], default=uuid.UUID(int=5))
        price = DecimalField(choices=[Decimal("1.10"), 2], description="What it costs")
        shown = DateTimeField(choices=["2012-01-01T00:00:00Z"], description="When")
        anything = BaseField(choices=[1, "a"], default=1, description="Anything")
        tags = ListField(StringField(), default=["a"], description="Words")
        free = DictField(default={"a": 1}, description="More")

    again = Document.from_jsonschema(Chosen.for_jsonschema())
    assert again.for_jsonschema() == Chosen.for_jsonschema()
    good = '{"key":"00000000-0000-0000-0000-000000000005","price":"1.1","anything":"a"}'
    assert again.from_json(good).encode() == Chosen.from_json(good).encode()
    for bad in ('{"price":"3"}', '{"shown":"2012-01-02T00:00:00Z"}', '{"anything":2}'):
        with pytest.raises(ShieldException, match="one of"):
            again.from_json(bad)


def test_a_class_that_embeds_itself_comes_back() -> None:
    """A reference to the schema in which it stands is a document of that class."""
    again: Any = EmbeddedDocument.from_jsonschema(Tree.for_jsonschema())
    text = '{"name":"a","child":{"name":"b"},"children":[{"name":"c","children":[]}]}'
    tree = again.from_json(text)
    assert type(tree.child) is type(tree.children[0]) is again
    assert tree.encode() == Tree.from_json(text).encode()
    with pytest.raises(ShieldException, match="Not text"):
        again.from_json('{"name":"a","child":{"name":5}}')


def test_a_pattern_with_flags_is_left_out() -> None:
    """JSON Schema knows no flags, so it would refuse what the class takes."""

    class Loose(Document):
        name = StringField(regex=re.compile("[a-z]+", re.IGNORECASE))

    assert "pattern" not in Loose.for_jsonschema()["properties"]["name"]


@pytest.mark.parametrize("title", ["a b", "a-b", "class", "é", ""])
def test_any_title_may_name_a_class(title: str) -> None:
    """A class that embeds another one can be used whatever both are called."""
    inner = {"type": "object", "title": title, "properties": {"n": {"type": "integer"}}}
    made = Document.from_jsonschema({"title": title, "properties": {"inner": inner}})
    assert made.from_json('{"inner":{"n":5}}').encode() == b'{"inner":{"n":5}}'


@pytest.mark.parametrize(
    "key", ["first-name", "class", "validate", "_data", "2nd", "Meta", "_cls", ""]
)
def test_any_property_name_becomes_a_field(key: str) -> None:
    """A property whose name Python or the class could not bear keeps its key in JSON."""
    made = Document.from_jsonschema(
        {"title": "T", "properties": {key: {"type": "string", "minLength": 1}}}
    )
    if key:
        assert (
            made.from_json(json.dumps({key: "x"})).encode()
            == json.dumps({key: "x"}, separators=(",", ":")).encode()
        )


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"title": "X"},
        {"title": 5, "properties": {"a": {"type": "string"}}},
        {"title": "X", "properties": {}},
        {"title": "X", "properties": []},
        {"title": "X", "properties": {"a": {"type": "string", "pattern": "("}}},
        {"title": "X", "properties": {"a": {"type": "integer", "minimum": "x"}}},
        {"title": "X", "properties": {"a": {"type": "array", "items": 5}}},
        {"title": "X", "properties": {"a": {"type": "string", "pattern": 5}}},
        {"title": "X", "properties": {"a": {"type": "string", "enum": "abc"}}},
        {"title": "X", "properties": {'a"b': {"type": "string"}}},
        {"title": "X", "properties": {"\ud800": {"type": "string"}}},
        {"title": "X\0", "properties": {"a": {"type": "string"}}},
    ],
)
def test_a_bad_schema_is_an_invalid_shield(schema: Any) -> None:
    """A schema that describes no class is refused, never with another exception."""
    with pytest.raises(InvalidShield):
        Document.from_jsonschema(schema)


def test_a_type_without_a_field_is_named() -> None:
    """A type that no field stands for is refused with the property's name."""
    with pytest.raises(DictFieldNotFound, match="odd"):
        Document.from_jsonschema({"title": "X", "properties": {"odd": {"type": "strange"}}})
    assert Document.map_jsonschema_field_to_dictshield({}) is None
    found = Document.map_jsonschema_field_to_dictshield({"type": "integer", "maximum": 3})
    assert isinstance(found, IntField)
    assert found.max_value == 3
