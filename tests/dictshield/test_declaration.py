"""What is refused where a class is made, and what a class knows of itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest

from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    DateTimeField,
    DecimalField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    NumberField,
    SortedListField,
    StringField,
    URLField,
    UUIDField,
)
from brubeck.errors import BrubeckError


def _declare(**members: Any) -> type[Document]:
    make: Any = type(Document)
    made: type[Document] = make("Quake", (Document,), members)
    return made


class Child(EmbeddedDocument):
    """Something to embed."""

    name = StringField(required=True)


BAD: list[tuple[Any, str]] = [
    (lambda: StringField(max_lenght=3), 'no option "max_lenght". Did you mean "max_length"?'),  # type: ignore[call-arg]
    (lambda: StringField(default="abcd", max_length=3), "too long"),
    (lambda: StringField(default=5), "Not text"),
    (lambda: IntField(default=9, max_value=5), "above max_value"),
    (lambda: IntField(default=3, choices=[1, 2]), "must be one of"),
    (lambda: IntField(default=3, validation=lambda value: 1 / 0), "Invalid value"),
    (lambda: IntField(default="many"), "Not Int"),
    (lambda: StringField(regex="("), "regex"),
    (lambda: StringField(min_length=5, max_length=3), "min_length is more"),
    (lambda: StringField(max_length=-1), "not negative"),
    (lambda: StringField(max_length=True), "whole number"),
    (lambda: IntField(min_value=5, max_value=3), "min_value is more"),
    (lambda: FloatField(max_value=float("nan")), "finite"),
    (lambda: FloatField(min_value=10**400), "finite"),
    (lambda: DecimalField(min_value="5"), "numbers"),  # type: ignore[arg-type]
    (lambda: URLField(verify_exists=True), "no network"),
    (lambda: DateTimeField(format=5), "format"),  # type: ignore[arg-type]
    (lambda: DictField(basecls=int), "class of fields"),  # type: ignore[arg-type]
    (lambda: IntField(validation=5), "callable"),  # type: ignore[arg-type]
    (lambda: IntField(choices=5), "choices"),  # type: ignore[arg-type]
    (lambda: ListField(StringField(max_lenght=3)), "max_lenght"),  # type: ignore[call-arg]
    (lambda: ListField(IntField(), default=["a"]), "default"),
    (lambda: EmbeddedDocumentField(Child, default={"name": ""}), "required"),
    (lambda: IntField(default=""), "Not Int"),
    (lambda: IntField(uniq_field=5), "uniq_field"),  # type: ignore[arg-type]
    (lambda: IntField(uniq_field='a"b'), "uniq_field"),
    (lambda: IntField(minimized_field_name="\ud800"), "minimized_field_name"),
    (lambda: IntField(description=5), "description"),  # type: ignore[arg-type]
    (lambda: StringField(choices="abc"), "choices"),
    (lambda: StringField(regex=5), "regex"),  # type: ignore[arg-type]
    (lambda: StringField(regex=b"a"), "bytes"),  # type: ignore[arg-type]
    (lambda: NumberField(number_class=5), "number_class"),  # type: ignore[call-overload]
    (lambda: SortedListField(IntField(), ordering=5), "ordering"),  # type: ignore[arg-type]
    (lambda: DecimalField(min_value=Decimal("sNaN")), "finite"),
]


@pytest.mark.parametrize(("make", "said"), BAD)
def test_a_bad_field_is_refused_with_the_class(make: Any, said: str) -> None:
    """A field that cannot be right names itself, its class and what is wrong, at once."""
    with pytest.raises(InvalidShield) as caught:
        _declare(place=make())
    assert str(caught.value).startswith("Quake.place: ")
    assert said in str(caught.value)
    assert isinstance(caught.value, BrubeckError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ListField("a"),  # type: ignore[arg-type]
        lambda: ListField([StringField(), 5]),  # type: ignore[list-item]
        lambda: EmbeddedDocumentField(Document),
        lambda: EmbeddedDocumentField(5),  # type: ignore[call-overload]
    ],
)
def test_a_field_of_nothing_is_refused_by_itself(make: Any) -> None:
    """Lists want fields, and embedded fields want embedded documents."""
    with pytest.raises(InvalidShield):
        make()


def test_there_is_one_id_field() -> None:
    """Two fields that both claim to be the id are refused, inherited ones too."""
    with pytest.raises(InvalidShield, match="Quake: there are two id fields, a and b"):
        _declare(a=StringField(id_field=True), b=StringField(id_field=True))
    with pytest.raises(InvalidShield, match="two id fields, a and id"):
        _declare(a=StringField(id_field=True), id=StringField())
    first: Any = _declare(a=StringField(id_field=True))
    with pytest.raises(InvalidShield, match="two id fields, a and b"):
        type(first)("Worse", (first,), {"b": StringField(id_field=True)})


def test_an_id_field_is_the_id_under_another_name() -> None:
    """A field marked as the id takes the id's place: one value, stored as ``_id``."""

    class Post(Document):
        slug = StringField(id_field=True)
        text = StringField()

    post: Any = Post(slug="so-what", text="a")
    assert post.id == "so-what"
    assert post.encode() == b'{"_id":"so-what","text":"a"}'
    assert list(Post._fields) == ["slug", "text"]
    assert Post.from_json(post.encode()) == post
    assert Post(_id="x").slug == "x"


def test_meta_knows_its_options() -> None:
    """A misspelt option in Meta is refused with the class's name."""
    with pytest.raises(
        InvalidShield, match=r'Quake: Meta has no option "mixn"\. Did you mean "mixi'
    ):
        _declare(Meta=type("Meta", (), {"mixn": True}))
    with pytest.raises(InvalidShield, match=r"Quake\.Meta must be a class"):
        _declare(Meta=5)


@pytest.mark.parametrize(
    ("option", "given"),
    [("id_field", 5), ("id_field", StringField()), ("id_field", str), ("id_options", ["a"])],
)
def test_meta_says_what_the_id_is_by_a_class_and_its_options(option: str, given: object) -> None:
    """An id_field that is no class of fields, and id_options that are none, are refused."""
    with pytest.raises(InvalidShield, match=f"Quake: {option} must be"):
        _declare(Meta=type("Meta", (), {option: given}))


@pytest.mark.parametrize("key", ["_private_fields", "_public_fields", "_internal_fields"])
def test_a_list_of_who_sees_what_names_fields(key: str) -> None:
    """A misspelt name would hide nothing, and a text instead of a list would hide its letters."""
    with pytest.raises(
        InvalidShield, match=rf'Quake\.{key}: there is no field "secrt"\. Did you m'
    ):
        _declare(secret=StringField(), **{key: ["id", "_cls", "secret", "secrt"]})
    for wrong in ("secret", 5, [5]):
        with pytest.raises(InvalidShield, match=rf"Quake\.{key} must be a list of names"):
            _declare(secret=StringField(), **{key: wrong})


def test_two_fields_cannot_share_a_key() -> None:
    """Keys in JSON are one field's each, short keys included."""
    with pytest.raises(InvalidShield, match='a and b share the key "k"'):
        _declare(a=StringField(uniq_field="k"), b=StringField(uniq_field="k"))
    with pytest.raises(InvalidShield, match="share the key"):
        _declare(a=StringField(), b=StringField(minimized_field_name="a"))


@pytest.mark.parametrize("name", ["validate", "encode", "to_json", "__data__"])
def test_a_field_cannot_hide_a_method(name: str) -> None:
    """A field with a method's name would break every document, so it is refused."""
    with pytest.raises(InvalidShield, match="method of that name"):
        _declare(**{name: StringField()})


@pytest.mark.parametrize("name", ["first-name", "class", "2nd", "a=1)or(b"])
def test_a_field_has_a_name_that_python_can_write(name: str) -> None:
    """A class that is built from data cannot smuggle in a name that is none."""
    with pytest.raises(InvalidShield, match="must be an identifier"):
        _declare(**{name: StringField()})


def test_fields_stand_in_the_order_of_declaration() -> None:
    """Inherited fields come first, an overridden one keeps its place, a hidden one goes."""

    class Base(Document):
        a = StringField()
        b = StringField()
        c = StringField()

    class Derived(Base):
        d = StringField()
        b = IntField()  # type: ignore[assignment]
        c = None

    assert list(Derived._fields) == ["id", "a", "b", "d"]
    assert Derived._fields["b"].kind == "integer"
    assert list(Base._fields) == ["id", "a", "b", "c"]


def test_one_field_object_may_serve_two_classes() -> None:
    """A field that is shared under another name does not change in its first place."""
    shared = StringField(max_length=3)
    first, second = _declare(a=shared), _declare(b=shared)
    assert first._fields["a"].field_name == "a"
    assert second._fields["b"].field_name == "b"
    assert first(a="x").encode() == b'{"a":"x"}'
    assert second(b="x").encode() == b'{"b":"x"}'
    third = _declare(c=first._fields["a"], d=shared, e=shared)
    assert third(c="x", d="y", e="z").encode() == b'{"c":"x","d":"y","e":"z"}'


def test_a_class_by_name_is_that_of_the_field_s_own_class() -> None:
    """A shared field that embeds 'self' embeds each class in itself, in lists as well."""
    itself, several = EmbeddedDocumentField("self"), ListField(EmbeddedDocumentField("self"))

    class First(EmbeddedDocument):
        child, children = itself, several

    class Second(EmbeddedDocument):
        child, children = First.child, several

    for cls in (First, Second, First):
        made: Any = cls(child={}, children=[{}])
        assert type(made.child) is type(made.children[0]) is cls


def test_fields_tell_what_a_caller_needs() -> None:
    """Kind, item kind, description and the rest are there for parameters and indexes."""
    fields = _declare(
        place=StringField(required=True, description="Where"),
        tags=ListField(IntField()),
        mixed=ListField([IntField(), StringField()]),
        child=EmbeddedDocumentField(Child),
        anything=BaseField(),
        key=UUIDField(),
    )._fields
    assert fields["place"].required is True
    assert fields["place"].description == "Where"
    assert {name: field.kind for name, field in fields.items()} == {
        "id": "string",
        "place": "string",
        "tags": "list",
        "mixed": "list",
        "child": "object",
        "anything": "any",
        "key": "string",
    }
    assert [fields[name].item_kind for name in ("tags", "mixed", "place")] == [
        *("integer", "any"),
        None,
    ]
    child = fields["child"].lookup_member("name")
    assert child is not None
    assert child.field_name == "name"


def test_a_document_may_embed_one_that_comes_later() -> None:
    """A class given by name is looked up in the module when it is first needed."""

    class Late(Document):
        child = EmbeddedDocumentField("Child")
        nobody = EmbeddedDocumentField("Nobody")

    assert Late.child.document_type is Child
    with pytest.raises(InvalidShield, match='Late embeds "Nobody"'):
        _ = Late.nobody.document_type


def test_inheritance_need_not_show() -> None:
    """Without ``allow_inheritance`` neither ``_cls`` nor ``_types`` is written."""

    class Plain(Document):
        _meta = {"allow_inheritance": False}
        title = StringField()

    class Plainer(Document):
        title = StringField()

        class Meta:
            allow_inheritance = False
            bucket = "plain"

    assert Plain(title="a").to_python() == {"title": "a"}
    assert Plainer(title="a").to_python() == {"title": "a"}
    assert Plainer._options.bucket == "plain"


MAKE: Any = type(Document)


@pytest.mark.parametrize("kind", [str, "str", "int | None", "list[ClassVar]", "MyFinal"])
@pytest.mark.parametrize("valued", [False, True])
def test_an_annotation_makes_no_field(kind: object, valued: bool) -> None:
    """As it would in a dataclass: so it is refused, with the field that was meant."""
    members = {"__annotations__": {"place": kind}} | ({"place": "here"} if valued else {})
    with pytest.raises(InvalidShield, match=r"Quake.place is annotated, .* place = StringField"):
        MAKE("Quake", (Document,), members)


@pytest.mark.parametrize("kind", ["ClassVar[int]", "typing.ClassVar", "t.Final", ClassVar[int]])
def test_a_constant_may_be_annotated(kind: object) -> None:
    """And so may a field, and what begins with an underscore."""
    members = {"__annotations__": {"MOST": kind, "place": "str", "_kept": "int"}, "MOST": 3}
    quake = MAKE("Quake", (Document,), members | {"place": StringField()})
    assert (quake.MOST, list(quake._fields)[-1]) == (3, "place")
    assert MAKE("Big", (quake,), {"__annotations__": {"place": "str"}})._fields["place"]
