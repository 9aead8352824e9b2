"""Messages: what is sent, to whom, and when again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from brubeck.storage import Storage
from brubeck.webhooks import deliver
from tests.webhooks.programs import Bulletins, Hooked, Journal
from tests.webhooks.receiver import Answer, Received, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving() as found:
        yield found


def ops(received: list[Received]) -> list[tuple[str, str]]:
    """Return the kind and the item of each change."""
    return [(each.json["data"]["op"], each.json["data"]["id"]) for each in received]


def test_changes_are_sent_in_order_and_signed(any_storage: Storage, receiver: Receiver) -> None:
    """As in the changes of the stream, without private fields."""
    hooked = Hooked(any_storage)
    ella = hooked.user()
    hooked.items.insert({"place": "before"})
    hook = hooked.subscribe(ella, receiver.url("/a?key=1"))
    secret = hooked.secret(ella, hook)
    first = hooked.items.insert({"place": "Ely", "note": "private"})
    second = hooked.items.insert({"place": "Hilo"})
    assert deliver(hooked.app) == 2
    hooked.items.update(first.id, {"place": "Ely, NV"})
    hooked.items.delete(second.id)
    assert deliver(hooked.app) == 2
    assert deliver(hooked.app) == 0
    received = receiver.at("/a?key=1")
    assert ops(received) == [
        *(("put", first.id), ("put", second.id)),
        *(("put", first.id), ("delete", second.id)),
    ]
    for each in received:
        each.verify(secret)
        assert "private" not in each.body.decode()
        assert each.json["stream"] == hooked.source.path
        assert each.headers["content-type"] == "application/json"
    assert len({each.id for each in received}) == 4
    name = hooked.source.path.strip("/")
    types = [each.json["type"] for each in received]
    assert types == [*[f"{name}.put"] * 3, f"{name}.delete"]
    changes = ella.get(f"{hooked.source.path}/changes?after=0").json()["data"]
    assert [each.json["data"] for each in received[2:]] == changes[-2:]
    deliveries = hooked.deliveries(ella)
    assert [each["webhook_id"] for each in deliveries] == [each.id for each in received]
    assert {each["outcome"] for each in deliveries} == {"delivered"}


def test_a_subscription_has_filters_and_kinds_of_changes(receiver: Receiver) -> None:
    """And may begin with what is there."""
    hooked = Hooked()
    ella = hooked.user()
    strong = hooked.items.insert({"magnitude": 6})
    hooked.items.insert({"magnitude": 2})
    url, fields = receiver.url(), {"start": "beginning", "query": "magnitude__gte=5"}
    hook = hooked.subscribe(ella, url, **fields)
    only = hooked.subscribe(ella, receiver.url("/deleted"), events=["delete"], **fields)
    assert deliver(hooked.app) == 1
    hooked.items.delete(strong.id)
    assert deliver(hooked.app) == 2
    assert ops(receiver.at("/")) == [("put", strong.id), ("delete", strong.id)]
    assert ops(receiver.at("/deleted")) == [("delete", strong.id)]
    assert hook != only


def test_in_an_owned_stream_a_subscriber_gets_its_own(
    any_storage: Storage, receiver: Receiver
) -> None:
    """And what is shared with it, until it is no more."""
    hooked = Hooked(any_storage, base=Journal)
    ella, joe = hooked.user(), hooked.user("joe")
    for client, path in ((ella, "/ella"), (joe, "/joe")):
        hooked.subscribe(client, receiver.url(path))
    joe_id = joe.user.id  # type: ignore[attr-defined]
    page = ella.post(hooked.source.path, json={"text": "mine"}).json()["data"]["id"]
    deliver(hooked.app)
    assert ops(receiver.at("/ella")) == [("put", page)]
    assert receiver.at("/joe") == []
    ella.patch(f"{hooked.source.path}/{page}", json={"readers": [joe_id]})
    deliver(hooked.app)
    ella.patch(f"{hooked.source.path}/{page}", json={"readers": []})
    ella.patch(f"{hooked.source.path}/{page}", json={"text": "mine alone"})
    deliver(hooked.app)
    assert ops(receiver.at("/joe")) == [("put", page), ("delete", page)]
    assert b"mine alone" not in b"".join(each.body for each in receiver.at("/joe"))
    assert {each["subscription"] for each in hooked.deliveries(joe)} != {
        each["subscription"] for each in hooked.deliveries(ella)
    }


def test_each_subscription_has_one_partition(receiver: Receiver) -> None:
    """Those of others are not in it."""
    hooked = Hooked(source_path="/users/<name>/quakes")
    ella = hooked.user()
    hooked.subscribe(ella, receiver.url(), partition="ann")
    hooked.items.insert({"place": "Ely"}, partition="ann")
    hooked.items.insert({"place": "Hilo"}, partition="bob")
    assert deliver(hooked.app) == 1
    assert receiver.received[0].json["type"] == "users.quakes.put"
    assert receiver.received[0].json["stream"] == "/users/ann/quakes"


@pytest.mark.parametrize("loses", ["scope", "account"])
def test_who_has_lost_the_right_gets_nothing_more(receiver: Receiver, loses: str) -> None:
    """The subscription is disabled, and says why."""
    hooked = Hooked(base=Bulletins)
    ella = hooked.user("ella", ("bulletin:read",))
    hook, user = hooked.subscribe(ella, receiver.url()), ella.user  # type: ignore[attr-defined]
    hooked.items.insert({"place": "Ely"})
    assert deliver(hooked.app) == 1
    if loses == "scope":
        hooked.app.accounts.users.set_scopes(user.username, [])
    else:
        hooked.app.accounts.users.remove(user.username)
    hooked.items.insert({"place": "Hilo"})
    assert deliver(hooked.app) == 0
    stored = hooked.stored(hook)
    assert stored.paused
    assert stored.disabled_at
    assert "no right to read" in (stored.last_error or "")
    assert len(receiver.received) == 1


def test_a_rule_of_the_program_decides(receiver: Receiver) -> None:
    """When the subscription is made and whenever messages are sent."""
    allowed = ["ann"]

    def may_subscribe(_self: Any, _app: Any, _caller: Any, _stream: Any, partition: str) -> bool:
        return partition in allowed

    hooked = Hooked(source_path="/users/<name>/quakes", may_subscribe=may_subscribe)
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url(), partition="ann")
    body = {"url": receiver.url(), "stream": hooked.source.path, "partition": "bob"}
    assert ella.post(hooked.path, json=body).status == 403
    hooked.items.insert({"place": "Ely"}, partition="ann")
    allowed.clear()
    assert deliver(hooked.app) == 0
    assert hooked.stored(hook).disabled_at


def test_both_secrets_sign_for_a_day_after_a_rotation(receiver: Receiver) -> None:
    """So that a receiver may change its own in between."""
    hooked = Hooked()
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url())
    old = hooked.secret(ella, hook)
    answer = ella.post(f"{hooked.path}/{hook}/rotate")
    new = answer.json()["data"]["secret"]
    assert new == hooked.secret(ella, hook) != old
    assert answer.headers["Cache-Control"] == "no-store"
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    for secret in (old, new):
        receiver.received[0].verify(secret)
    hooked.hooks.update(hook, {"previous_until": 1})
    hooked.items.insert({"place": "Hilo"})
    deliver(hooked.app)
    receiver.received[1].verify(new)
    with pytest.raises(Exception, match="No matching signature"):
        receiver.received[1].verify(old)


def test_a_test_is_sent_once_also_to_a_paused_subscription(receiver: Receiver) -> None:
    """Its failure counts for nothing."""
    hooked = Hooked()
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url(), paused=True)
    secret = hooked.secret(ella, hook)
    receiver.answer = lambda _: 500
    answer = ella.post(f"{hooked.path}/{hook}/test")
    assert answer.status == 202
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    deliver(hooked.app)
    (received,) = receiver.received
    received.verify(secret)
    assert received.id == answer.json()["data"]["webhook_id"]
    assert received.json["type"] == "webhook.test"
    (delivery,) = hooked.deliveries(ella)
    assert (delivery["outcome"], delivery["status"]) == ("failed", 500)
    assert hooked.stored(hook).failures is None
    receiver.answer = lambda _: 204
    ella.patch(f"{hooked.path}/{hook}", json={"paused": False})
    assert deliver(hooked.app) == 1


def test_changes_since_a_time_come_again(any_storage: Storage, receiver: Receiver) -> None:
    """With the same ids and bodies; and what has not come can be left out."""
    hooked = Hooked(any_storage)
    ella = hooked.user()
    hook = hooked.subscribe(ella, receiver.url())
    for place in ("Ely", "Hilo"):
        hooked.items.insert({"place": place})
    assert deliver(hooked.app) == 2
    path = f"{hooked.path}/{hook}/redeliver"
    assert ella.post(path, json={"since": 0}).status == 202
    assert deliver(hooked.app) >= 2
    again = {each.id: each.body for each in receiver.received[2:]}
    assert again == {each.id: each.body for each in receiver.received[:2]}
    hooked.items.insert({"place": "Lima"})
    assert ella.post(path, json={"since": "now"}).status == 202
    assert deliver(hooked.app) == 0


def test_a_lost_place_is_reported_and_everything_comes_again(
    any_storage: Storage, receiver: Receiver
) -> None:
    """By a message of its own: deletions may have been forgotten."""
    hooked = Hooked(any_storage)
    hook = hooked.subscribe(hooked.user(), receiver.url(), start="beginning")
    kept = hooked.items.insert({"place": "kept"})
    assert deliver(hooked.app) == 1
    gone = hooked.items.insert({"place": "gone"})
    hooked.items.delete(gone.id)
    records = hooked.items.records()
    records.purge(records.head().position)
    receiver.answer = lambda request: 204 if len(receiver.received) > 1 else 500
    deliver(hooked.app)
    hooked.hooks.update(hook, {"next_attempt_at": None})
    assert deliver(hooked.app) == 2
    first, second, third = receiver.received[1:]
    assert first.json["data"] == {"op": "reset"}
    assert first.id == second.id
    assert ops([third]) == [("put", kept.id)]


def test_what_a_receiver_answers_is_shown_to_the_owner_in_short(receiver: Receiver) -> None:
    """Not to others, and no more than it may be long."""
    hooked = Hooked()
    ella = hooked.user()
    hooked.subscribe(ella, receiver.url())
    text = json.dumps("x" * 100_000).encode()
    receiver.answer = lambda _: (422, {}, b"\0\xff" + text)
    hooked.items.insert({"place": "Ely"})
    deliver(hooked.app)
    (delivery,) = hooked.deliveries(ella)
    assert delivery["status"] == 422
    assert delivery["error"] == "The receiver answered 422."
    assert 400 < len(delivery["answer"]) <= 500
    assert hooked.deliveries(hooked.user("joe")) == []


def test_no_redirect_is_followed(receiver: Receiver) -> None:
    """It could lead anywhere."""
    hooked = Hooked()
    hook = hooked.subscribe(hooked.user(), receiver.url("/from"))
    moved: Answer = (307, {"Location": receiver.url("/to")}, b"")
    receiver.answer = lambda _: moved
    hooked.items.insert({"place": "Ely"})
    assert deliver(hooked.app) == 0
    assert [each.path for each in receiver.received] == ["/from"]
    assert hooked.stored(hook).last_error == "The receiver answered 307."
