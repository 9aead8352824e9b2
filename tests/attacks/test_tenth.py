"""What an attack by new inputs found, and the inputs that it tried in vain."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest

from brubeck import Brubeck, Problem
from brubeck.auth import BasicAuth, JWTAuth
from brubeck.auth.guesses import OF_A_NAME
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import (
    DecimalField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)
from brubeck.errors import ConfigError
from brubeck.http import Headers, Request, Response
from brubeck.http.proxies import Client as Peer
from brubeck.queryset import Queryset
from brubeck.storage import Put, Storage
from brubeck.streams import (
    AuthStreamHandler,
    OwnedDocument,
    SharedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client
from tests.attacks.measuring import measured
from tests.attacks.people import JSON, as_caller
from tests.attacks.test_ninth import Log, Scoped


def unique(name: str) -> str:
    """Return a name that is new in a storage."""
    return f"{name}{uuid4().hex[:8]}"


# Passwords.


class Known(AuthStreamHandler):
    """A stream for those who have a password."""

    model = OwnedDocument
    path = "/known"
    schemes = (BasicAuth(),)


def tried(app: Brubeck, password: str, address: str) -> Response:
    """Return the answer to a request of Dave, with a password, from an address."""
    credentials = base64.b64encode(f"dave:{password}".encode()).decode()
    headers = Headers({"Authorization": f"Basic {credentials}", "Host": "h"})
    return app.respond(Request("GET", "/known", headers, client=Peer(address)))


def test_who_waits_is_not_told_the_password_of_a_user_who_is_there() -> None:
    """Any number of guesses were compared with the passwords of late, at no price."""
    app = Brubeck(streams=[Known])
    app.accounts.users.create("dave", "pw0321")
    assert tried(app, "pw0321", "192.0.2.1").status == 200
    seen = [tried(app, f"pw{number:04}", "203.0.113.9").status for number in range(400)]
    assert seen[:OF_A_NAME] == [401] * OF_A_NAME
    assert set(seen[OF_A_NAME:]) == {429}
    assert tried(app, "pw0321", "192.0.2.1").status == 200  # the true user does not wait


def test_the_password_of_who_is_not_let_in_is_as_wrong_as_any_other() -> None:
    """It was refused in other words, which tell that it is the right one."""
    app = Brubeck(streams=[Known])
    app.accounts.users.create("dave", "take five")
    app.accounts.users.set_active("dave", False)
    right, wrong = (json.loads(tried(app, each, "192.0.2.1").body) for each in ("take five", "x"))
    assert right == wrong


# Private fields.


class Member(StreamedDocument):
    """An item with a private field that also has a short key."""

    _private_fields = ["zzrole"]
    name = StringField()
    zzrole = StringField(default="user", minimized_field_name="r")


def role(member: Any) -> object:
    """Return the private field of a stored item."""
    return member.zzrole


def with_members(storage: Storage) -> tuple[Brubeck, Any]:
    """Return a program with a public stream of members, and the stream."""
    said = {"model": Member, "path": f"/{unique('m')}"}
    handler = type("Members", (StreamHandler,), said)
    return Brubeck(streams=[handler], storage={"default": storage}), handler


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_hidden_field_is_not_set_by_its_short_key(any_storage: Storage, method: str) -> None:
    """Only its name was refused."""
    app, handler = with_members(any_storage)
    path = handler.path
    at = path if method == "POST" else f"{path}/a"
    reply = Client(app).request(method, at, json={"name": "joe", "r": "admin"})
    assert reply.status == 422
    assert "zz" not in Client(app).post(path, json={"r": 5}).text
    assert all(role(each) == "user" for each in app.stream(handler).items())


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_hidden_field_of_an_autoapi_is_not_set_by_its_short_key(method: str) -> None:
    """As that of a stream."""
    fields = {"id": StringField(), "zzrole": StringField(minimized_field_name="r")}
    model: Any = type("Member", (Document,), {**fields, "_private_fields": ["zzrole"]})
    app = Brubeck(storage="memory://")
    app.register_api(type("Members", (AutoAPIBase,), {"model": model}))
    at = "/member" if method == "POST" else "/member/a"
    Client(app).request(method, at, json={"id": "a", "r": "admin"})
    found = Queryset(app.store("default"), model=model).read(["a"])[0][1]
    assert getattr(found, "zzrole", None) is None


class Shorter(StreamedDocument):
    """An item with a private field that has a rule by now, which older ones do not meet."""

    _private_fields = ["zzphone"]
    name = StringField()
    zzphone = StringField(max_length=5)


class Shorters(StreamHandler):
    """A public stream of it, with a hook."""

    model = Shorter
    path = "/shorter"

    def before_update(self, context: Any, document: Any, stored: Any) -> None:
        """Change nothing."""


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_hook_tells_no_hidden_field_that_is_not_valid_any_longer(method: str) -> None:
    """Without a hook its stored value is left alone; with one it was named, and its rule."""
    client = Client(Brubeck(streams=[Shorters], storage="memory://"))
    body = b'{"id":"a","created_at":5,"updated_at":5,"zzphone":"555-0100"}'
    records = client.application.stream(Shorters).records()
    records.write([Put(id="a", created_at=5, body=body, token="t")])
    reply = client.request(method, "/shorter/a", json={"name": "joe"})
    assert "zz" not in reply.text
    assert reply.status == 200


# Feeds.


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_feeds_with_filters_of_their_own_let_others_be_served(kind: str, tmp_path: Path) -> None:
    """Each of them looked at a thousand new items before anybody else had a turn."""
    url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/tags.db"
    assert measured("held_by_feeds", url, seconds=60) < 0.15


# Names and keys.


class Guarded(AutoAPIBase):
    """An AutoAPI that lets in those who have a key."""

    def prepare(self) -> Response | None:
        """Refuse anybody else."""
        if self.message.header("x-key") != "k":
            raise Problem(403)
        return None


def test_autoapis_of_two_classes_of_one_name_do_not_share_their_documents() -> None:
    """What one guards was read and destroyed by the other."""
    fields: list[Any] = [{"id": StringField(), "text": StringField()} for _ in range(2)]
    first, second = (type("Note", (Document,), each) for each in fields)
    app = Brubeck(storage="memory://")
    app.register_api(type("Notes", (Guarded,), {"model": first}), prefix="/guarded")
    try:
        app.register_api(type("Others", (AutoAPIBase,), {"model": second}), prefix="/open")
    except ConfigError:
        return
    client, key = Client(app), {"X-Key": "k"}
    assert client.post("/guarded", json={"id": "a", "text": "secret"}, headers=key).status == 201
    assert client.get("/guarded/a").status == 403
    assert client.get("/open/a").status == 404
    client.delete("/open/a")
    assert client.get("/guarded/a", headers=key).status == 200


def test_a_replay_is_no_way_to_read_without_the_scope() -> None:
    """The answer that was kept for a caller was given to a credential of it that may not read."""
    client = Client(Brubeck(streams=[Log], storage="memory://"))
    client.put("/log/a", json={"text": "secret"}, headers=as_caller("ella r w"))
    replies = [
        client.patch("/log/a", json={"n": 1}, headers={**as_caller(who), "Idempotency-Key": "k"})
        for who in ("ella r w", "ella w")
    ]
    assert "secret" in replies[0].text
    assert "secret" not in replies[1].text


# Repelled: who sees what.


class Page(SharedDocument):
    """An item that may be shared."""

    text = StringField()
    n = IntField()


class Journal(AuthStreamHandler):
    """An owned stream of such items."""

    model = Page
    schemes = (Scoped(),)
    owned = True
    filters = ("readers", "owner_id", "n", "text__gte")


def test_who_has_lost_sight_finds_an_item_by_no_filter(any_storage: Storage) -> None:
    """By none of its fields: not in a page, a total, an export or a feed, nor the next changes."""
    path = f"/{unique('j')}"
    handler = type("Own", (Journal,), {"path": path})
    client = Client(Brubeck(streams=[handler], storage={"default": any_storage}))
    ella, joe = as_caller("ella"), as_caller("joe")
    shared = client.post(path, json={"text": "secret", "readers": ["joe", "kim"]}, headers=ella)
    item = shared.json()["data"]["id"]
    at = client.get(path, headers=joe).json()["paging"]["changes"]
    client.patch(f"{path}/{item}", json={"readers": ["kim"]}, headers=ella)
    told = client.get(at, headers=joe).json()
    assert [each["op"] for each in told["data"]] == ["delete"]
    for change in ({"text": "other"}, {"n": 2}, {"readers": ["kim", "lou"]}):
        client.patch(f"{path}/{item}", json=change, headers=ella)
    assert client.get(told["paging"]["next"], headers=joe).json()["data"] == []
    for query in ("readers=kim", "owner_id=ella", "n=2", "text__gte=a", "fields=readers"):
        page = client.get(f"{path}?total=true&{query}", headers=joe).json()
        assert (page["data"], page["paging"]["total"]) == ([], 0)
    for shape in ("csv", "ndjson", "atom", "feed.json"):
        text = b"".join(client.get(f"{path}.{shape}", headers=joe).chunks()).decode()
        assert not re.search(rf"secret|other|kim|{item}", text)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("shape", ["", "/a", "/a,b", "/a.json", "/changes", ".csv", ".ndjson"])
def test_who_may_only_write_reads_no_shape(method: str, shape: str) -> None:
    """Whatever the method and the format, and whichever condition it comes with."""
    client = Client(Brubeck(streams=[Log], storage="memory://"))
    client.put("/log/a", json={"text": "secret"}, headers=as_caller("joe w"))
    for more in ({}, {"If-None-Match": "*"}, {"If-Match": "*"}, {"Range": "bytes=0-9"}):
        reply = client.request(method, f"/log{shape}", headers={**as_caller("joe w"), **more})
        assert (reply.status, "ETag" in reply.headers) == (403, False)


# Repelled: tokens.

SECRET = "a secret of at least thirty-two bytes"
ODD: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "an unknown extension": lambda head, _: head.update(crit=["foo"], foo=1),
    "a payload as it is": lambda head, _: head.update(crit=["b64"], b64=False),
    "a list for a key": lambda head, _: head.update(kid=["x"]),
    "the key of another": lambda head, _: head.update(kid="y"),
    "an object for an audience": lambda _, said: said.update(aud={"n": 1}),
    "a truth for an end": lambda _, said: said.update(exp=True),
}


@pytest.mark.parametrize("kind", [None, *ODD])
def test_an_odd_token_is_none(kind: str | None) -> None:
    """It is refused, and is no server error; the plain one is good."""
    keys = {"x": SECRET, "y": SECRET[::-1]}
    scheme = JWTAuth(keys, algorithms=["HS256"], audience="n", issuer="i")
    handler = type("J", (AuthStreamHandler,), {"model": OwnedDocument, "schemes": (scheme,)})
    head: dict[str, Any] = {"alg": "HS256", "kid": "x"}
    said = {"sub": "ella", "aud": "n", "iss": "i", "exp": int(time.time()) + 60}
    if kind is not None:
        ODD[kind](head, said)
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (head, said)]
    text = b".".join(each.rstrip(b"=") for each in parts)
    signed = jwt.get_algorithm_by_name("HS256").sign(text, SECRET.encode())
    token = b".".join([text, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()
    client = Client(Brubeck(streams=[handler], storage="memory://"))
    reply = client.get("/owneddocument", headers={"Authorization": f"Bearer {token}"})
    assert reply.status == (401 if kind else 200)


# Repelled: odd paths and numbers.


class Parted(StreamHandler):
    """A public stream of partitions by a rule."""

    model = StreamedDocument
    path = "/of/<user>/w"
    partitions = "[a-z]+"
    rate = "3/minute"


ODD_PATHS = (
    *("/of/A/w", "/of/a%0A/w", "/of/a%2Fb/w", "/of/a%00/w", "/of/%2e%2e/w", "/of/a;x/w"),
    *("/of//w", "//of/a/w", "/of/a/w/", "/of/a/w/%2e%2e", "/of/a/w/changes%2F", "/of/a.csv/w"),
    *("http://u@evil/of/a/w", "http://evil:99999/of/a/w", "/of/a/w#x", "*", "/of/a%CC%88/w"),
)


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_odd_path_leads_nowhere(path: str) -> None:
    """To no partition that the rule does not name, and to no item."""
    app = Brubeck(streams=[Parted], storage="memory://")
    assert app.respond(Request("GET", path, Headers({"Host": "a"}))).status in (400, 404)


def test_no_spelling_of_an_address_or_path_passes_a_rate() -> None:
    """The partition, the format, the method, or what an address says of itself."""
    app = Brubeck(streams=[Parted], storage="memory://")
    asked: list[tuple[str, str, str, dict[str, str]]] = [
        ("GET", "198.51.100.7", "/of/a/w", {}),
        ("HEAD", "::ffff:198.51.100.7", "/of/b/w.csv", {}),
        ("GET", "198.51.100.7", "http://a/of/%63/w/changes", {}),
        ("GET", "198.51.100.7", "/of/a/w/x,y", {"X-Forwarded-For": "192.0.2.1"}),
        ("DELETE", "::ffff:c633:6407", "/of/zz/w/x", {"Forwarded": "for=192.0.2.1"}),
    ]
    seen = [
        app.respond(Request(method, path, Headers({"Host": "a", **more}), client=Peer(address)))
        for method, address, path, more in asked
    ]
    assert [each.status for each in seen[3:]] == [429, 429]


class Numbers(StreamedDocument):
    """An item of numbers."""

    n = IntField()
    f = FloatField()
    d = DecimalField(min_value=0)
    fs = ListField(FloatField())
    more = DictField()


NUMBERS = (
    *("1e400", "1e999999999", '"1e999999999"', '"1E-999999999"', '"sNaN"', '"Infinity"', "-0.0"),
    *("9" * 30, '"' + "9" * 100_000 + '"', "18446744073709551615", '"1_0"', '"\u0663"', "5e-324"),
    *("[1e308,1e308]", '{"a":1e308}', "0." + "0" * 300_000 + "1e300000"),
)


def test_an_odd_number_is_refused_or_shown(any_storage: Storage) -> None:
    """In every format, at once, and by every filter."""
    path = f"/{unique('n')}"
    filters = ("n", "n__gte", "f", "f__gte", "fs")
    said = {"model": Numbers, "path": path, "filters": filters}
    handler = type("N", (StreamHandler,), said)
    client = Client(Brubeck(streams=[handler], storage={"default": any_storage}))
    start = time.process_time()
    for name in Numbers._fields.keys() - StreamedDocument._fields.keys():
        for number in NUMBERS:
            body = f'{{"{name}":{number}}}'
            status = client.put(f"{path}/a", body=body, headers=JSON).status
            assert status < 500, body[:40]
            for shape in ("", ".csv", ".atom", ".ndjson") if status < 300 else ():
                assert client.get(f"{path}{shape}").status == 200
    for name in filters:
        for number in NUMBERS:
            query = number.strip('"')[:2000]
            assert client.get(f"{path}?{name}={query}").status in (200, 400)
    assert time.process_time() - start < 10
