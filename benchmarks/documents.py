"""JSON in, validated, public JSON out: documents beside the libraries people would take instead.

Run it with ``python -m benchmarks.documents``. Every contender does the same work on the same
bytes, through its documented API; the outputs are compared before anything is timed. The bytes
are such as a client sends: keys in another order than declared, and spaces between. Rounds are
interleaved, so that a busy machine is busy for all, and the best round of each counts. Memory is
what 100,000 instances keep, by tracemalloc.

Needs the extra packages pydantic, marshmallow, attrs, cattrs and orjson.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import attrs
import marshmallow
import msgspec
import pydantic
from cattrs.gen import make_dict_unstructure_fn, override
from cattrs.preconf.orjson import make_converter

from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    StringField,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FLAT = json.dumps(
    {
        "id": "ci37868143",
        "created_at": 1517966773840,
        "updated_at": 1517966996303,
        "place": "10km SW of Ludlow, CA",
        "magnitude": 4.5,
        "network": "ci",
        "depth": 8.2,
        "felt": 12,
        "url": "https://earthquake.usgs.gov/earthquakes/eventpage/ci37868143",
        "reviewed": True,
    },
    sort_keys=True,
).encode()
NESTED = json.dumps(
    {
        "name": "Hipster Hodgepodge",
        "author": {"name": "james", "email": "jdennis@example.com", "active": True},
        "comments": [
            {"text": f"This post was awesome, number {n}", "email": "bro@example.com", "stars": n}
            for n in range(5)
        ],
        "tags": ["coffee", "bicycle", "keytar"],
        "secret": "I wish I had three hands...",
    },
    sort_keys=True,
).encode()


class Contender(NamedTuple):
    """A library's way from bytes to an instance, and from an instance to public bytes."""

    name: str
    read: Callable[[bytes], Any]
    show: Callable[[Any], bytes]


# -- ours ----------------------------------------------------------------------------------------


class Quake(Document):
    """The flat document: ten fields, of which one is private."""

    _public_fields = [
        *("id", "created_at", "updated_at", "place", "magnitude"),
        *("network", "depth", "url", "reviewed"),
    ]
    id = StringField(required=True, max_length=128)
    created_at = IntField()
    updated_at = IntField()
    place = StringField(required=True, max_length=200)
    magnitude = FloatField(min_value=-3, max_value=10)
    network = StringField(max_length=8)
    depth = FloatField()
    felt = IntField(min_value=0)
    url = StringField(max_length=200)
    reviewed = BooleanField()


class Author(EmbeddedDocument):
    """Somebody who writes."""

    _public_fields = ["name"]
    name = StringField(required=True, max_length=40)
    email = StringField(max_length=80)
    active = BooleanField()


class Comment(EmbeddedDocument):
    """What somebody says about it."""

    _public_fields = ["text", "stars"]
    text = StringField(required=True, max_length=400)
    email = StringField(max_length=80)
    stars = IntField(min_value=0, max_value=5)


class Post(Document):
    """The nested document: an embedded one, a list of them, a list of texts."""

    _public_fields = ["name", "author", "comments", "tags"]
    name = StringField(required=True, max_length=80)
    author = EmbeddedDocumentField(Author, required=True)
    comments = ListField(EmbeddedDocumentField(Comment))
    tags = ListField(StringField(max_length=20))
    secret = StringField()


# -- msgspec, bare: a struct in, a smaller struct out ---------------------------------------------

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


def _text(most: int, least: int | None = None) -> Any:
    return Annotated[str, msgspec.Meta(max_length=most, min_length=least)]


BareQuakeIn: Any = msgspec.defstruct(
    "BareQuakeIn",
    [
        ("id", _text(128, 1)),
        ("place", _text(200, 1)),
        ("created_at", Whole | None, None),
        ("updated_at", Whole | None, None),
        ("magnitude", Annotated[float, msgspec.Meta(ge=-3, le=10)] | None, None),
        ("network", _text(8) | None, None),
        ("depth", float | None, None),
        ("felt", Annotated[int, msgspec.Meta(ge=0)] | None, None),
        ("url", _text(200) | None, None),
        ("reviewed", bool | None, None),
    ],
)
BareAuthorIn: Any = msgspec.defstruct(
    "BareAuthorIn",
    [("name", _text(40, 1)), ("email", _text(80) | None, None), ("active", bool | None, None)],
)
BareCommentIn: Any = msgspec.defstruct(
    "BareCommentIn",
    [
        ("text", _text(400, 1)),
        ("email", _text(80) | None, None),
        ("stars", Annotated[int, msgspec.Meta(ge=0, le=5)] | None, None),
    ],
)
BarePostIn: Any = msgspec.defstruct(
    "BarePostIn",
    [
        ("name", _text(80, 1)),
        ("author", BareAuthorIn),
        ("comments", list[BareCommentIn]),
        ("tags", list[_text(20)]),  # type: ignore[misc]
        ("secret", str | None, None),
    ],
)


class BareQuakeOut(msgspec.Struct):
    """What the public sees of a quake."""

    id: str
    created_at: int | None
    updated_at: int | None
    place: str
    magnitude: float | None
    network: str | None
    depth: float | None
    url: str | None
    reviewed: bool | None


class BareAuthorOut(msgspec.Struct):
    """What the public sees of an author."""

    name: str


class BareCommentOut(msgspec.Struct):
    """What the public sees of a comment."""

    text: str
    stars: int | None


class BarePostOut(msgspec.Struct):
    """What the public sees of a post."""

    name: str
    author: BareAuthorOut
    comments: list[BareCommentOut]
    tags: list[str]


_bare_encode = msgspec.json.Encoder().encode


def _bare_quake(q: Any) -> bytes:
    out = BareQuakeOut(
        *(q.id, q.created_at, q.updated_at, q.place, q.magnitude),
        *(q.network, q.depth, q.url, q.reviewed),
    )
    return _bare_encode(out)


def _bare_post(p: Any) -> bytes:
    comments = [BareCommentOut(c.text, c.stars) for c in p.comments]
    return _bare_encode(BarePostOut(p.name, BareAuthorOut(p.author.name), comments, p.tags))


# -- pydantic -------------------------------------------------------------------------------------


class PydanticQuake(pydantic.BaseModel):
    """The flat document."""

    id: Annotated[str, pydantic.Field(min_length=1, max_length=128)]
    created_at: int | None = None
    updated_at: int | None = None
    place: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    magnitude: Annotated[float, pydantic.Field(ge=-3, le=10)] | None = None
    network: Annotated[str, pydantic.Field(max_length=8)] | None = None
    depth: float | None = None
    felt: Annotated[int, pydantic.Field(ge=0)] | None = pydantic.Field(None, exclude=True)
    url: Annotated[str, pydantic.Field(max_length=200)] | None = None
    reviewed: bool | None = None


class PydanticAuthor(pydantic.BaseModel):
    """Somebody who writes."""

    name: Annotated[str, pydantic.Field(min_length=1, max_length=40)]
    email: Annotated[str, pydantic.Field(max_length=80)] | None = pydantic.Field(None, exclude=True)
    active: bool | None = pydantic.Field(None, exclude=True)


class PydanticComment(pydantic.BaseModel):
    """What somebody says about it."""

    text: Annotated[str, pydantic.Field(min_length=1, max_length=400)]
    email: Annotated[str, pydantic.Field(max_length=80)] | None = pydantic.Field(None, exclude=True)
    stars: Annotated[int, pydantic.Field(ge=0, le=5)] | None = None


class PydanticPost(pydantic.BaseModel):
    """The nested document."""

    name: Annotated[str, pydantic.Field(min_length=1, max_length=80)]
    author: PydanticAuthor
    comments: list[PydanticComment] = []
    tags: list[Annotated[str, pydantic.Field(max_length=20)]] = []
    secret: str | None = pydantic.Field(None, exclude=True)


def _pydantic_json(model: pydantic.BaseModel) -> bytes:
    return model.model_dump_json().encode()


# -- marshmallow ----------------------------------------------------------------------------------


class MarshmallowQuake(marshmallow.Schema):
    """The flat document."""

    id = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(1, 128))
    created_at = marshmallow.fields.Integer(strict=True)
    updated_at = marshmallow.fields.Integer(strict=True)
    place = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(1, 200))
    magnitude = marshmallow.fields.Float(validate=marshmallow.validate.Range(-3, 10))
    network = marshmallow.fields.String(validate=marshmallow.validate.Length(0, 8))
    depth = marshmallow.fields.Float()
    felt = marshmallow.fields.Integer(strict=True, load_only=True)
    url = marshmallow.fields.String(validate=marshmallow.validate.Length(0, 200))
    reviewed = marshmallow.fields.Boolean()


class MarshmallowAuthor(marshmallow.Schema):
    """Somebody who writes."""

    name = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(1, 40))
    email = marshmallow.fields.String(load_only=True, validate=marshmallow.validate.Length(0, 80))
    active = marshmallow.fields.Boolean(load_only=True)


class MarshmallowComment(marshmallow.Schema):
    """What somebody says about it."""

    text = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(1, 400))
    email = marshmallow.fields.String(load_only=True, validate=marshmallow.validate.Length(0, 80))
    stars = marshmallow.fields.Integer(strict=True, validate=marshmallow.validate.Range(0, 5))


class MarshmallowPost(marshmallow.Schema):
    """The nested document."""

    name = marshmallow.fields.String(required=True, validate=marshmallow.validate.Length(1, 80))
    author = marshmallow.fields.Nested(MarshmallowAuthor, required=True)
    comments = marshmallow.fields.List(marshmallow.fields.Nested(MarshmallowComment))
    tags = marshmallow.fields.List(
        marshmallow.fields.String(validate=marshmallow.validate.Length(0, 20))
    )
    secret = marshmallow.fields.String(load_only=True)


# -- attrs and cattrs -----------------------------------------------------------------------------


def _between(least: int, most: int) -> Any:
    return attrs.validators.optional(
        attrs.validators.and_(attrs.validators.min_len(least), attrs.validators.max_len(most))
    )


def _within(least: float, most: float) -> Any:
    return attrs.validators.optional(
        attrs.validators.and_(attrs.validators.ge(least), attrs.validators.le(most))
    )


@attrs.define
class AttrsQuake:
    """The flat document."""

    id: str = attrs.field(validator=_between(1, 128))
    place: str = attrs.field(validator=_between(1, 200))
    created_at: int | None = None
    updated_at: int | None = None
    magnitude: float | None = attrs.field(default=None, validator=_within(-3, 10))
    network: str | None = attrs.field(default=None, validator=_between(0, 8))
    depth: float | None = None
    felt: int | None = attrs.field(default=None, validator=_within(0, 2**63))
    url: str | None = attrs.field(default=None, validator=_between(0, 200))
    reviewed: bool | None = None


@attrs.define
class AttrsAuthor:
    """Somebody who writes."""

    name: str = attrs.field(validator=_between(1, 40))
    email: str | None = attrs.field(default=None, validator=_between(0, 80))
    active: bool | None = None


@attrs.define
class AttrsComment:
    """What somebody says about it."""

    text: str = attrs.field(validator=_between(1, 400))
    email: str | None = attrs.field(default=None, validator=_between(0, 80))
    stars: int | None = attrs.field(default=None, validator=_within(0, 5))


@attrs.define
class AttrsPost:
    """The nested document."""

    name: str = attrs.field(validator=_between(1, 80))
    author: AttrsAuthor
    comments: list[AttrsComment] = attrs.Factory(list)
    tags: list[str] = attrs.field(
        factory=list, validator=attrs.validators.deep_iterable(attrs.validators.max_len(20))
    )
    secret: str | None = None


def _cattrs() -> Any:
    """Return a converter that leaves out what is private."""
    converter = make_converter(detailed_validation=False)
    hidden = {
        AttrsQuake: ("felt",),
        AttrsAuthor: ("email", "active"),
        AttrsComment: ("email",),
        AttrsPost: ("secret",),
    }
    for kind, names in hidden.items():
        omitted = {name: override(omit=True) for name in names}
        shown: Any = make_dict_unstructure_fn(kind, converter, **omitted)  # type: ignore[arg-type]
        converter.register_unstructure_hook(kind, shown)
    return converter


# -- the contest ----------------------------------------------------------------------------------


def contenders(nested: bool) -> list[Contender]:
    """Return everybody's way for one of the two documents, ours first."""
    ours: Any = Post if nested else Quake
    bare = msgspec.json.Decoder(BarePostIn if nested else BareQuakeIn).decode
    model: Any = PydanticPost if nested else PydanticQuake
    schema: Any = MarshmallowPost() if nested else MarshmallowQuake()
    converter, kind = _cattrs(), AttrsPost if nested else AttrsQuake
    return [
        Contender("brubeck", ours.from_json, ours.encode_publicsafe),
        Contender("msgspec, bare", bare, _bare_post if nested else _bare_quake),
        Contender("pydantic", model.model_validate_json, _pydantic_json),
        Contender("attrs + cattrs", lambda body: converter.loads(body, kind), converter.dumps),
        Contender("marshmallow", schema.loads, lambda data: schema.dumps(data).encode()),
    ]


def refuse_differences(rivals: list[Contender], body: bytes) -> None:
    """Raise unless all of them show the public the same."""
    shown = [json.loads(rival.show(rival.read(body))) for rival in rivals]
    for rival, found in zip(rivals, shown, strict=True):
        if found != shown[0]:
            raise SystemExit(f"{rival.name} shows something else: {found}")


def best_times(rivals: list[Contender], body: bytes, rounds: int, calls: int) -> list[float]:
    """Return the best microseconds of each for one document, in interleaved rounds."""
    best = [float("inf")] * len(rivals)
    for _ in range(rounds):
        for index, (_, read, show) in enumerate(rivals):
            begun = time.perf_counter()
            for _ in range(calls):
                show(read(body))
            taken = (time.perf_counter() - begun) / calls * 1e6
            best[index] = min(best[index], taken)
    return best


def kept_bytes(rival: Contender, body: bytes, many: int) -> float:
    """Return the bytes that an instance keeps, among so many of them."""
    rival.read(body)
    gc.collect()
    tracemalloc.start()
    instances = [rival.read(body) for _ in range(many)]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept / len(instances)


def table(title: str, unit: str, names: list[str], values: list[float]) -> str:
    """Return a table in Markdown, each value beside its ratio to ours."""
    lines = [f"| {title} | {unit} | of ours |", "| --- | ---: | ---: |"]
    for name, value in zip(names, values, strict=True):
        lines.append(f"| {name} | {value:,.2f} | {value / values[0]:.2f} x |")
    return "\n".join(lines)


def main(rounds: int = 9, calls: int = 5_000, many: int = 100_000) -> None:
    """Print the tables."""
    for title, nested, body in (("10 fields", False, FLAT), ("nested", True, NESTED)):
        rivals = contenders(nested)
        names = [rival.name for rival in rivals]
        refuse_differences(rivals, body)
        times = best_times(rivals, body, rounds, calls)
        print(table(f"{title}: JSON in, public JSON out", "µs", names, times), end="\n\n")
        if not nested:
            kept = [kept_bytes(rival, body, many) for rival in rivals]
            print(table(f"memory, {many:,} instances", "bytes each", names, kept), end="\n\n")


if __name__ == "__main__":
    main()
