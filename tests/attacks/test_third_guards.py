"""Guards that a class only seemed to have, and what a refusal, a replay or a write gave away."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.auth import Caller, UserHandlingMixin
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.queryset import Queryset
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Note(StreamedDocument):
    """An item that nobody owns."""

    text = StringField()
    more = StringField()


class Own(OwnedDocument):
    """An item that its owner has."""

    text = StringField()


RULES: dict[str, Any] = {
    "schemes": (Badge(),),
    "scopes": {"read": "r"},
    "owned": True,
    "may_read": "owner",
    "may_write": "owner",
}
PLAIN = {"model": Own, "path": "/notes"}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_a_mixin_is_refused_where_nothing_asks_for_it(name: str) -> None:
    """The stream was open to everybody."""
    mixin = type("Guarded", (), {name: RULES[name]})
    with pytest.raises(ConfigError, match=f"Notes.{name} takes an AuthStreamHandler"):
        type("Notes", (mixin, StreamHandler), PLAIN)
    type("Notes", (mixin, AuthStreamHandler), PLAIN | {"schemes": (Badge(),)})


def test_schemes_beside_a_user_handling_mixin_are_refused() -> None:
    """Its schemes are for handlers with ``current_user``; no stream asks them."""
    with pytest.raises(ConfigError, match="schemes takes an AuthStreamHandler"):
        type("Notes", (UserHandlingMixin, StreamHandler), PLAIN | {"schemes": (Badge(),)})


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_a_decorator_is_refused_when_the_stream_is_served(name: str) -> None:
    """When the class was made there was none."""
    stream = type("Notes", (StreamHandler,), PLAIN)
    setattr(stream, name, RULES[name])
    with pytest.raises(ConfigError, match=f"{name} takes an AuthStreamHandler"):
        Brubeck(streams=[stream], storage="memory://")


def test_a_decorator_may_make_a_stream_owned() -> None:
    """What is declared by the time the stream is served counts."""
    stream = type("Notes", (AuthStreamHandler,), PLAIN | {"schemes": (Badge(),)})
    stream.owned = True  # type: ignore[attr-defined]
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    assert client.post("/notes", json={"text": "x"}, headers=as_caller("ella")).status == 201
    assert client.get("/notes", headers=as_caller("dave")).json()["data"] == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("befor_create", lambda _self, _context, _document: None, "is no hook"),
        ("before_save", lambda _self, _context, _document: None, "is no hook"),
        ("get_current_usr", lambda _self: None, "is no hook"),
        ("may_raed", "owner", "declares nothing"),
        ("scheme", (Badge(),), "declares nothing"),
        ("read_onl", True, "declares nothing"),
    ],
)
def test_a_misspelt_guard_of_a_mixin_is_refused(name: str, value: object, message: str) -> None:
    """It was refused in the class alone."""
    mixin = type("Mixin", (), {name: value})
    with pytest.raises(ConfigError, match=f"Notes.{name} {message}"):
        type("Notes", (mixin, AuthStreamHandler), PLAIN | {"schemes": (Badge(),)})


class Scoped(Badge):
    """A badge with scopes: ``ella r w``."""

    def authenticate(self, request: Any, context: Any) -> Caller | None:
        """Return the named caller with its scopes."""
        named = super().authenticate(request, context)
        if named is None:
            return None
        name, *scopes = named.id.split()
        return Caller(name, "", frozenset(scopes))


class Logbook(AuthStreamHandler):
    """A stream that some may write and not read."""

    model = Note
    path = "/log"
    schemes = (Scoped(),)
    scopes = {"read": "r", "write": "w"}


WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an empty patch": ("PATCH", "/log/a", {"json": {}}),
    "a patch with a key": ("PATCH", "/log/a", {"json": {}, "headers": {"Idempotency-Key": "k"}}),
    "a patch": ("PATCH", "/log/a", {"json": {"more": "x"}}),
    "a replacement": ("PUT", "/log/a", {"json": {"more": "x"}}),
    "a new item": ("POST", "/log", {"json": {"id": "b"}}),
    "new items": ("POST", "/log", {"json": [{"id": "a"}, {"id": "b"}]}),
}


@pytest.mark.parametrize("kind", WRITES)
def test_a_caller_without_the_scope_to_read_reads_nothing_by_writing(kind: str) -> None:
    """The answer to an empty patch was the item."""
    client = Client(Brubeck(streams=[Logbook], storage="memory://"))
    item = {"id": "a", "text": "secret"}
    assert client.post("/log", json=item, headers=as_caller("ella r w")).status == 201
    assert client.get("/log/a", headers=as_caller("dave w")).status == 403
    method, path, sent = WRITES[kind]
    headers = as_caller("dave w") | sent.get("headers", {})
    for _ in range(2):  # also when it is sent again
        reply = client.request(method, path, json=sent["json"], headers=headers)
        assert "created_at" not in reply.text
        assert "secret" not in reply.text
    assert "created_at" in client.patch("/log/a", json={}, headers=as_caller("ella r w")).text


class Posts(AuthStreamHandler):
    """A stream with partitions of which the names are nobody's business."""

    model = Note
    path = "/users/<who>/posts"
    schemes = (Badge(),)
    partitions = "ella|dave"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("rest", ["", "/a", "/changes"])
def test_a_stranger_learns_of_no_partition(method: str, rest: str) -> None:
    """One that there may not be was a 404, and any other a 401."""
    client = Client(Brubeck(streams=[Posts], storage="memory://"))
    replies = [client.request(method, f"/users/{who}/posts{rest}") for who in ("ella", "nobody")]
    assert replies[0].status == replies[1].status
    assert replies[0].status in (401, 204)
    assert client.get("/users/nobody/posts", headers=as_caller("ella")).status == 404


class Keyed(StreamHandler):
    """A stream whose guard is `prepare`."""

    model = Note
    path = "/keyed"

    def prepare(self, context: Context) -> None:
        """Let in who has the key."""
        if context.request.header("x-key") != "five":
            raise Problem(403, "No.")


def test_a_replay_passes_prepare_like_any_other_request() -> None:
    """Nobody gets the answer of another, and nobody spoils a key with a refusal."""
    client = Client(Brubeck(streams=[Keyed], storage="memory://"))
    keyed = {"X-Key": "five", "Idempotency-Key": "k"}
    refused = {"Idempotency-Key": "k"}
    assert client.post("/keyed", json={"text": "x"}, headers=refused).status == 403
    first = client.post("/keyed", json={"text": "x"}, headers=keyed)
    assert first.status == 201
    assert client.post("/keyed", json={"text": "x"}, headers=refused).status == 403
    assert client.post("/keyed", json={"text": "x"}, headers=keyed).body == first.body
    assert len(client.get("/keyed", headers=keyed).json()["data"]) == 1


class Todo(Document):
    """A document with a field that the program alone sets."""

    id = StringField()
    text = StringField()
    state = StringField()
    _private_fields = ("state",)


def test_a_hidden_field_keeps_what_the_program_wrote_last(tmp_path: Any) -> None:
    """It is taken from the record that is replaced, not from one that was read before."""
    with Queryset(f"sqlite:///{tmp_path}/todos.db", model=Todo) as queryset:
        queryset.create(Todo(id="a", text="x", state="open"))
        read_before = Todo(id="a", text="y", state="open")
        queryset.update(Todo(id="a", text="x", state="done"))
        queryset.update_visible([read_before], {"state"})
        stored = queryset.read("a").datum
        assert (stored.text, stored.state) == ("y", "done")
        app = Brubeck()
        app.register_api(type("Todos", (AutoAPIBase,), {"model": Todo, "queries": queryset}))
        assert Client(app).put("/todo/a", json={"text": "z"}).status == 200
        assert (queryset.read("a").datum.text, queryset.read("a").datum.state) == ("z", "done")
