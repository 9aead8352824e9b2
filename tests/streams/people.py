"""A protected stream, and people who come with their names."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from brubeck import Brubeck
from brubeck.auth import BadCredentials, Caller
from brubeck.dictshield.fields import StringField
from brubeck.storage import Storage
from brubeck.streams import AuthStreamHandler, SharedDocument
from brubeck.streams.context import Context
from brubeck.testing import Client, Reply

SSE = {"Accept": "text/event-stream"}


class Entry(SharedDocument):
    """An entry of a journal."""

    text = StringField()
    mood = StringField()


class Known(AuthStreamHandler):
    """Knows everybody by the name that they send; rights may be changed at any time."""

    rights: dict[str, frozenset[str]]

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller that the header names."""
        name = context.request.header("x-name")
        if name is None:
            return None
        if name not in self.rights:
            raise BadCredentials("There is no such person.")
        return Caller(name, name.title(), self.rights[name], f"name:{name}")


class World:
    """A program with one stream of journals, and everybody's client."""

    def __init__(self, storage: Storage, **declared: Any) -> None:
        self.rights = {name: frozenset({"r", "w"}) for name in ("ann", "bob", "eve")}
        attributes = {
            "model": Entry,
            "path": f"/journal-{uuid4().hex[:8]}",
            "owned": True,
            "filters": ("mood",),
            "scopes": {"read": "r", "write": "w"},
            "rights": self.rights,
        }
        attributes |= declared
        self.stream: type[AuthStreamHandler] = type("Journal", (Known,), attributes)
        self.path = self.stream.path
        self.app = Brubeck(streams=[self.stream], storage={"default": storage})

    def client(self, name: str | None) -> Client:
        """Return somebody's client; None says nothing."""
        return Client(self.app, {} if name is None else {"X-Name": name})

    def ask(self, name: str | None, method: str, rest: str = "", **options: Any) -> Reply:
        """Let somebody ask for something of the stream."""
        return self.client(name).request(method, f"{self.path}{rest}", **options)

    def write(self, name: str, **entry: Any) -> dict[str, Any]:
        """Let somebody write an entry, and return it."""
        reply = self.ask(name, "POST", json=entry)
        assert reply.status == 201, reply.text
        made: dict[str, Any] = reply.json()["data"]
        return made

    def ids(self, name: str, rest: str = "", **options: Any) -> list[str]:
        """Return the ids of what somebody sees on a page, the newest first."""
        return [each["id"] for each in self.ask(name, "GET", rest, **options).json()["data"]]

    def changes(self, name: str, rest: str = "/changes") -> dict[str, str]:
        """Return what somebody is told by changes: operations by id."""
        found = self.ask(name, "GET", rest).json()["data"]
        return {each["id"]: each["op"] for each in found}


def events(reply: Reply, until: str) -> list[dict[str, Any]]:
    """Return the events of an open feed up to the first of a kind."""
    found: list[dict[str, Any]] = []
    for chunk in reply.chunks():
        for frame in chunk.decode().split("\n\n"):
            event = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
            if "event" in event:
                found.append(event | {"data": msgspec.json.decode(event["data"])})
        if any(each["event"] == until for each in found):
            break
    return found
