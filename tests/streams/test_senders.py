"""An ``Idempotency-Key`` belongs to its sender, by each way of the program to know callers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Response
from brubeck.dictshield.fields import StringField
from brubeck.streams import AuthStreamHandler, StreamedDocument, StreamHandler
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.context import Context
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller

KEYS = {"key-a": "acme", "key-b": "bolt"}
OTHERS = (
    *("X-Request-Id", "Traceparent", "User-Agent", "Date", "X-Forwarded-For", "Accept-Encoding"),
    *("X-Varnish", "X-Amz-Cf-Id", "X-Azure-Ref", "X-Vercel-Id", "X-Unique-Id", "X-Timer", "Rtt"),
    *("X-Kong-Request-Id", "X-ARR-LOG-ID", "Fly-Request-Id", "Client-IP", "X-Goog-Api-Client"),
    *("X-Timestamp", "X-Nonce", "X-Signature", "X-Amz-Date", "X-CSRF-Token", "X-Retry", "B3"),
    *("X-Ms-Client-Request-Id", "X-Stripe-Client-Telemetry", "X-Client-Data", "Sec-CH-UA"),
)
"""The headers of proxies, traces, signatures and libraries, which differ between two tries."""
HEADERS = (
    *("X-Api-Key", "X-Org", "X-Client", "X-Email", "X-SSL-Client-DN", "X-Forwarded-User", "From"),
    *("X-Team-Id", "X-On-Behalf-Of", "Content-Tenant", "X-Auth-Request-Email", "X-Customer"),
    *("Authorization", "X-Amzn-Oidc-Identity", "X-Tenant-Id", "Host"),
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
    """Return a stream with an access class that knows tenants."""

    class Known(OpenAccess):
        def authenticate(self, context: Context, current_user: object) -> None:
            tenant(context, header)

    return type("Orders", (StreamHandler,), {"model": Order, "path": "/orders", "access": Known})


def by_resource(header: str) -> type[StreamHandler]:
    """Return a stream with a collection that knows tenants."""

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
    again = post(client, header, "key-a", **dict.fromkeys(OTHERS, "other"))
    assert again.json()["data"]["id"] == first.json()["data"]["id"]


@pytest.mark.parametrize("way", ["admit", "prepare"])
def test_a_session_is_a_sender_where_a_hook_reads_it(way: str) -> None:
    """Cookies of balancers and statistics change, and say nothing of their sender."""

    def ask(_self: object, context: Context) -> None:
        if context.get_cookie("session") not in ("5", "6"):
            raise Problem(403, "Nobody.")

    stream = type("Orders", (StreamHandler,), {"model": Order, "path": "/orders", way: ask})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    sent = [f"AWSALB={number}; session={each}; _ga=1" for number, each in enumerate("5654")]
    made = [post(client, "", "", Cookie=cookie, Origin="http://localhost") for cookie in sent]
    assert [each.status for each in made] == [201, 201, 201, 403]
    ids = [each.json()["data"]["id"] for each in made[:3]]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize("way", ["prepare", "after_change"])
def test_a_cookie_of_the_first_answer_makes_no_other_sender(way: str) -> None:
    """A request that is sent twice brings it the second time."""

    def begin(_self: object, context: Context, *_: object) -> None:
        context.set_cookie("session", "new")

    stream = type("Orders", (StreamHandler,), {"model": Order, "path": "/orders", way: begin})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    first, again = (post(client, "X-Anything", each) for each in "ab")
    assert first.json()["data"]["id"] == again.json()["data"]["id"]


def test_a_caller_that_is_known_may_act_for_others() -> None:
    """A gateway names a tenant; its credentials may be renewed between two tries."""

    class Orders(AuthStreamHandler):
        model = Order
        path = "/orders"
        schemes = (Badge(),)

        def before_create(self, context: Context, document: Any) -> None:
            document.tenant = tenant(context, "X-Tenant")

    client = Client(Brubeck(streams=[Orders], storage="memory://"), as_caller("gateway"))
    first, second = (post(client, "X-Tenant", key) for key in KEYS)
    assert [each.json()["data"]["tenant"] for each in (first, second)] == ["acme", "bolt"]
    again = post(client, "X-Tenant", "key-a", **{"X-Api-Key": "renewed"})
    assert again.json()["data"]["id"] == first.json()["data"]["id"]


def test_a_key_without_a_guard_is_that_of_everybody() -> None:
    """Where nobody is known, a request may be repeated with any headers."""
    stream = type("Orders", (StreamHandler,), {"model": Order, "path": "/orders"})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    first, second = (post(client, "X-Anything", key) for key in KEYS)
    assert first.json()["data"]["id"] == second.json()["data"]["id"]
