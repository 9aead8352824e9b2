"""A program whose clients are generated: embedded documents, many fields, a protected stream."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import BasicAuth
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    DecimalField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    GeoPointField,
    IntField,
    ListField,
    StringField,
)
from brubeck.models.errors import UsernameTaken
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler


class City(EmbeddedDocument):
    """A city."""

    name = StringField(required=True, example="Ely")
    at = GeoPointField()


class Address(EmbeddedDocument):
    """An address, with a document in it."""

    street = StringField(required=True, max_length=80)
    city = EmbeddedDocumentField(City, description="Where it is.")


class Person(StreamedDocument):
    """A person."""

    name = StringField(required=True, max_length=80, description="The name.", example="Ella")
    mail = EmailField()
    kind = StringField(choices=("singer", "pianist"))
    born = DateTimeField()
    size = IntField(min_value=30, max_value=250)
    price = DecimalField()
    alive = BooleanField(default=True)
    home = EmbeddedDocumentField(Address, description="At home.")
    first = EmbeddedDocumentField(Address, required=True)
    others = ListField(EmbeddedDocumentField(Address))
    tags = ListField(StringField(max_length=20))
    more = DictField()


class People(StreamHandler):
    """People, as they come."""

    model = Person
    path = "/people"
    filters = ("kind", "size__gte")


class Diary(OwnedDocument):
    """A page of a diary."""

    text = StringField(required=True)


class Diaries(AuthStreamHandler):
    """Each caller's own."""

    model = Diary
    path = "/diaries"
    owned = True
    schemes = (BasicAuth(),)
    scopes = {"write": "diaries:write"}


class Todo(Document):
    """Something to be done."""

    title = StringField(required=True, max_length=80)


class TodosAPI(AutoAPIBase):
    """What there is to do."""

    model = Todo


class Greeting(WebMessageHandler):
    """A greeting."""

    def get(self, name: str) -> Any:
        """Greet somebody."""
        self.set_body(f"Hello, {name}")
        return self.render()


app = Brubeck(
    streams=[People, Diaries],
    handler_tuples=[(r"^/hello/(?P<name>\w+)$", Greeting)],
    title="People",
    api_info={
        "description": "Those who play.",
        "license": {"name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"},
        "contact": {"name": "Ella", "email": "ella@example.org"},
    },
)
app.register_api(TodosAPI)

with suppress(UsernameTaken):
    app.accounts.users.create("ella", "a-tisket", scopes=["diaries:write"])
