"""Streams of all kinds to describe, and how their descriptions are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from brubeck.auth import BasicAuth, BearerAuth, CookieAuth
from brubeck.dictshield.document import EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MD5Field,
    MillisecondField,
    StringField,
    URLField,
)
from brubeck.streams import (
    AuthStreamHandler,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)


class Station(EmbeddedDocument):
    """What an item embeds."""

    name = StringField(required=True)
    height = FloatField()


class Comment(EmbeddedDocument):
    """A comment, and what was answered to it."""

    text = StringField()
    answers = ListField(EmbeddedDocumentField("Comment"))


class Quake(StreamedDocument):
    """One earthquake.

    This is for who reads the program.
    """

    place = StringField(max_length=20, required=True)
    magnitude = FloatField(min_value=-3, max_value=10)
    felt = IntField()
    kind = StringField(choices=["earthquake", "explosion"])
    url = URLField()
    digest = MD5Field()
    reviewed = BooleanField(default=False)
    seen_at = MillisecondField()
    tags = ListField(StringField())
    station = EmbeddedDocumentField(Station)
    stations = ListField(EmbeddedDocumentField(Station))
    more = DictField()
    secret = StringField()

    _private_fields = ("secret",)


class Quakes(StreamHandler):
    """Quakes, as they are reported.

    This is for who reads the program.
    """

    model = Quake
    filters = ("kind", "magnitude__gte", "felt__in", "seen_at__lt", "reviewed")
    page_size, max_page_size = 7, 50
    rate = "100/minute"


class Entry(OwnedDocument):
    """An entry of a journal."""

    text = StringField()


class Journal(AuthStreamHandler):
    """Journals."""

    model = Entry
    path = "/journal"
    schemes = (BearerAuth(), BasicAuth(), CookieAuth())
    scopes = {"write": "journal:write"}
    owned = True


class Posts(StreamHandler):
    """Posts, a stream for each author."""

    model = Entry
    path = "/users/<author>/posts"
    accept_created_at = True


def schema(api: Any, name: str) -> Draft202012Validator:
    """Return what checks values against a named schema."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": api["components"]}
    return Draft202012Validator(whole)


EVENTS = {"Accept": "text/event-stream"}
KEYWORDS = {
    *("$ref", "anyOf", "allOf", "type", "properties", "required", "items", "title", "description"),
    *("minItems", "maxItems", "contentMediaType", "contentSchema", "pattern"),
}


def bodies(api: Any, where: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every body of a description: where it stands, its media type, and its description."""
    for name, value in api.items() if isinstance(api, dict) else ():
        if name == "content":
            yield from ((where, kind, described) for kind, described in value.items())
        else:
            yield from bodies(value, f"{where}/{name}")


def part_of(api: Any, described: Any) -> Draft202012Validator:
    """Return what checks one part of a sequence: a line, or the data of an event."""
    part = described["schema"]["contentSchema"]
    return Draft202012Validator({**part, "components": api["components"]})
