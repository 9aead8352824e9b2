"""Examples of fields in the description: each is one that the field, and the server, accepts."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs

from brubeck import Brubeck
from brubeck.description.examples import example_of
from brubeck.dictshield import fields
from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    DateTimeField,
    EmailField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from brubeck.dictshield.limits import Faults
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.description import people, program


class Leaf(EmbeddedDocument):
    """A document that may hold itself."""

    text = StringField(required=True)
    more = EmbeddedDocumentField("self")
    each = ListField(EmbeddedDocumentField("self"))


PLAIN = [
    getattr(fields, name)
    for name in fields.__all__
    if name.endswith("Field") and name not in ("BaseField", "EmbeddedDocumentField")
]
FIELDS: list[tuple[str, Any]] = [
    *((each.__name__, each) for each in PLAIN),
    ("bounds", lambda: IntField(min_value=40, max_value=41)),
    ("fraction", lambda: FloatField(min_value=0.2, max_value=0.3)),
    ("choices", lambda: StringField(choices=["b", "a"])),
    ("short", lambda: StringField(max_length=2)),
    ("long", lambda: StringField(min_length=50)),
    ("format", lambda: DateTimeField(format="%d.%m.%Y")),
    ("list", lambda: ListField(EmailField())),
    ("embedded", lambda: EmbeddedDocumentField(Leaf)),
]


def placed(make: Any) -> Any:
    """Return a field as the member of a class."""
    try:
        field = make()
    except TypeError:  # a list of fields is given what it holds
        field = make(StringField())
    model: Any = type("Model", (Document,), {"member": field})
    return model._fields["member"]


@pytest.mark.parametrize(("name", "make"), FIELDS, ids=[name for name, _ in FIELDS])
def test_an_example_is_made_from_the_type(name: str, make: Any) -> None:
    """For every field but those of no common value."""
    field = placed(make)
    example = example_of(field)
    if name in ("MD5Field", "SHA1Field"):
        assert example is None
        return
    assert example is not None
    faults = Faults()
    field.accept(example, "", faults, "refuse")
    assert not faults


def test_no_example_is_better_than_a_wrong_one() -> None:
    """Of a pattern, or of a validation that likes nothing of it."""
    assert example_of(placed(lambda: StringField(regex=r"^QX\d{7}$"))) is None
    assert example_of(placed(lambda: StringField(validation=lambda text: text == "so"))) is None
    assert example_of(placed(lambda: StringField(regex=r"^QX\d$", example="QX7"))) == "QX7"


def test_an_example_that_the_field_refuses_is_refused() -> None:
    """When the class is made, like a default."""
    with pytest.raises(InvalidShield, match=r"Model\.member: its example is refused by itself"):
        placed(lambda: IntField(max_value=5, example=6))


@pytest.mark.parametrize("app", [people.app, program.app], ids=["people", "program"])
def test_every_example_is_valid(app: Brubeck) -> None:
    """By the schema that it stands in."""
    api = Client(app).get("/openapi.json").json()
    found = 0

    def walk(part: Any) -> None:
        nonlocal found
        if isinstance(part, list):
            for each in part:
                walk(each)
        elif isinstance(part, dict):
            if isinstance(examples := part.get("examples"), list):
                found += 1
                schema = {**part, "components": api["components"]}
                for each in examples:
                    Draft202012Validator(schema).validate(each)
            for each in part.values():
                walk(each)

    walk(api["components"]["schemas"])
    assert found > 40


def test_the_examples_of_a_document_are_a_document() -> None:
    """It may be posted as it stands; a field without one is left out."""
    client = Client(people.app)
    api = client.get("/openapi.json").json()
    properties = api["components"]["schemas"]["PersonNew"]["properties"]
    body = {name: each["examples"][0] for name, each in properties.items() if "examples" in each}
    body = {name: value for name, value in body.items() if not properties[name].get("readOnly")}
    assert body["name"] == "Ella"
    assert body["first"]["city"]["name"] == "Ely"
    reply = client.post("/people", json=body)
    assert reply.status == 201, reply.text


def test_embedded_documents_are_components() -> None:
    """Each once as it is shown and once as it is taken, also where one holds another."""
    schemas = Client(people.app).get("/openapi.json").json()["components"]["schemas"]
    assert {"Address", "AddressInput", "City", "CityInput"} <= set(schemas)
    home = schemas["Person"]["properties"]["home"]
    assert home["allOf"] == [{"$ref": "#/components/schemas/Address"}]
    assert home["description"] == "At home."
    taken = schemas["PersonNew"]["properties"]["home"]["anyOf"]
    assert taken == [{"$ref": "#/components/schemas/AddressInput"}, {"type": "null"}]
    city = schemas["AddressInput"]["properties"]["city"]["anyOf"][0]
    assert city == {"$ref": "#/components/schemas/CityInput"}


def test_two_classes_of_one_name_are_two_components() -> None:
    """With a number for the second."""
    one = type("Part", (EmbeddedDocument,), {"a": StringField()})
    two = type("Part", (EmbeddedDocument,), {"b": IntField()})
    members: dict[str, Any] = {"one": EmbeddedDocumentField(one), "two": EmbeddedDocumentField(two)}
    model = type("Both", (StreamedDocument,), members)
    app = Brubeck(streams=[type("S", (StreamHandler,), {"model": model})])
    schemas = Client(app).get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["Part"]["properties"]) == {"a"}
    assert set(schemas["Part2"]["properties"]) == {"b"}
