"""Who sees what: DictShield's examples of permissions, and the compiled shapes."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    EmailField,
    EmbeddedDocumentField,
    ListField,
    StringField,
    UUIDField,
)


class Author(EmbeddedDocument):
    """Somebody who writes."""

    _private_fields = ["is_active"]
    _public_fields = ["username", "name"]
    name = StringField()
    username = StringField()
    email = EmailField()
    a_setting = BooleanField()
    is_active = BooleanField()


class Comment(EmbeddedDocument):
    """What somebody says about it."""

    _public_fields = ["username", "text"]
    text = StringField()
    username = StringField()
    email = EmailField()


class BlogPost(Document):
    """What somebody has written."""

    _private_fields = ["personal_thoughts"]
    _public_fields = ["author", "content", "comments"]
    content = StringField()
    author = EmbeddedDocumentField(Author)
    comments = ListField(EmbeddedDocumentField(Comment))
    posted = DateTimeField(format="%Y")
    personal_thoughts = StringField()


POST: dict[str, Any] = {
    "content": "Gluten-free",
    "author": {
        "name": "james",
        "username": "j2d2",
        "email": "jdennis@example.com",
        "a_setting": True,
        "is_active": True,
    },
    "comments": [{"text": "Awesome!", "username": "bro", "email": "bro@example.com"}],
    "posted": "2012-01-01T00:00:00",
    "personal_thoughts": "I wish I had three hands...",
}
OWNER = {
    "content": "Gluten-free",
    "author": {
        "name": "james",
        "username": "j2d2",
        "email": "jdennis@example.com",
        "a_setting": True,
    },
    "comments": [{"text": "Awesome!", "username": "bro", "email": "bro@example.com"}],
    "posted": "2012",
}
PUBLIC = {
    "content": "Gluten-free",
    "author": {"name": "james", "username": "j2d2"},
    "comments": [{"text": "Awesome!", "username": "bro"}],
}


def _post(looked_at: bool) -> BlogPost:
    post = BlogPost.from_python(POST)
    if looked_at:
        assert post.author is not None
        assert len(post.comments) == 1
    return post


@pytest.mark.parametrize("looked_at", [False, True])
def test_each_viewer_sees_its_fields_at_every_depth(looked_at: bool) -> None:
    """Lists and embedded documents are cut down by their own lists, looked at before or not."""
    post = _post(looked_at)
    assert json.loads(BlogPost.make_json_ownersafe(post)) == OWNER
    assert json.loads(BlogPost.make_json_publicsafe(post)) == PUBLIC
    assert json.loads(post.encode_ownersafe()) == OWNER
    assert json.loads(post.encode_publicsafe()) == PUBLIC


def test_the_shapes_in_python_keep_native_values() -> None:
    """Without JSON a shape has datetimes and the like, and embedded documents as dictionaries."""
    post = _post(looked_at=False)
    assert BlogPost.make_ownersafe(post) == {**OWNER, "posted": post.posted}
    assert BlogPost.make_publicsafe(post) == PUBLIC


def test_a_shape_can_be_had_as_json_values() -> None:
    """Without encoding, a JSON shape is what the text would say."""
    post = _post(looked_at=False)
    assert BlogPost.make_json_ownersafe(post, encode=False) == OWNER
    text = BlogPost.make_json_publicsafe(post, sort_keys=True)
    assert list(json.loads(text)) == ["author", "comments", "content"]


def test_a_dictionary_is_shaped_like_a_document_and_left_alone() -> None:
    """A dictionary loses what its viewer must not see, in a new dictionary."""
    values = {"_id": 1, "content": "x", "personal_thoughts": "y", "author": None}
    assert BlogPost.make_ownersafe(values) == {"content": "x"}
    assert BlogPost.make_json_publicsafe(values) == '{"content":"x"}'
    assert len(values) == 4


def test_several_documents_are_shaped_at_once() -> None:
    """A list of documents gives a list of shapes."""
    posts = [_post(looked_at=False), _post(looked_at=True)]
    assert BlogPost.make_publicsafe(posts) == [PUBLIC, PUBLIC]
    assert json.loads(BlogPost.make_json_publicsafe(posts)) == [PUBLIC, PUBLIC]


def test_without_public_fields_the_public_sees_the_id_alone() -> None:
    """Forgetting to say what is public does not make it public."""

    class Diary(Document):
        _private_fields = ["secret"]
        secret = StringField()
        text = StringField()

    key = uuid.uuid4()
    diary = Diary(id=key, secret="s", text="t")
    assert Diary.make_publicsafe(diary) == {"id": key}
    assert json.loads(diary.encode_publicsafe()) == {"id": str(key)}
    assert json.loads(diary.encode_ownersafe()) == {"text": "t"}


def test_a_subclass_in_an_embedded_field_is_shaped_by_its_own_lists() -> None:
    """A more special embedded document hides what it says is private."""

    class Agent(Author):
        _private_fields = ["is_active", "name"]

    post = BlogPost(author=Agent(name="007", username="jb", is_active=True))
    assert json.loads(post.encode_ownersafe())["author"] == {"username": "jb"}


def test_short_names_go_out_and_come_back() -> None:
    """A minimized field name stands for its field in shapes, in the constructor and in JSON."""

    class Movie(Document):
        _public_fields = ["title", "key"]
        title = StringField(max_length=40, minimized_field_name="t")
        key = UUIDField(minimized_field_name="k")

    key = uuid.uuid4()
    movie = Movie(title="Some Movie", key=key)
    small = f'{{"t":"Some Movie","k":"{key}"}}'
    assert Movie.make_json_publicsafe(movie) == small
    assert Movie(**json.loads(small)) == movie
    assert Movie.from_json(small, unknown="refuse") == movie
    assert movie.encode() == f'{{"title":"Some Movie","key":"{key}"}}'.encode()
