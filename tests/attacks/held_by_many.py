"""A program of its own, on green threads: how long many things at once leave others no turn.

Each measurement prints the longest hold of one way to make the server do much for one request; see
`tests.attacks.held` for one large item.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from tempfile import TemporaryFile

from brubeck import green

green.patch("eventlet")

from brubeck import Brubeck, StreamedDocument, StreamHandler  # noqa: E402, it is patched first
from brubeck.auth import SignatureAuth  # noqa: E402
from brubeck.auth.signed_messages import signed_headers  # noqa: E402
from brubeck.autoapi import AutoAPIBase  # noqa: E402
from brubeck.dictshield.document import Document, EmbeddedDocument  # noqa: E402
from brubeck.dictshield.fields import (  # noqa: E402
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
)
from brubeck.http import Headers, Request  # noqa: E402
from brubeck.http.proxies import Client as Caller  # noqa: E402
from brubeck.storage import Put  # noqa: E402
from brubeck.streams import AuthStreamHandler, Context, OwnedDocument  # noqa: E402
from brubeck.testing import Client, Reply  # noqa: E402
from tests.attacks.people import JSON, Badge, as_caller  # noqa: E402
from tests.neighbours import let_others_run, longest_hold, neighbour  # noqa: E402

PARTS = b'"parts":[' + b",".join([b"{}"] * 30_000) + b"]"
POLLS = 3000
IDS = ",".join(f"d{number}" for number in range(100))


class Part(EmbeddedDocument):
    """A part of an item."""

    a = StringField()
    n = IntField()


class Item(OwnedDocument):
    """An item that takes long to decode."""

    parts = ListField(EmbeddedDocumentField(Part))


class Note(StreamedDocument):
    """A short item."""

    text = StringField()


class Notes(StreamHandler):
    """A public stream of short items."""

    model = Note
    path = "/notes"


class Signed(AuthStreamHandler):
    """A stream for those who sign their requests."""

    model = Note
    path = "/signed"
    schemes = (SignatureAuth(),)


class Paper(Document):
    """A document that takes long to decode."""

    id = StringField(max_length=40)
    parts = ListField(EmbeddedDocumentField(Part))


class Papers(AutoAPIBase):
    """Documents by number."""

    model = Paper


class Owned(AuthStreamHandler):
    """A stream in which owners alone change their items."""

    model = Item
    path = "/owned"
    schemes = (Badge(),)


class Hooked(StreamHandler):
    """A stream whose hook sees what is deleted."""

    model = Item
    path = "/hooked"

    def before_delete(self, context: Context, stored: StreamedDocument) -> None:
        """Let it happen."""


def fill(client: Client, declared: type[StreamHandler]) -> None:
    """Store items of 90 kB, as if their owner had sent them one by one."""
    records = client.application.stream(declared).records()
    for number in range(100):
        body = b'{"id":"d%d","created_at":1,"updated_at":1,"owner_id":"ann",%b}'
        put = Put(id=f"d{number}", created_at=1, body=body % (number, PARTS), token=f"t{number}")
        records.write([put])


def deleting(declared: type[StreamHandler]) -> float:
    """Return the hold of a deletion of a hundred items."""
    client = Client(Brubeck(streams=[declared], storage="memory://"))
    fill(client, declared)
    headers = as_caller("ann")
    return holding(lambda: client.delete(f"{declared.path}/{IDS}", headers=headers))


def serving(method: str, ids: str) -> float:
    """Return the hold of an AutoAPI that reads or destroys documents."""
    app = Brubeck(storage="memory://")
    app.register_api(Papers, "/papers")
    client = Client(app)
    for number in range(10):
        parts = b",".join([b"{}"] * 100_000)
        body = b'{"id":"d%d","parts":[%b]}' % (number, parts)
        assert client.put(f"/papers/d{number}", body=body, headers=JSON).status == 201
    return holding(lambda: client.request(method, f"/papers{ids}"))


def holding(work: Callable[[], Reply]) -> float:
    """Return the longest hold of a request that succeeds."""
    replies: list[Reply] = []
    with neighbour() as turns:
        hold = longest_hold(turns, lambda: replies.append(work()))
    assert replies[0].status in (200, 201, 207), replies[0].body
    return hold


def waking() -> float:
    """Return the hold of a write for which thousands wait."""
    app = Brubeck(streams=[Notes], storage="memory://")
    client = Client(app)
    client.post("/notes", json={"text": "first"})
    newest = client.get("/notes").json()["paging"]["changes"]
    answered: list[int] = []

    def poll() -> None:
        request = Request("GET", f"{newest}&wait=60", Headers({"Host": "localhost"}), b"")
        answered.append(app.respond(request).status)

    def write() -> Reply:
        reply = client.post("/notes", json={"text": "second"})
        while len(answered) < POLLS:
            let_others_run()
        return reply

    for _ in range(POLLS):
        green.spawn(poll)
    waiting = app.stream(Notes).records()._written  # type: ignore[attr-defined]  # of the memory
    while waiting._waiting < POLLS:
        let_others_run()
    assert not answered
    return holding(write)


def keyed() -> float:
    """Return the hold of a request whose long answer is kept."""
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    texts = [random.Random(number).randbytes(390_000).hex() for number in range(5)]
    body = json.dumps([{"text": text} for text in texts]).encode()
    headers = JSON | {"Idempotency-Key": "k"}
    return max(holding(lambda: client.post("/notes", body=body, headers=headers)) for _ in "12")


def signing() -> float:
    """Return the hold of a request whose digest is that of a body of 64 MiB."""
    app = Brubeck(streams=[Signed], storage="memory://")
    user = app.accounts.users.create("ann", scopes=[])
    key = app.accounts.keys.create(user)
    body = b"x" * (64 << 20)
    url = "http://localhost/signed"
    headers = signed_headers(
        *("POST", url, body),
        key_id=key.id,
        secret=key.secret,
        created=int(app.clock.micros() / 1e6),
        nonce="n",
    )
    given = Headers({"Host": "localhost", "Content-Type": "application/x-ndjson", **headers})
    replies = []
    with TemporaryFile() as file, neighbour() as turns:
        file.write(body)
        request = Request("POST", "/signed", given, file, client=Caller("", "http"))
        hold = longest_hold(turns, lambda: replies.append(app.respond(request)))
    assert replies[0].status == 200
    return hold


MEASURED: dict[str, Callable[[], float]] = {
    "DELETE by an owner": lambda: deleting(Owned),
    "DELETE with a hook": lambda: deleting(Hooked),
    "a write that thousands wait for": waking,
    "an answer that is kept": keyed,
    "the digest of a body": signing,
    "AutoAPI, all": lambda: serving("GET", ""),
    "AutoAPI, several": lambda: serving("GET", "/" + IDS),
    "AutoAPI, DELETE": lambda: serving("DELETE", "/" + IDS),
}

if __name__ == "__main__":
    print(json.dumps({name: measure() for name, measure in MEASURED.items()}))
