"""Documents in documents, in lists and in lists of lists."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from brubeck.dictshield.base import ShieldDocException, ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    DictField,
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
    TimeStampField,
)
from tests.dictshield.quakes import WHOLE, Quake, Reporter


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


def test_an_item_that_cannot_be_converted_is_shown_as_it_is() -> None:
    """Nothing that is in a list goes missing on its way out."""

    class Counted(Document):
        numbers = ListField(IntField())

    counted = Counted(numbers=["one", 2])
    assert counted.to_python()["numbers"] == ["one", 2]
    assert counted.to_json(encode=False)["numbers"] == ["one", 2]
