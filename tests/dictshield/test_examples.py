"""DictShield's documented examples, with their documented results."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from bson.objectid import ObjectId

from brubeck.dictshield.base import DictPunch, ShieldException
from brubeck.dictshield.document import Document, EmbeddedDocument, diff_id_field, swap_field
from brubeck.dictshield.fields import (
    BooleanField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MD5Field,
    StringField,
    URLField,
    UUIDField,
)
from brubeck.dictshield.fields.mongo import ObjectIdField


class BlogPost(Document):
    """The first example of the README."""

    title = StringField(max_length=40)
    body = StringField(max_length=4096)


class Media(Document):
    """A simple document that has one field."""

    title = StringField(max_length=40)


class Movie(Media):
    """A medium that the public sees in part."""

    _public_fields = ["title", "year"]
    year = IntField(min_value=1950, max_value=dt.datetime.now(tz=dt.UTC).year)
    personal_thoughts = StringField(max_length=255)


class User(Document):
    """Somebody with a secret."""

    _public_fields = ["name"]
    secret = MD5Field()
    name = StringField(required=True, max_length=50)
    bio = StringField(max_length=100)
    url = URLField()


def _movie() -> Movie:
    movie = Movie()
    movie.title = "Total Recall"
    movie.year = 1990
    movie.personal_thoughts = "I wish I had three hands..."
    return movie


def test_a_blog_post_is_validated_from_its_data() -> None:
    """`Model(**data).validate()` is all there is to it."""
    assert BlogPost(**json.loads('{"title": "So What", "body": "Take five"}')).validate()
    with pytest.raises(ShieldException, match="too long"):
        BlogPost(title="x" * 41).validate()


def test_media_as_a_python_structure() -> None:
    """An instance shows its class as ``_cls`` and ``_types``."""
    media = Media()
    media.title = "Misc Media"
    assert media.to_python() == {"_types": ["Media"], "_cls": "Media", "title": "Misc Media"}


def test_a_movie_keeps_track_of_its_ancestors() -> None:
    """``_types`` has the relationship between Movie and Media."""
    assert _movie().to_python() == {
        "personal_thoughts": "I wish I had three hands...",
        "_types": ["Media", "Media.Movie"],
        "title": "Total Recall",
        "_cls": "Media.Movie",
        "year": 1990,
    }
    assert json.loads(_movie().to_json()) == _movie().to_python()


def test_a_movie_for_its_owner_and_for_the_public() -> None:
    """The owner sees the thoughts, the public does not; nobody sees the class."""
    assert json.loads(Movie.make_json_ownersafe(_movie())) == {
        "personal_thoughts": "I wish I had three hands...",
        "title": "Total Recall",
        "year": 1990,
    }
    assert json.loads(Movie.make_json_publicsafe(_movie())) == {
        "title": "Total Recall",
        "year": 1990,
    }


def test_a_failure_tells_field_value_and_reason() -> None:
    """A bogus secret is caught by `validate`, whichever name the exception goes by."""
    user = User(secret="whatevz", name="test hash")
    with pytest.raises(DictPunch) as caught:
        user.validate()
    assert caught.value.field_name == "secret"
    assert caught.value.field_value == "whatevz"
    assert caught.value.reason == "MD5 value is wrong length"
    assert str(caught.value) == "MD5 value is wrong length - secret:whatevz"


def test_a_rogue_field_is_thrown_away() -> None:
    """Unrecognized keys in user input are gone in the document."""
    total_input = {
        "rogue_field": "MWAHAHA",
        "bio": "Python, Erlang and guitars!",
        "secret": "e8b5d682452313a6142c10b045a9a135",
        "name": "J2D2",
    }
    assert User(**total_input).to_python() == {
        "_types": ["User"],
        "bio": "Python, Erlang and guitars!",
        "secret": "e8b5d682452313a6142c10b045a9a135",
        "name": "J2D2",
        "_cls": "User",
    }


def test_class_level_validation_wants_what_is_required() -> None:
    """Input that lacks a required field fails as a whole document and passes as a part of one."""
    user_input = {"url": "http://j2labs.tumblr.com"}
    with pytest.raises(ShieldException):
        User.validate_class_fields(user_input)
    assert User.validate_class_partial(user_input) is True
    exceptions = User.validate_class_fields(user_input, validate_all=True)
    assert [error.field_name for error in exceptions] == ["name"]


def test_a_field_is_validated_through_its_class() -> None:
    """One value can be checked alone, and comes back native."""
    assert User.name.validate("J2D2") == "J2D2"
    assert Movie.year.validate("1990") == 1990
    with pytest.raises(ShieldException):
        User.secret.validate("whatevz")


class InterestMixin(EmbeddedDocument):
    """Fields that many documents have."""

    liked = BooleanField(default=False)
    archived = BooleanField(default=False)
    deleted = BooleanField(default=False)

    class Meta:
        """Leaves no trace."""

        mixin = True


class SomeDoc(Document, InterestMixin):
    """A document that borrows fields."""

    title = StringField()
    body = StringField()


def test_a_mixin_lends_its_fields_and_leaves_no_trace() -> None:
    """The class hierarchy is not influenced by a mixin."""
    document = SomeDoc(title="Some Document", body="Scenester twee")
    document.liked = True
    assert json.loads(document.to_json()) == {
        "_cls": "SomeDoc",
        "_types": ["SomeDoc"],
        "archived": False,
        "body": "Scenester twee",
        "deleted": False,
        "liked": True,
        "title": "Some Document",
    }


class Product(EmbeddedDocument):
    """Something to buy."""

    sku = IntField(min_value=1, max_value=9999, required=True)
    title = StringField(max_length=30)
    price = FloatField()


class Order(EmbeddedDocument):
    """Something bought."""

    total = FloatField()
    line_items = ListField(EmbeddedDocumentField(Product))


class Customer(Document):
    """Somebody who buys."""

    name = StringField(max_length=30)
    orders = ListField(EmbeddedDocumentField(Order))


def test_embedded_documents_go_to_json_and_back() -> None:
    """What `to_json` writes makes the same document again, through the constructor or at once."""
    bowls = [
        Product(sku=1, title="Japanese Bowl", price=12.95),
        Product(sku=2, title="African Bowl", price=10.95),
    ]
    customer = Customer(name="Ben G", orders=[Order(total=23.9, line_items=bowls)])
    assert customer.validate()
    text = customer.to_json()
    assert Customer(**json.loads(text)) == customer
    assert Customer.from_json(text) == customer
    assert customer.orders[0].line_items[1].title == "African Bowl"


def test_an_id_field_of_another_kind() -> None:
    """A class's ``Meta``, or a decorator around it, says what its id is; subclasses inherit it."""

    class SimpleDoc(Document):
        title = StringField(max_length=40)
        num = IntField()

        class Meta:
            id_field = ObjectIdField
            id_options = {"uniq_field": "_id"}

    class ComplexDoc(SimpleDoc):
        body = StringField()

    key = ObjectId("4ee41cdc0f43833917000001")
    complex_doc: Any = ComplexDoc(title="complex title", num=1996, id=key)
    assert complex_doc.to_python() == {
        "_types": ["SimpleDoc", "SimpleDoc.ComplexDoc"],
        "title": "complex title",
        "num": 1996,
        "_cls": "SimpleDoc.ComplexDoc",
        "_id": key,
    }
    assert json.loads(complex_doc.to_json())["_id"] == str(key)
    assert ComplexDoc.make_ownersafe(complex_doc) == {"num": 1996, "title": "complex title"}
    assert ComplexDoc.make_publicsafe(complex_doc) == {"id": key}
    assert complex_doc.validate()


def test_swapped_fields_keep_their_place_in_the_hierarchy() -> None:
    """`diff_id_field` decorates, `swap_field` is called; both change the kind of fields."""

    @diff_id_field(ObjectIdField, ["id", "owner"])
    class Note(Document):
        owner = UUIDField()
        text = StringField()

    note: Any = Note(id="4ee41cdc0f43833917000001", owner="4ee41cdc0f43833917000002", text="a")
    assert note.owner == ObjectId("4ee41cdc0f43833917000002")
    assert note.to_python()["_cls"] == "Note"
    assert list(note.to_python()) == ["_id", "owner", "text", "_cls", "_types"]
    assert diff_id_field(StringField, ["id"], Media)(id="m").id == "m"
    assert swap_field(Media, StringField, ["id"])._fields["id"].uniq_field == "_id"
