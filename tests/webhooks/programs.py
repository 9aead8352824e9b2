"""Programs with webhooks in the process of a test, with users and what they receive."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.storage import Storage
from brubeck.streams import (
    AuthStreamHandler,
    SharedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client
from brubeck.timekeeping import SYSTEM_CLOCK, Clock
from brubeck.webhooks import Subscription, Webhooks

SCHEMES = (BearerAuth(), BasicAuth())


class Quake(StreamedDocument):
    """An earthquake."""

    _private_fields = ["note"]

    place = StringField()
    magnitude = FloatField()
    note = StringField()


class Quakes(StreamHandler):
    """What anyone may read."""

    model = Quake
    path = "/quakes"
    filters = ("magnitude__gte",)


class Page(SharedDocument):
    """A page of a journal."""

    text = StringField()


class Hooked:
    """A program with a stream and its webhooks at paths of its own, in any storage."""

    def __init__(
        self,
        storage: Storage | str = "memory://",
        base: Any = Quakes,
        clock: Clock = SYSTEM_CLOCK,
        **declared: Any,
    ) -> None:
        name = f"h{uuid4().hex[:8]}"
        path = declared.pop("source_path", f"/{name}")
        self.source: Any = type("Source", (base,), {"model": base.model, "path": path})
        given: dict[str, Any] = {
            "sources": (self.source,),
            "schemes": SCHEMES,
            "allow_private": True,
        }
        self.path = str(declared.get("path", f"/{name}-hooks"))
        given |= {"path": self.path, "retries": (0.01,)} | declared
        self.declaration: Any = type("Hooks", (Webhooks,), given)
        streams = [self.source, self.declaration]
        self.app = Brubeck(streams=streams, storage={"default": storage}, clock=clock)
        self.items = self.app.stream(self.source)
        self.hooks = self.app.stream(self.declaration)

    def user(self, name: str = "ella", scopes: tuple[str, ...] = ()) -> Client:
        """Return a client of a new user."""
        made = self.app.accounts.users.create(f"{name}{uuid4().hex[:8]}", scopes=scopes)
        token, _ = self.app.accounts.tokens.create(made)
        client = Client(self.app, {"Authorization": f"Bearer {token}"})
        client.user = made  # type: ignore[attr-defined]
        return client

    def subscribe(self, client: Client, url: str, **fields: Any) -> str:
        """Subscribe to the stream and return the id of the subscription."""
        body = {"url": url, "stream": self.source.path, **fields}
        answer = client.post(self.path, json=body)
        assert answer.status == 201, answer.json()
        return str(answer.json()["data"]["id"])

    def secret(self, client: Client, hook: str) -> str:
        """Return the secret of a subscription."""
        return str(client.get(f"{self.path}/{hook}/secret").json()["data"]["secret"])

    def stored(self, hook: str) -> Subscription:
        """Return a subscription with its private fields."""
        found = self.hooks.get(hook)
        assert isinstance(found, Subscription)
        return found

    def deliveries(self, client: Client) -> list[dict[str, Any]]:
        """Return the attempts that a user sees, the first one first."""
        answer = client.get(f"{self.path}/deliveries?order=oldest")
        return list(answer.json()["data"])


class Journal(AuthStreamHandler):
    """What each user has for itself."""

    model = Page
    path = "/journal"
    schemes = SCHEMES
    owned = True


class Bulletins(AuthStreamHandler):
    """What those with a scope read."""

    model = Quake
    path = "/bulletins"
    schemes = SCHEMES
    scopes = {"read": "bulletin:read"}
