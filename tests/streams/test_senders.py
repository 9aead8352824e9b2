"""An ``Idempotency-Key`` is its sender's, however the program knows who sends a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Response
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.context import Context
from brubeck.testing import Client

KEYS = {"key-a": "acme", "key-b": "bolt"}
HEADERS = (
    *("X-Api-Key", "X-Org", "X-Client", "X-Email", "X-SSL-Client-DN", "X-Forwarded-User", "From"),
    *("Authorization", "Cookie", "X-Amzn-Oidc-Identity", "X-Tenant-Id", "Host"),
)


class Order(StreamedDocument):
    """An order of a tenant."""

    text = StringField()
    tenant = StringField()


def tenant(context: Context, header: str) -> str:
    """Return the tenant that a header names; 403 for any other."""
    found = context.request.header(header) or ""
    if found not in KEYS:
        raise Problem(403, "Nobody.")
    return KEYS[found]


def by_hook(name: str) -> Callable[[str], type[StreamHandler]]:
    """Return a maker of streams that know tenants in a hook."""

    def make(header: str) -> type[StreamHandler]:
        def ask(_self: object, context: Context, *documents: Any) -> None:
            owner = tenant(context, header)
            if name == "before_create":
                documents[0].tenant = owner

        return type("Orders", (StreamHandler,), {"model": Order, "path": "/orders", name: ask})

    return make


def by_access(header: str) -> type[StreamHandler]:
    """Return a stream whose access class knows tenants."""

    class Known(OpenAccess):
        def authenticate(self, context: Context, current_user: object) -> None:
            tenant(context, header)

    return type("Orders", (StreamHandler,), {"model": Order, "path": "/orders", "access": Known})


def by_resource(header: str) -> type[StreamHandler]:
    """Return a stream whose collection knows tenants."""

    class Known(Collection):
        def post(self) -> Response:
            tenant(self.context, header)
            return super().post()

    return type(
        "Orders", (StreamHandler,), {"model": Order, "path": "/orders", "collection": Known}
    )


WAYS: dict[str, Callable[[str], type[StreamHandler]]] = {
    **{name: by_hook(name) for name in ("admit", "prepare", "before_create")},
    "access": by_access,
    "resource": by_resource,
}


def post(client: Client, header: str, key: str, **more: str) -> Any:
    """Send an order with an idempotency key."""
    sent = {"Idempotency-Key": "1", **({header: key} if key else {}), **more}
    return client.post("/orders", json={"text": "coffee"}, headers=sent)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_that_of_its_sender(way: str, header: str) -> None:
    """The second tenant got the order of the first one, and its own was never made."""
    client = Client(Brubeck(streams=[WAYS[way](header)], storage="memory://"))
    stranger = post(client, header, "")  # who would have the refusal recorded for everybody
    first, second = (post(client, header, key) for key in KEYS)
    assert (stranger.status, first.status, second.status) == (403, 201, 201)
    assert first.json()["data"]["id"] != second.json()["data"]["id"]
    assert post(client, header, "").status == 403
    again = post(
        client,
        header,
        "key-a",
        **{"X-Request-Id": "7", "Traceparent": "00-1-1-01", "User-Agent": "other", "Date": "now"},
        **{"X-Forwarded-For": "10.0.0.9", "Accept-Encoding": "gzip", "Retry-Count": "1"},
    )
    assert again.json()["data"]["id"] == first.json()["data"]["id"]


def test_a_key_without_a_guard_is_that_of_everybody() -> None:
    """Where nobody is known, a request may be repeated with any headers."""
    stream = type("Orders", (StreamHandler,), {"model": Order, "path": "/orders"})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    first, second = (post(client, "X-Anything", key) for key in KEYS)
    assert first.json()["data"]["id"] == second.json()["data"]["id"]
