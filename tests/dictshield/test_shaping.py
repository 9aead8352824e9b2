"""Who sees what: DictShield's examples of permissions, and the compiled shapes."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import pytest

from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import (
    BaseField,
    BooleanField,
    DateTimeField,
    DictField,
    EmailField,
    EmbeddedDocumentField,
    ListField,
    SortedListField,
    StringField,
    TimeStampField,
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


class Shift(EmbeddedDocument):
    """A document with a moment, which has a form of its own in JSON."""

    begun = TimeStampField()


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


class Note(Document):
    """A document in which documents stand in every place there is."""

    _private_fields = ["thoughts"]
    _public_fields = ["title", "author", "authors", "grid", "mixed", "free", "any", "thoughts"]
    title = StringField(uniq_field="t_t")
    thoughts = StringField(uniq_field="tt", minimized_field_name="t")
    author = EmbeddedDocumentField(Author)
    authors = SortedListField(EmbeddedDocumentField(Author), ordering="name")
    grid = ListField(ListField(EmbeddedDocumentField(Author)))
    mixed = ListField([EmbeddedDocumentField(Author), StringField()])
    free = DictField()
    any = BaseField()


BEN = {"name": "Ben", "email": "private@example.com", "is_active": True}
SEEN = {"name": "Ben"}


@pytest.mark.parametrize("viewer", ["owner", "public"])
@pytest.mark.parametrize("made", ["document", "read", "python", "json", "appended"])
def test_nothing_private_is_seen_wherever_it_stands(viewer: str, made: str) -> None:
    """Lists of lists, lists of several kinds and dictionaries under any key are cut down, too."""
    values: dict[str, Any] = {
        "t_t": "a",
        "tt": "private",
        "author": BEN,
        "authors": [BEN],
        "grid": [[], [BEN]],
        "mixed": ["a", BEN],
    }
    ways: dict[str, Any] = {
        "document": lambda: Note(**values),
        "read": lambda: Note.from_python(values),
        "python": lambda: Note(**values).to_python(),
        "json": lambda: json.loads(json.dumps(values)),
    }
    if made == "appended":
        note: Any = Note(title="a", author=BEN)
        note.authors.append(BEN)
        note.grid.append([])
        note.grid.append([BEN])
        note.mixed.extend(["a", BEN])
    else:
        note = ways[made]()
    seen = {"author": SEEN, "authors": [SEEN], "grid": [[], [SEEN]], "mixed": ["a", SEEN]}
    cut = getattr(Note, f"make_{viewer}safe")(note)
    text = getattr(Note, f"make_json_{viewer}safe")(note)
    emails = "private" in str(cut), "private" in text
    if viewer == "public":
        assert emails == (False, False)
        assert {name: cut[name] for name in seen} == seen
        assert {name: json.loads(text)[name] for name in seen} == seen
    assert "tt" not in cut
    assert "thoughts" not in text
    assert "is_active" not in str(cut) + text
    assert cut.get("title", cut.get("t_t")) == "a"


def test_documents_where_there_should_be_none_are_cut_down_as_well() -> None:
    """A document put into a dictionary of anything hides what it would hide elsewhere."""
    note = Note(title="a", free={"by": Author(**BEN)}, any=[Author(**BEN)])
    shown = json.loads(note.encode_publicsafe())
    assert (shown["free"], shown["any"]) == ({"by": SEEN}, [SEEN])
    assert Note.make_json_publicsafe(note, encode=False) == shown


def test_what_should_be_a_document_and_is_none_is_not_shown() -> None:
    """Stored objects from before a field became a document cannot be cut down, so they go."""
    old = Note.decode_stored('{"author":[{"email":"private"}],"authors":{"email":"private"}}')
    for shown in (old.encode_ownersafe().decode(), str(Note.make_ownersafe(old))):
        assert "private" not in shown
    deep: Any = {5: "private"}
    assert "private" not in str(Note.make_publicsafe({"author": deep, "mixed": [deep]}))
    assert "private" not in Note.make_json_publicsafe({"author": deep, "mixed": [deep]})


def test_a_document_of_another_class_shows_what_both_classes_show() -> None:
    """A subclass keeps its secrets from its base class's methods, and a view may hide more."""

    class Agent(Author):
        _private_fields = ["name"]
        _public_fields = ["username", "email"]

    class View(Author):
        _public_fields = ["name"]

    agent = Agent(name="007", username="jb", email="m@example.com", is_active=True)
    for shown in (Author.make_ownersafe(agent), json.loads(Author.make_json_ownersafe(agent))):
        assert shown == {"username": "jb", "email": "m@example.com"}
    for shown in (Author.make_publicsafe(agent), json.loads(Author.make_json_publicsafe(agent))):
        assert shown == {"username": "jb"}
    author = Author(name="Ben", username="bn")
    assert View.make_publicsafe(author) == {"name": "Ben"}
    assert json.loads(View.make_json_publicsafe(author)) == {"name": "Ben"}


def test_items_of_several_kinds_are_written_by_their_own_field() -> None:
    """What is stored of a list of several kinds is what each kind's field makes of it."""

    class Log(Document):
        seen = ListField([StringField(), TimeStampField(), EmbeddedDocumentField(Shift)])

    stored = b'{"seen":["a",60,{"begun":120}]}'
    for log in (Log.from_json(stored), Log.decode_stored(stored)):
        assert isinstance(log.seen[1], datetime)
        assert isinstance(log.seen[2], Shift)
        assert log.encode() == log.encode_ownersafe() == stored
        assert json.loads(log.to_json())["seen"][:2] == ["a", 60]
    assert Log.decode_stored('{"seen":[7.5,{"x":1}],"x":1}').encode() == b'{"seen":[7.5,{}]}'
    assert Log.decode_stored('{"seen":7}').encode() == b'{"seen":7}'


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
