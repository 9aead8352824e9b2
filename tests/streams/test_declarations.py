"""A declaration that cannot work is refused when the class is made, naming class and mistake."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import DateTimeField, DictField, FloatField, ListField, StringField
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler


class Note(StreamedDocument):
    """A document with a field of each interesting kind."""

    text = StringField()
    weight = FloatField()
    tags = ListField(StringField())
    extra = DictField()
    total = StringField()
    secret = StringField()

    _private_fields = ["secret"]


class Plain(Document):
    """A document that is not of a stream."""


def declare(**attributes: Any) -> type[StreamHandler]:
    """Declare a stream of notes."""
    return type("Notes", (StreamHandler,), {"model": Note} | attributes)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"model": Plain}, "Notes.model must be a subclass of StreamedDocument"),
        ({"model": "Note"}, "Notes.model must be"),
        ({"path": "notes"}, "Notes.path must look like"),
        ({"path": "/notes/"}, "Notes.path must look like"),
        ({"path": "/no(tes)"}, "Notes.path must look like"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 10, "max_page_size": 5}, "page_size"),
        ({"filters": "text"}, r'write \("text",\)'),
        ({"filters": ("txt",)}, 'Did you mean "text"'),
        ({"filters": ("weight__ge",)}, 'Did you mean "gt'),
        ({"filters": ("total",)}, 'declare "total__eq"'),
        ({"filters": ("extra",)}, "kind object"),
        ({"filters": ("secret__gt",)}, "would tell what secret holds"),
        ({"filter": ("text",)}, 'Notes.filter declares nothing. Did you mean "filters"'),
        ({"pagesize": 10}, 'Did you mean "page_size"'),
    ],
)
def test_a_bad_declaration_is_refused(attributes: dict[str, Any], said: str) -> None:
    """At once, not at the first request."""
    with pytest.raises(ConfigError, match=said):
        declare(**attributes)


def test_what_is_no_declaration_is_ones_own() -> None:
    """A method, a property, and a name that resembles none."""
    own = {"filter": lambda self: None, "paths": property(lambda self: ""), "colour": "blue"}
    assert declare(**own).page_size == 25


def test_a_declaration_has_sensible_defaults() -> None:
    """The path is the model's name, and a subclass may change one thing."""
    notes = declare(filters=("text", "tags", "total__eq", "weight__lt"))
    assert notes.path == "/note"
    assert set(notes.spec.parameters.filters) == {"text", "tags", "total__eq", "weight__lt"}
    assert notes.spec.schema.indexed == ["text", "weight", "tags", "total"]
    bigger: type[StreamHandler] = type("Bigger", (notes,), {"page_size": 99})
    assert bigger.spec.parameters.page_size == 99
    assert bigger.path == "/note"


def test_a_format_that_is_only_for_showing_is_refused() -> None:
    """An item that has it could not be changed."""

    class Dated(StreamedDocument):
        at = DateTimeField(format=lambda moment: f"in {moment.year}")

    with pytest.raises(ConfigError, match="format of at"):
        type("DatedStream", (StreamHandler,), {"model": Dated})
