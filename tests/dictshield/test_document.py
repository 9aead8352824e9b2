"""Documents made, read from JSON, checked, written and used as values."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from brubeck.dictshield.base import ShieldDocException, ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
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
from brubeck.errors import BrubeckError


class Reporter(EmbeddedDocument):
    """Somebody who felt it."""

    name = StringField(required=True)
    email = EmailField()
    joined = DateTimeField()


class Quake(Document):
    """A document with a field of most kinds."""

    id = StringField(max_length=128)
    created_at = MillisecondField()
    place = StringField(required=True, max_length=20)
    magnitude = FloatField(min_value=-3, max_value=10)
    felt = IntField(default=0)
    tags = ListField(StringField(max_length=3))
    reporter = EmbeddedDocumentField(Reporter)
    others = ListField(EmbeddedDocumentField(Reporter))
    extra = DictField()
    seen = TimeStampField()
    cost = DecimalField()
    key = UUIDField()
    url = URLField()


WHOLE = (
    b'{"id":"q1","created_at":5,"place":"Ludlow, CA","magnitude":4.5,"felt":3,"tags":["a"],'
    b'"reporter":{"name":"Ida","email":"ida@example.com","joined":"2012-01-01T00:00:00Z"},'
    b'"others":[{"name":"Bo"}],"extra":{"a":[1]},"seen":60,"cost":"1.10",'
    b'"key":"e8b5d682-4523-13a6-142c-10b045a9a135","url":"http://example.com/"}'
)


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


def test_an_error_of_a_whole_document_is_told_through_the_field() -> None:
    """A document that is refused as a whole, such as one nested too deeply, names its place."""

    class Node(EmbeddedDocument):
        child = EmbeddedDocumentField["EmbeddedDocument"]("self")

    class Tree(Document):
        root = EmbeddedDocumentField(
            Node, validation=lambda node: node.child is None or node.validate(validate_all=True)
        )

    deep: Any = {}
    for _ in range(40):
        deep = {"child": deep}
    with pytest.raises(ShieldException, match="nested too deeply") as caught:
        Tree.root.validate(deep)
    assert caught.value.errors[0][0].startswith("/root")
    with pytest.raises(ShieldException, match="nested too deeply"):
        Tree.validate_class_partial({"root": deep})


def test_a_recursive_document_reads_and_has_a_bottom() -> None:
    """A class may embed itself by 'self'; JSON nested beyond 32 levels is refused."""

    class Node(EmbeddedDocument):
        name = StringField()
        child = EmbeddedDocumentField["EmbeddedDocument"]("self")

    node = Node.from_json('{"name":"a","child":{"name":"b"}}')
    assert repr(node) == "Node(name='a', child=Node(name='b'))"
    with pytest.raises(ShieldDocException, match="nested too deeply"):
        Node.from_json('{"child":' * 40 + "{}" + "}" * 40)


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


def test_embedded_documents_are_written_whether_looked_at_or_not() -> None:
    """Looking at embedded documents, and changing them, shows in what is written."""
    quake = Quake.from_json(WHOLE)
    assert quake.reporter is quake.reporter
    assert quake.reporter is not None
    quake.reporter.name = "Iris"
    quake.others[0].name = "Bob"
    quake.others.append(Reporter(name="Cy"))
    written = quake.encode()
    assert written == WHOLE.replace(b"Ida", b"Iris").replace(
        b'{"name":"Bo"}', b'{"name":"Bob"},{"name":"Cy"}'
    )
    assert Quake.decode_stored(written).others[1] == Reporter(name="Cy")


def test_embedded_documents_keep_dates_when_stored() -> None:
    """Native values inside embedded documents and lists of them come back native."""

    class Shift(EmbeddedDocument):
        begun = TimeStampField()

    class Week(Document):
        first = EmbeddedDocumentField(Shift)
        shifts = ListField(EmbeddedDocumentField(Shift))

    stored = b'{"first":{"begun":60},"shifts":[{"begun":120}]}'
    for week in (Week.from_json(stored), Week.decode_stored(stored)):
        assert week.first is not None
        assert week.first.begun == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
        assert week.shifts[0].begun == datetime(1970, 1, 1, 0, 2, tzinfo=UTC)
        assert week.encode() == stored
    odd = Week.decode_stored(b'{"first":5,"shifts":[7,{"begun":"x"},{"begun":60}]}')
    assert odd.encode() == b'{"first":5,"shifts":[7,{"begun":"x"},{"begun":60}]}'
    assert odd.encode_ownersafe() == odd.encode()
    assert odd.to_python()["first"] == 5


def test_documents_in_lists_of_lists_are_documents() -> None:
    """However deep a list stands, its documents are documents and behave like the others."""

    class Grid(Document):
        cells = ListField(ListField(EmbeddedDocumentField(Reporter)))

    stored = b'{"cells":[[],[{"name":"Ida"},{"name":"Bo"}]]}'
    for grid in (Grid.from_json(stored), Grid.decode_stored(stored)):
        assert isinstance(grid.cells[1][0], Reporter)
        assert grid.validate()
        assert grid == Grid(cells=[[], [{"name": "Ida"}, {"name": "Bo"}]])
        assert grid.to_python()["cells"][1][1]["name"] == "Bo"
        assert grid.encode() == stored
    odd = Grid.decode_stored(b'{"cells":[[7,{"name":"Ida"}],8]}')
    assert isinstance(odd.cells[0][1], Reporter)
    assert odd.encode() == b'{"cells":[[7,{"name":"Ida"}],8]}'


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


def test_an_item_becomes_the_kind_of_document_that_it_is_whole() -> None:
    """In a list of several kinds nothing is lost to a kind that happens to come first."""

    class Quarry(EmbeddedDocument):
        depth = IntField()

    class Mixed(Document):
        items = ListField([EmbeddedDocumentField(Quarry), EmbeddedDocumentField(Reporter)])
        free = ListField([EmbeddedDocumentField(Quarry), DictField()])

    stored = b'{"items":[{"name":"Ida"},{"depth":5}],"free":[{"a":1},{"depth":"x"},{"depth":5}]}'
    for mixed in (Mixed.from_json(stored), Mixed(**json.loads(stored))):
        assert [type(item) for item in mixed.items] == [Reporter, Quarry]
        assert [type(item) for item in mixed.free] == [dict, dict, Quarry]
        assert mixed.encode() == stored
        assert mixed.validate()


@pytest.mark.parametrize("given", [5, "text", {1: 2}, object()])
def test_what_is_no_list_is_kept_for_validate(given: object) -> None:
    """A list field that was given something else can be looked at, and `validate` names it."""
    quake = Quake(place="here", tags=given)
    assert quake["tags"] is given
    with pytest.raises(ShieldException, match="Only lists and tuples"):
        quake.validate()


def test_an_item_that_cannot_be_converted_is_shown_as_it_is() -> None:
    """Nothing that is in a list goes missing on its way out."""

    class Counted(Document):
        numbers = ListField(IntField())

    counted = Counted(numbers=["one", 2])
    assert counted.to_python()["numbers"] == ["one", 2]
    assert counted.to_json(encode=False)["numbers"] == ["one", 2]


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
