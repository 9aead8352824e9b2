"""Documents made, read from JSON, checked, written and used as values."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from brubeck.dictshield.base import ShieldDocException, ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    IntField,
    StringField,
)
from brubeck.errors import BrubeckError
from tests.dictshield.quakes import WHOLE, Quake, Reporter


def errors_of(body: bytes | str, unknown: str = "drop") -> list[tuple[str, str]]:
    with pytest.raises(ShieldDocException) as caught:
        Quake.from_json(body, unknown=unknown)  # type: ignore[arg-type]
    return caught.value.errors


def test_good_json_becomes_a_document_of_native_values() -> None:
    """Every value read from JSON has its field's Python type."""
    quake = Quake.from_json(WHOLE)
    assert (quake.place, quake.magnitude, quake.created_at) == ("Ludlow, CA", 4.5, 5)
    assert quake.seen == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert (quake.cost, quake.key) == (
        Decimal("1.10"),
        UUID("e8b5d682452313a6142c10b045a9a135"),
    )
    assert isinstance(quake.reporter, Reporter)
    assert quake.reporter.joined == datetime(2012, 1, 1, tzinfo=UTC)
    assert [other.name for other in quake.others] == ["Bo"]


def test_good_json_needs_no_careful_reading() -> None:
    """The compiled way alone reads a document with a field of every kind."""
    assert Quake.__compiled__.read_refusing(WHOLE).place == "Ludlow, CA"


def test_the_stored_form_is_stable() -> None:
    """Reading the stored form and writing it again gives the same bytes, in declared order."""
    assert Quake.from_json(WHOLE).encode() == WHOLE
    assert Quake.decode_stored(WHOLE).encode() == WHOLE


def test_what_is_not_set_is_not_stored() -> None:
    """A field without a value leaves no null behind, and a default is filled in."""
    quake = Quake.from_json('{"place": "here", "magnitude": null}')
    assert quake.encode() == b'{"place":"here","felt":0,"tags":[],"others":[],"extra":{}}'


def test_every_failing_field_is_named_by_its_pointer() -> None:
    """One bad document gives all its errors at once, however deep they stand."""
    found = errors_of(
        b'{"place":1,"magnitude":99,"tags":["abcd",4],"reporter":{"email":"x"},"others":[{}],'
        b'"created_at":99999999999999999,"zz":1}',
        "refuse",
    )
    assert sorted(pointer for pointer, _ in found) == [
        "/created_at",
        "/magnitude",
        "/others/0/name",
        "/place",
        "/reporter/email",
        "/reporter/name",
        "/tags/0",
        "/tags/1",
        "/zz",
    ]


@pytest.mark.parametrize("body", ["{}", '{"place": null}', '{"place": ""}'])
def test_a_required_field_must_have_a_value(body: str) -> None:
    """Neither leaving it out, nor null, nor an empty text satisfies a required field."""
    assert errors_of(body) == [("/place", "This field is required.")]


def test_a_rogue_field_is_dropped_or_refused() -> None:
    """A key that no field has disappears, unless the caller wants to hear of it."""
    body = b'{"place":"here","rogue":{"a":1}}'
    assert b"rogue" not in Quake.from_json(body).encode()
    assert errors_of(body, "refuse") == [("/rogue", "Unknown field.")]


def test_python_values_are_checked_like_json() -> None:
    """Decoded JSON, with or without native values in it, gives the same document and errors."""
    native = {"place": "here", "seen": datetime(1970, 1, 1, 0, 1, tzinfo=UTC), "cost": Decimal(1)}
    plain = {"place": "here", "seen": 60, "cost": "1"}
    assert Quake.from_python(native) == Quake.from_python(plain)
    with pytest.raises(ShieldDocException) as caught:
        Quake.from_python({"place": "x" * 21, "reporter": 5})
    assert [pointer for pointer, _ in caught.value.errors] == ["/place", "/reporter"]


def test_a_stored_document_is_not_checked() -> None:
    """An item stored before a field became required, or changed its type, is still served."""
    old = Quake.decode_stored(b'{"magnitude":"strong","gone":1,"reporter":{"email":5}}')
    assert old.place is None
    assert old["magnitude"] == "strong"
    assert old.reporter is not None
    assert old.reporter.name is None


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"\xff", b"[" * 100_000])
def test_a_stored_document_must_be_an_object(body: bytes) -> None:
    """What is no JSON object at all is a ShieldException even for stored bytes."""
    with pytest.raises(ShieldException):
        Quake.decode_stored(body)


def test_assignment_converts_what_it_can() -> None:
    """The constructor and assignment take text, numbers and dictionaries where those fit."""
    quake = Quake(place="here", created_at="1970-01-01T00:00:01Z", reporter={"name": "Ida"})
    quake.magnitude = "4.5"  # type: ignore[assignment]
    assert (quake.created_at, quake.magnitude) == (1000, 4.5)
    assert quake.validate() is True


def test_a_blank_text_is_no_value_but_for_fields_of_text() -> None:
    """What a form sends for an empty input is not stored in a field that could not read it."""
    quake = Quake(place="here", tags=["a"], reporter={"name": "Ida"}, magnitude=5)
    for name in quake:
        quake[name] = ""
    blank = {"id": "", "place": "", "url": "", "felt": 0, "tags": [], "others": [], "extra": {}}
    assert {name: quake[name] for name in quake if quake[name] is not None} == blank
    quake.place = "here"
    assert quake.validate()
    assert Quake.from_json(quake.encode()).encode() == quake.encode()


def test_validate_raises_the_first_fault_or_collects_all() -> None:
    """`validate` is a ShieldException of one fault, or a ShieldDocException of all."""
    bad = Quake(created_at="some day", magnitude="strong")
    with pytest.raises(ShieldException) as first:
        bad.validate()
    assert first.value.field_name == "created_at"
    assert first.value.field_value == "some day"
    with pytest.raises(ShieldDocException) as caught:
        bad.validate(validate_all=True)
    assert [error.field_name for error in caught.value.error_list] == [
        *("created_at", "place", "magnitude")
    ]
    assert isinstance(caught.value, BrubeckError)


def test_documents_are_values() -> None:
    """Copies and pickles equal the original and do not share its values."""
    quake = Quake.from_json(WHOLE)
    for twin in (copy.copy(quake), copy.deepcopy(quake), pickle.loads(pickle.dumps(quake))):
        assert twin == quake
        twin.place = "elsewhere"
        assert quake.place == "Ludlow, CA"
        assert twin != quake


def test_a_document_equals_its_own_class_only() -> None:
    """Equality is that of classes too, so that what equals the same equals each other."""

    class Loud(Reporter):
        volume = IntField()

    assert Reporter(name="a") != Loud(name="a")
    assert Loud(name="a") != Reporter(name="a")
    assert Loud(name="a", volume=5) == Loud(name="a", volume=5)


class Marked(Document):
    """A document that has more than its fields."""

    __slots__ = ("__dict__", "mark")
    place = StringField(default="here")


def test_copies_have_everything() -> None:
    """Attributes besides the fields are copied, and what was not stored is not added."""
    marked: Any = Marked.decode_stored("{}")
    marked.mark, marked.other = 5, [6]
    for twin in (copy.copy(marked), copy.deepcopy(marked), pickle.loads(pickle.dumps(marked))):
        assert (twin.mark, twin.other) == (5, [6])
        assert twin.encode() == marked.encode() == b"{}"
        assert twin.place == "here"


def test_a_document_is_a_dictionary_of_its_fields() -> None:
    """Values are had, set and looked for by name; iteration and length are the fields'."""
    quake = Quake(place="here")
    quake["magnitude"] = "4.5"
    assert (quake["magnitude"], "magnitude" in quake, "url" in quake) == (4.5, True, False)
    assert list(quake) == list(Quake._fields)
    assert len(quake) == len(Quake._fields)
    assert "strange" not in quake
    for use in (lambda: quake["strange"], lambda: quake.__setitem__("strange", 1)):
        with pytest.raises(KeyError):
            use()
    assert str(quake) == "Quake object"
    assert repr(quake).startswith("Quake(place='here', magnitude=4.5, felt=0")


def test_a_misspelt_attribute_is_an_error() -> None:
    """An instance has no attributes but its fields; keywords that are none are thrown away."""
    quake = Quake(place="here", strange=1, self=2)
    with pytest.raises(AttributeError):
        quake.plaec = "there"  # type: ignore[attr-defined]
    assert quake != Reporter(name="here")
    assert not hasattr(quake, "strange")


def test_private_fields_stay_out_of_the_repr() -> None:
    """What must not leave the system does not get into a log by its repr."""

    class User(Document):
        _private_fields = ["secret"]
        name = StringField()
        secret = StringField()

    assert repr(User(name="Ida", secret="x")) == "User(name='Ida')"


def test_validate_converts_what_was_put_into_a_list() -> None:
    """What `validate` calls good is stored as a document that is read would be."""
    quake = Quake(place="here")
    tags, others = quake.tags, quake.others
    others.append({"name": "Ida", "gone": 1, "joined": "2012-01-01T00:00:00Z"})  # type: ignore[arg-type]
    tags.append("a")
    assert quake.validate()
    assert quake.others is others
    assert quake.tags is tags
    assert isinstance(others[0], Reporter)
    assert isinstance(others[0].joined, datetime)
    assert Quake.from_json(quake.encode()) == quake
    assert Quake.from_json(quake.encode()).encode() == quake.encode()


@pytest.mark.parametrize("given", [5, "text", {1: 2}, object()])
def test_what_is_no_list_is_kept_for_validate(given: object) -> None:
    """A list field that was given something else can be looked at, and `validate` names it."""
    quake = Quake(place="here", tags=given)
    assert quake["tags"] is given
    with pytest.raises(ShieldException, match="Only lists and tuples"):
        quake.validate()


def test_a_datetime_is_assigned_as_text() -> None:
    """Assignment reads dates; JSON shows an offset as it was."""
    reporter = Reporter(name="Ida")
    reporter.joined = "2012-01-01T00:00:00+02:00"
    assert reporter.joined is not None
    assert reporter.encode() == b'{"name":"Ida","joined":"2012-01-01T00:00:00+02:00"}'
    assert Reporter.from_json(reporter.encode()) == reporter
    assert Reporter.from_python({"name": "Ida", "joined": reporter.joined}) == reporter


def test_what_cannot_be_written_is_not() -> None:
    """A value that JSON cannot hold, never validated, does not become something else."""
    quake = Quake(place="here", extra={"a": object()})
    with pytest.raises(TypeError, match="nothing that JSON can hold"):
        quake.encode()
    with pytest.raises(ShieldException):
        quake.validate()
