"""Access (G8): each combination of ``may_read``, ``may_write`` and scopes, and every refusal."""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import pytest

from brubeck.auth import BearerAuth
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.streams.people import SSE, Entry, World

RULES: Final = [
    ("anyone", "authenticated"),
    ("anyone", "owner"),
    ("authenticated", "authenticated"),
    ("authenticated", "owner"),
    ("owner", "owner"),
]
READS: Final = [("GET", ""), ("GET", "/{id}"), ("HEAD", "/{id}"), ("GET", "/changes")]
WRITES: Final = [("PUT", "/{id}"), ("PATCH", "/{id}"), ("DELETE", "/{id}")]


def world(storage: Storage, read: str, write: str, **more: Any) -> World:
    """Return a journal with these rules."""
    declared = {"owned": False, "may_read": read, "may_write": write, "scopes": {}}
    return World(storage, **declared | more)


@pytest.mark.parametrize(("read", "write"), RULES)
def test_readers(any_storage: Storage, read: str, write: str) -> None:
    """Strangers read where anyone may, other callers where an owner need not be one."""
    here = world(any_storage, read, write)
    mine = here.write("ann", text="Mine")["id"]
    for method, rest in READS:
        target = rest.format(id=mine)
        assert here.ask("ann", method, target).status == 200
        assert here.ask(None, method, target).status == (200 if read == "anyone" else 401)
    others = {"anyone": [mine], "authenticated": [mine], "owner": []}[read]
    assert here.ids("bob") == others
    assert list(here.changes("bob")) == others
    assert here.ask("bob", "GET", f"/{mine}").status == (404 if read == "owner" else 200)


@pytest.mark.parametrize(("read", "write"), RULES)
@pytest.mark.parametrize(("method", "rest"), WRITES)
def test_writers(any_storage: Storage, read: str, write: str, method: str, rest: str) -> None:
    """Nobody writes without credentials, and only owners write where they alone may."""
    here = world(any_storage, read, write)
    mine = here.write("ann", text="Mine")["id"]
    before = here.ask("ann", "GET", f"/{mine}").headers["ETag"]
    refused = 404 if read == "owner" else 403
    assert here.ask(None, method, rest.format(id=mine), json={}).status == 401
    assert here.ask(None, "POST", json={}).status == 401
    if write == "owner":
        assert here.ask("bob", method, rest.format(id=mine), json={}).status == refused
        both = here.ask("bob", "DELETE", f"/{mine},{mine}")
        assert [each["status"] for each in both.json()["data"]] == [refused, refused]
        assert here.ask("ann", "GET", f"/{mine}").headers["ETag"] == before
        assert here.ask("ann", method, rest.format(id=mine), json={}).status in (200, 204)
    else:
        assert here.ask("bob", method, rest.format(id=mine), json={}).status in (200, 204)


@pytest.mark.parametrize(("read", "write"), RULES)
@pytest.mark.parametrize("action", ["read", "write"])
def test_a_scope_stands_beside_the_rules(
    any_storage: Storage, read: str, write: str, action: str
) -> None:
    """A caller without it is refused, whoever owns the item."""
    if (read, action) == ("anyone", "read"):
        with pytest.raises(ConfigError, match="leave one of them out"):
            world(any_storage, read, write, scopes={action: "r"})
        return
    here = world(any_storage, read, write, scopes={action: action[0]})
    mine = here.write("ann", text="Mine")["id"]
    here.rights["ann"] = frozenset({"x"})
    method = "GET" if action == "read" else "PATCH"
    assert here.ask("ann", method, f"/{mine}", json={}).status == 403


def test_anyone_reads_without_being_asked(any_storage: Storage) -> None:
    """Credentials that are bad, or nobody's, change nothing about what a reader is shown."""
    here = world(any_storage, "anyone", "owner")
    here.write("ann", text="Mine")
    replies = [here.ask(name, "GET") for name in (None, "ann", "bob", "nobody of that name")]
    assert {reply.text for reply in replies} == {replies[0].text}
    assert {reply.headers["ETag"] for reply in replies} == {replies[0].headers["ETag"]}
    assert "private" not in replies[0].headers["Cache-Control"]


def test_a_partition_of_an_owner_is_written_by_its_owner(any_storage: Storage) -> None:
    """Where everybody reads it, too."""
    here = world(any_storage, "anyone", "owner", path="/users/<owner>/notes")
    for name, status in [("ann", 201), ("bob", 403)]:
        assert here.client(name).post("/users/ann/notes", json={}).status == status
    assert here.client(None).get("/users/ann/notes").status == 200


def test_an_open_feed_needs_no_credentials(any_storage: Storage) -> None:
    """It lasts, though nobody is asked again who it is."""
    here = world(any_storage, "anyone", "owner")
    reply = here.ask(None, "GET", "/changes?after=now", headers=SSE)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream")


class TestDefaults:
    """Without a word only owners change what has owners."""

    def test_of_an_owned_document(self, any_storage: Storage) -> None:
        """Every caller reads, each changes its own."""
        here = World(any_storage, owned=False, scopes={})
        mine = here.write("ann", text="Mine")["id"]
        assert here.ids("bob") == [mine]
        for method, rest in WRITES:
            assert here.ask("bob", method, rest.format(id=mine), json={}).status == 403

    def test_of_any_other_document(self, any_storage: Storage) -> None:
        """Nothing has an owner, so every known caller changes it."""
        here = World(any_storage, owned=False, scopes={}, model=StreamedDocument, filters=())
        mine = here.write("ann")["id"]
        assert here.ask("bob", "DELETE", f"/{mine}").status == 204


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"schemes": ()}, "has no schemes"),
        ({"may_read": "everyone"}, "may_read is one of"),
        ({"may_read": "owners"}, 'Did you mean "owner"'),
        ({"may_read": True}, "may_read is one of"),
        ({"may_write": "anyone"}, "may_write is one of"),
        ({"may_read": "owner", "may_write": "authenticated"}, "may_write is 'owner', too"),
        ({"owned": True, "may_read": "anyone"}, "leave owned or the others out"),
        ({"owned": True, "may_write": "authenticated"}, "leave owned or the others out"),
        ({"owned": "yes"}, "True or False"),
        ({"may_write": "owner", "model": StreamedDocument}, "must be an OwnedDocument"),
        ({"may_read": "owner", "model": StreamedDocument}, "must be an OwnedDocument"),
        ({"scopes": ("a:read",)}, "a mapping such as"),
        ({"scopes": "a:read"}, "a mapping such as"),
        ({"scopes": {"read": None}}, "a scope is one word"),
        ({"scopes": {"read": ""}}, "a scope is one word"),
        ({"scopes": {"read": ["a"]}}, "a scope is one word"),
        ({"scopes": {"write": "a b"}}, "a scope is one word"),
        ({"scopes": {"delete": "a"}}, "there is read and write"),
        ({"may_red": "anyone"}, 'Did you mean "may_read"'),
    ],
)
def test_a_declaration_that_protects_nothing_is_refused(
    attributes: dict[str, Any], reason: str
) -> None:
    """When the class is made, and not at the first request."""
    known = {"model": Entry, "path": "/j", "schemes": (BearerAuth(),)}
    with pytest.raises(ConfigError, match=reason):
        type("Journal", (AuthStreamHandler,), known | attributes)


@pytest.mark.parametrize("name", ["may_read", "may_write", "schemes", "scopes", "owned"])
def test_a_stream_without_callers_declares_no_access(name: str) -> None:
    """Nothing would look at it."""
    with pytest.raises(ConfigError, match="takes an AuthStreamHandler"):
        type("Open", (StreamHandler,), {"model": OwnedDocument, "path": "/o", name: None})


def test_every_combination_is_a_rule_or_refused() -> None:
    """None of them falls back to everybody."""
    words = [None, "anyone", "authenticated", "owner"]
    for read, write, owned in product(words, [*words[::2], "owner"], (False, True)):
        declared = {"may_read": read, "may_write": write, "owned": owned}
        attributes = {"model": Entry, "path": "/j", "schemes": (BearerAuth(),)} | declared
        try:
            made: Any = type("Journal", (AuthStreamHandler,), attributes)
        except ConfigError:
            continue
        assert (made.spec.rules.read, made.spec.rules.write) in RULES
        assert made.spec.rules.read == (read or ("owner" if owned else "authenticated"))


def test_the_description_says_who_needs_credentials(any_storage: Storage) -> None:
    """Reading for anyone has no security requirement, writing has one."""
    declared = {"schemes": (BearerAuth(),), "model": Entry, "path": "/j", "may_read": "anyone"}
    from brubeck import Brubeck

    made = type("Journal", (AuthStreamHandler,), declared)
    app = Brubeck(streams=[made], storage={"default": any_storage})
    paths = Client(app).get("/openapi.json").json()["paths"]
    assert paths["/j"]["get"]["security"] == []
    assert paths["/j"]["post"]["security"]
