"""The number of subscriptions of a caller, which many requests at once went past."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from brubeck.auth import Caller
from brubeck.consumers.stopping import Stop
from brubeck.http import Problem
from brubeck.storage import PageQuery, Storage
from brubeck.streams import Context, StreamedDocument
from brubeck.streams.imports import MAX_BATCH
from brubeck.testing import Client
from brubeck.webhooks import Webhooks
from brubeck.webhooks.dispatcher import Dispatcher
from tests.webhooks.programs import Hooked

REQUESTS = 6
OF_EACH = 7
MOST = 10


def subscriptions(hooked: Hooked, number: int) -> list[dict[str, Any]]:
    """Return the bodies of some subscriptions."""
    return [{"url": "http://127.0.0.1:9/", "stream": hooked.source.path}] * number


def stored(hooked: Hooked) -> int:
    """Return how many subscriptions there are."""
    return hooked.hooks.records().count(PageQuery(limit=1000)).total


def test_many_requests_at_once_make_no_more_subscriptions_than_one(any_storage: Storage) -> None:
    """Each of them counted before the others had written: there was no limit at all."""
    together = threading.Barrier(REQUESTS)
    asked = threading.local()

    def may_subscribe(*_: object) -> bool:
        if not hasattr(asked, "once"):  # all are about to count
            asked.once = together.wait(20)
        return True

    hooked = Hooked(any_storage, max_subscriptions=MOST, may_subscribe=may_subscribe)
    user = hooked.user()

    def subscribe(_: int) -> int:
        made = user.post(hooked.path, json=subscriptions(hooked, OF_EACH)).json()["data"]
        return sum(each["status"] == 201 for each in made)

    with ThreadPoolExecutor(REQUESTS) as pool:
        made = sum(pool.map(subscribe, range(REQUESTS)))
    assert made == stored(hooked) == MOST


def test_an_import_makes_no_more_subscriptions_than_a_list() -> None:
    """It counts again where another request may have come between: after each of its batches."""
    hooked = Hooked(max_subscriptions=MOST)
    user = hooked.user()
    line = b'{"url":"http://127.0.0.1:9/","stream":"%b"}\n' % hooked.source.path.encode()
    headers = {"Content-Type": "application/x-ndjson"}
    body = line * (MOST - 2) + b"{}\n" * MAX_BATCH + line * 5
    answer = user.post(hooked.path, body=body, headers=headers)
    assert answer.body.count(b'"status":201') == stored(hooked) == MOST
    assert user.delete(f"{hooked.path}/{any_id(hooked)}").status == 204
    assert post_one(hooked, user) == 201, "the lease is released when the import has ended"


def any_id(hooked: Hooked) -> str:
    """Return the id of a subscription."""
    return hooked.hooks.records().page(PageQuery(limit=1)).records[0].id


def before_create(self: Webhooks, context: Context, document: StreamedDocument) -> None:
    """Refuse a subscription that is counted already."""
    Webhooks.before_create(self, context, document)
    if str(document["url"]).endswith("/refused"):
        raise Problem(422, "not here")


def nothing(*_: object) -> None:
    """Stand in the place of a hook, without a call of the one of `Webhooks`."""


@pytest.mark.parametrize("by", ["request", "program"])
@pytest.mark.parametrize("path", ["/", "/refused"])
def test_the_lease_ends_with_the_work_that_took_it(by: str, path: str) -> None:
    """Hooks released it: overridden ones, and refused subscriptions, kept it for seconds."""
    hooked = Hooked(before_create=before_create, after_change=nothing, on_finish=nothing)
    user = hooked.user()
    new = {"url": f"http://127.0.0.1:9{path}", "stream": hooked.source.path}
    if by == "request":
        user.post(hooked.path, json=new)
    else:
        caller = Caller(user.user.id)  # type: ignore[attr-defined]  # set there
        hooked.hooks.insert_many([new], owner=caller)
    assert hooked.app.store().attempt(lease_of(hooked, user), b"", b"", lease=9, keep=9).ours


def lease_of(hooked: Hooked, client: Client) -> str:
    """Return the name of the lease on the count of a caller's subscriptions."""
    return f'subscriptions ["{hooked.path}","{client.user.id}"]'  # type: ignore[attr-defined]  # set there


def test_a_request_waits_for_another_one_of_its_caller_alone() -> None:
    """One that was killed holds up its caller for the time of a lease, and nobody else."""
    hooked = Hooked()
    ann, bob = hooked.user("ann"), hooked.user("bob")
    named = lease_of(hooked, ann)
    hooked.app.store().attempt(named, b"", b"", lease=60, keep=60)
    refused = ann.post(hooked.path, json=subscriptions(hooked, 3))
    assert [each["status"] for each in refused.json()["data"]] == [409] * 3
    assert post_one(hooked, bob) == 201
    hooked.app.store().conclude(named, None)
    assert post_one(hooked, ann) == post_one(hooked, ann) == 201


def post_one(hooked: Hooked, client: Client) -> int:
    """Return the status of a subscription."""
    return client.post(hooked.path, json=subscriptions(hooked, 1)[0]).status


def test_a_subscription_that_is_deleted_leaves_nothing_behind() -> None:
    """Subscriptions with failed receivers were remembered for the life of the process."""
    hooked = Hooked(timeout=1.0)
    user = hooked.user()
    hook = hooked.subscribe(user, "http://127.0.0.1:9/", start="beginning")
    hooked.items.insert({"place": "Ely"})
    sending = Dispatcher(hooked.app, hooked.declaration, Stop())
    sending.follow()
    ((item_id, head),) = sending.due().items()
    sending.begin_turn(item_id)
    assert sending.take_turn(item_id, head)[0] == "failed"
    assert hook in sending._not_before
    assert user.delete(f"{hooked.path}/{hook}").status == 204
    sending.follow()
    assert (sending._not_before, sending._last, sending._known) == ({}, {}, {})
