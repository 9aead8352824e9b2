"""The compiled way and the careful way agree, for every field and every option.

Each model has one kind of field. Documents for it, good and bad, go through the careful way alone
and through the whole of `from_json`; both must give the same document or the same errors. The
compiled way must let nothing through that the careful way refuses.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from brubeck.dictshield.base import REFUSED, ShieldDocException
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
from brubeck.dictshield.limits import parse
from tests.soak import often

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = often(5, 60)
MD5, SHA1 = "e8b5d682452313a6142c10b045a9a135", "da39a3ee5e6b4b0d3255bfef95601890afd80709"


class Inner(EmbeddedDocument):
    """A document to embed, with one field of each troublesome kind."""

    name = StringField(required=True, max_length=4)
    count = IntField(min_value=0, default=1)
    when = TimeStampField()
    inner = EmbeddedDocumentField["Inner"]("self")


def _even(value: Any) -> bool:
    return bool(value % 2 == 0)


def _no(value: Any) -> bool:
    raise ValueError("never")


FIELDS: dict[str, Callable[..., BaseField[Any]]] = {
    "any": BaseField,
    "string": StringField,
    "string short": lambda **o: StringField(max_length=3, min_length=2, **o),
    "string regex": lambda **o: StringField(regex="[a-c]+", **o),
    "string regex flags": lambda **o: StringField(regex=re.compile("[a-c]+$", re.IGNORECASE), **o),
    "string choices": lambda **o: StringField(choices=["a", "b", ""], **o),
    "url": URLField,
    "url short": lambda **o: URLField(max_length=20, regex="https", **o),
    "email": EmailField,
    "md5": MD5Field,
    "sha1": SHA1Field,
    "uuid": UUIDField,
    "object id": ObjectIdField,
    "number": lambda **o: NumberField(min_value=-1.5, max_value=2**53 + 1, **o),
    "int": lambda **o: IntField(min_value=-3, max_value=10.5, **o),
    "int choices": lambda **o: IntField(choices={1, 2}, validation=_even, **o),
    "int no": lambda **o: IntField(validation=_no, **o),
    "long": LongField,
    "float": lambda **o: FloatField(min_value=-3, max_value=2**53 + 1, **o),
    "float free": FloatField,
    "decimal": lambda **o: DecimalField(min_value=-1, max_value=100, **o),
    "boolean": BooleanField,
    "datetime": DateTimeField,
    "datetime format": lambda **o: DateTimeField(format="%d.%m.%Y %H:%M:%S", **o),
    "timestamp": TimeStampField,
    "milliseconds": MillisecondField,
    "milliseconds late": lambda **o: MillisecondField(min_value=0, **o),
    "dict": DictField,
    "multi": MultiValueDictField,
    "geo": GeoPointField,
    "embedded": lambda **o: EmbeddedDocumentField(Inner, **o),
    "list any": lambda **o: ListField([], **o),
    "list string": lambda **o: ListField(StringField(max_length=2), **o),
    "list two": lambda **o: ListField([StringField(max_length=2), IntField(max_value=3)], **o),
    "list moments": lambda **o: ListField([StringField(max_length=2), TimeStampField()], **o),
    "list kinds": lambda **o: ListField([EmbeddedDocumentField(Inner), StringField()], **o),
    "list embedded": lambda **o: ListField(EmbeddedDocumentField(Inner), **o),
    "list list": lambda **o: ListField(ListField(TimeStampField()), **o),
    "list list embedded": lambda **o: ListField(ListField(EmbeddedDocumentField(Inner)), **o),
    "list checked": lambda **o: ListField(IntField(choices=[1, 2]), validation=len, **o),
    "sorted": lambda **o: SortedListField(NumberField(), **o),
    "sorted decimals": lambda **o: SortedListField(DecimalField(), **o),
    "sorted lists": lambda **o: ListField(SortedListField(StringField()), **o),
    "sorted any": lambda **o: SortedListField(BaseField(), **o),
    "sorted documents": lambda **o: SortedListField(
        EmbeddedDocumentField(Inner), ordering="count", **o
    ),
}
DEFAULTS = {"any": 5, "string": "a", "int": 3, "boolean": False, "datetime": None}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"required": True},
    {"minimized_field_name": "v"},
    {"uniq_field": "other", "required": True},
]


def _model(kind: str, options: dict[str, Any]) -> type[Document]:
    namespace: dict[str, Any] = {"value": FIELDS[kind](**options), "note": StringField()}
    make: Any = type(Document)
    made: type[Document] = make(f"Model_{kind.replace(' ', '_')}", (Document,), namespace)
    return made


MODELS = [_model(kind, options) for kind in FIELDS for options in OPTIONS]
MODELS += [_model(kind, {"default": DEFAULTS[kind]}) for kind in DEFAULTS]
MODELS += [
    _model("uuid", {"id_field": True}),
    _model("string", {"id_field": True, "required": True}),
]

TEXTS = st.sampled_from(
    [
        *("", "a", "ab", "abcd", "ABC", "b\n", "\0", "\ud800", "é", "a:b", 'a":1', "x" * 300),
        *("http://example.com/a?b=c", "https://x.org", "ftp://x", "ida@example.com", "ida@@x"),
        *(MD5, SHA1, "z" * 32, "e8b5d682-4523-13a6-142c-10b045a9a135", "4ee41cdc0f43833917000000"),
        *("2012-01-01T00:00:00Z", "2012-01-01T00:00:00+0200", "2012-01-01", "21.12.2012 10:00:00"),
        *("0000-01-01T00:00:00Z", "2012-01-01T00:00:60Z", "2012-01-01T00:00:00.123456789"),
        *(
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "1.10",
            "NaN",
            "Infinity",
            "1e400",
            "1E+9999",
            "5",
            "-7",
        ),
        "9" * 40,
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-12, 12)
    | st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, 10**400])
    | st.sampled_from([0.5, -0.0, 1e308, 4.0, 1e22, -1.5, float(2**53)])
    | TEXTS
    | st.text(max_size=5)
)
KEYS = st.sampled_from(["name", "count", "when", "inner", "a", "a.b", "$x", "v"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["value", "note", "other", "v", "_id", "id", "rogue"]), VALUES, max_size=4
)


def _careful(model: type[Document], body: str, unknown: Any) -> Any:
    try:
        return model._read_carefully(parse(body), unknown)
    except ShieldDocException as error:
        return sorted(error.errors)


def _whole(model: type[Document], body: str, unknown: Any) -> Any:
    try:
        return model.from_json(body, unknown=unknown)
    except ShieldDocException as error:
        return sorted(error.errors)


def _fill_id(found: Any) -> Any:
    """Return the outcome without what differs by chance."""
    return found.encode() if isinstance(found, Document) else found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=MANY, deadline=None)
@given(data=DOCUMENTS, unknown=st.sampled_from(["drop", "refuse"]), ascii_only=st.booleans())
@example(data={"value": {"name": "a", "count": None}}, unknown="drop", ascii_only=True)
@example(data={"value": [{"name": "a"}, {"name": "b", "when": 5}]}, unknown="drop", ascii_only=True)
def test_both_ways_agree(
    model: type[Document], data: dict[str, Any], unknown: Any, ascii_only: bool
) -> None:
    """The same text gives the same document or the same errors, whichever way it is read."""
    body = json.dumps(data, ensure_ascii=ascii_only)
    careful, whole = _careful(model, body, unknown), _whole(model, body, unknown)
    assert _fill_id(whole) == _fill_id(careful)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=MANY, deadline=None)
@given(data=DOCUMENTS, unknown=st.sampled_from(["drop", "refuse"]))
def test_c_lets_nothing_bad_through(
    model: type[Document], data: dict[str, Any], unknown: Any
) -> None:
    """What the compiled way accepts, the careful way accepts with the same result."""
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")
    compiled = model.__compiled__
    read = compiled.read_dropping if unknown == "drop" else compiled.read_refusing
    try:
        document = read(body)
    except REFUSED:
        return
    assert document.encode() == _fill_id(_careful(model, body.decode(), unknown))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=MANY, deadline=None)
@given(data=DOCUMENTS, unknown=st.sampled_from(["drop", "refuse"]))
def test_decoded_json_is_judged_like_its_text(
    model: type[Document], data: dict[str, Any], unknown: Any
) -> None:
    """`from_python` gives the same document or the same errors as `from_json`."""
    body = json.dumps(data)
    try:
        document: Any = model.from_python(data, unknown=unknown).encode()
    except ShieldDocException as error:
        document = sorted(error.errors)
    assert document == _fill_id(_whole(model, body, unknown))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@settings(max_examples=MANY, deadline=None)
@given(data=DOCUMENTS)
def test_stored_bytes_come_back_as_they_are(model: type[Document], data: dict[str, Any]) -> None:
    """A good document's stored form reads as the same document and is written as the same bytes."""
    found = _whole(model, json.dumps(data), "drop")
    if isinstance(found, list):
        return
    stored = found.encode()
    assert model.from_json(stored, unknown="refuse").encode() == stored
    revived = model.decode_stored(stored)
    assert revived == model.from_json(stored)
    assert revived.encode() == stored
    found.validate()
