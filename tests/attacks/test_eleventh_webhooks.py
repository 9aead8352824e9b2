"""Webhooks: one owner's receivers that hang, guards of the subscriptions, and odd requests."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.auth import Caller
from brubeck.consumers.stopping import Stop
from brubeck.errors import ConfigError
from brubeck.storage import PageQuery
from brubeck.streams import Context, StreamHandler
from brubeck.streams.access import ProtectedAccess
from brubeck.testing import Client
from brubeck.webhooks import Webhooks, dispatcher
from brubeck.webhooks.addresses import Refused, parse_url, resolve
from brubeck.webhooks.connection import WebhooksConnection
from brubeck.webhooks.dispatcher import Dispatcher
from tests.attacks.people import JSON, Badge, as_caller
from tests.servers import wait_until
from tests.webhooks.programs import Hooked, Quakes
from tests.webhooks.receiver import receiving

TURNS = 8


def test_hanging_receivers_of_one_owner_hold_up_no_other_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many subscriptions as there are turns took all of them, each for the whole timeout."""
    monkeypatch.setattr(dispatcher, "MAX_TURNS", TURNS)
    hooked = Hooked(f"sqlite:///{tmp_path}/h.db", timeout=60.0)
    ella, joe, free = hooked.user(), hooked.user("joe"), threading.Event()
    with receiving() as receiver:
        receiver.answer = lambda request: (
            204 if request.path == "/joe" or free.wait(60) else 500  # the end of the test sets it
        )
        for number in range(2 * TURNS):
            hooked.subscribe(ella, receiver.url(f"/{number}"))
        hooked.subscribe(joe, receiver.url("/joe"))
        connection = WebhooksConnection(hooked.app)
        serving = threading.Thread(target=connection.serve)
        serving.start()
        try:
            for place in ("Ely", "Hilo"):
                hooked.items.insert({"place": place})
                count = {"Ely": 1, "Hilo": 2}[place]
                wait_until(lambda count=count: len(receiver.at("/joe")) == count)  # type: ignore[misc]  # of a default
            assert {each.path for each in receiver.received} == {"/joe"}
        finally:
            free.set()
            connection.stop()
            serving.join(30)
            hooked.app.close()
    assert not serving.is_alive()


def test_a_query_that_nothing_meets_ends_its_turn() -> None:
    """Its turn lasted until all items were looked at, and neither others nor a stop ended it."""
    hooked = Hooked()
    hooked.subscribe(
        hooked.user(), "http://127.0.0.1:9/", query="magnitude__gte=9", start="beginning"
    )
    hooked.items.insert_many([{"magnitude": 1.0}] * 20_000)
    sending = Dispatcher(hooked.app, hooked.declaration, Stop())
    sending.follow()
    states: list[str] = []
    while not states or states[-1] == "more":
        ((item_id, head),) = sending.due().items()
        sending.begin_turn(item_id, 0.0)
        states.append(sending.take_turn(item_id, head)[0])
    assert states[-1] == "idle"
    assert len(states) > 2


# Guards of the subscriptions.


class Refusing(ProtectedAccess):
    """An access that lets nobody in."""

    def authenticate(self, context: Context, current_user: Any) -> None:
        """Refuse."""
        raise Problem(403)


class Admitting:
    """A mixin with a guard that uses a method of its own, and `super`."""

    def admit(self, context: Context) -> None:
        """Refuse those without a second badge."""
        super().admit(context)  # type: ignore[misc]  # a mixin of streams
        self.check(context.request.header("x-second"))

    def check(self, second: str | None) -> None:
        """Refuse those who have none."""
        if second is None:
            raise Problem(403)


def refuse(_self: Any, _context: Context) -> None:
    """Refuse anybody, as ``prepare`` or ``admit``."""
    raise Problem(403)


def nobody(_self: Any, _context: Context) -> Caller | None:
    """Return no caller."""
    raise Problem(403)


def decorated(**attributes: Any) -> type[Webhooks]:
    """Return webhooks to which a decorator has given attributes."""
    declared = webhooks()
    for name, value in attributes.items():
        setattr(declared, name, value)
    return declared


def webhooks(*bases: type, **attributes: Any) -> type[Webhooks]:
    """Return webhooks with a guard."""
    given = {"sources": (Quakes,), "schemes": (Badge(),), "may_subscribe": lambda *_: True}
    return type("Hooks", (*bases, Webhooks), given | attributes)


GUARDED: dict[str, Callable[[], type[StreamHandler]]] = {
    "admit": lambda: webhooks(admit=refuse),
    "prepare": lambda: webhooks(prepare=refuse),
    "get_current_user": lambda: webhooks(get_current_user=nobody),
    "access": lambda: webhooks(access=Refusing),
    "mixin": lambda: webhooks(Admitting),
    "base": lambda: type("Derived", (webhooks(admit=refuse),), {}),
    "decorator": lambda: decorated(admit=refuse),
    "access of a decorator": lambda: decorated(access=Refusing),
}


@pytest.mark.parametrize("kind", GUARDED)
def test_who_is_refused_by_the_subscriptions_is_refused_by_their_deliveries(kind: str) -> None:
    """A stream that is made with a class was guarded by none of the class's own guards."""
    client = Client(Brubeck(streams=[Quakes, GUARDED[kind]()], storage="memory://"))
    for path in ("", "/changes", "/x", "/x/secret", "/deliveries", "/deliveries/changes"):
        assert client.get(f"/webhooks{path}", headers=as_caller("ann")).status == 403, path


class Deciding:
    """A mixin with a rule for subscriptions."""

    def may_subscribe(self, *_: object) -> bool:
        """Refuse all."""
        return False


def test_a_rule_for_subscriptions_of_a_mixin_that_stands_behind_is_refused() -> None:
    """It was never asked, and whoever may read could subscribe."""
    given = {"sources": (Quakes,), "schemes": (Badge(),)}
    with pytest.raises(ConfigError, match="may_subscribe is hidden by Webhooks"):
        type("Hooks", (Webhooks, Deciding), given)
    type("Hooks", (Deciding, Webhooks), given)


def test_a_guard_with_methods_of_its_own_lets_in_whom_it_should() -> None:
    """It is asked as an object of its own class."""
    client = Client(Brubeck(streams=[Quakes, webhooks(Admitting)], storage="memory://"))
    headers = as_caller("ann") | {"X-Second": "yes"}
    for path in ("", "/deliveries"):
        assert client.get(f"/webhooks{path}", headers=headers).status == 200


def test_the_rate_of_the_subscriptions_is_that_of_their_deliveries() -> None:
    """They could be asked for without a limit."""
    client = Client(Brubeck(streams=[Quakes, webhooks(rate="2/hour")], storage="memory://"))
    paths = ["/webhooks/deliveries"] * 3
    statuses = [client.get(path, headers=as_caller("ann")).status for path in paths]
    assert statuses == [200, 200, 429]


async def later() -> bool:
    """Return no, when somebody waits for it."""
    return False


def piecemeal() -> Iterator[bool]:
    """Yield no."""
    yield False


@pytest.mark.parametrize("value", [later, piecemeal])
def test_a_right_to_subscribe_that_is_no_yes_makes_no_subscription(
    value: Callable[[], object],
) -> None:
    """It was taken for one until the first message."""
    hooked = Hooked(may_subscribe=lambda *_: value())
    body = {"url": "http://127.0.0.1:9/", "stream": hooked.source.path}
    assert hooked.user().post(hooked.path, json=body).status == 500
    assert hooked.hooks.records().page(PageQuery(limit=1)).records == []


# Addresses.


@pytest.mark.parametrize(
    "host",
    [
        *("[::ffff:0:127.0.0.1]", "[::ffff:0:a00:1]"),  # IPv4-translated (RFC 7915)
        *("[5f00::1]", "[3fff::1]", "[100:0:0:1::1]"),  # not for hosts (RFC 9602, 9637, 9780)
        *("[::ffff:7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:a00:1::]", "[fe80::1%25eth0]"),
        *("0x7f.1", "2130706433", "127.1", "0177.0.0.1", "localhost.", "LOCALHOST"),
        *("metadata.google.internal", "a@127.0.0.1", "127.0.0.1\\@example.org"),
    ],
)
def test_no_odd_spelling_of_an_address_leads_inside(host: str) -> None:
    """Nor is an address public that no host on the internet has."""
    try:
        target = parse_url(f"https://{host}/", allow_private=False)
    except Refused:
        return
    # A name of digits is resolved like any other, and checked then.
    with pytest.raises((Refused, OSError)):
        resolve(target, allow_private=False)


# The forms of the actions.


@pytest.mark.parametrize("action", ["secret", "rotate", "test", "redeliver"])
@pytest.mark.parametrize(
    "item_id", ["", ".", "..", "deliveries", "changes", "a/secret", "a%2fsecret", "a?x=1", "a,b"]
)
def test_a_form_with_an_odd_id_acts_on_nothing(action: str, item_id: str) -> None:
    """It becomes a request to a path, which is that of an item and of no other resource."""
    hooked = Hooked(schemes=(Badge(),), may_subscribe=lambda *_: True)
    client = Client(hooked.app, as_caller("ann"))
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    form = {"action": action, "id": item_id, "item.since": "now"}
    assert client.post(hooked.path, form=form, headers=headers).status in (404, 405)


@pytest.mark.parametrize(
    "since", ["9" * 4000, "1e400", "٣", "now ", "\0", "2026-01-01T00:00:00Z\n", "[1]", ""]
)
def test_an_odd_time_sends_nothing_again(since: str) -> None:
    """It is refused in the form, and as a number or text of JSON."""
    hooked = Hooked(schemes=(Badge(),), may_subscribe=lambda *_: True)
    client = Client(hooked.app, as_caller("ann"))
    hook = hooked.subscribe(client, "http://127.0.0.1:9/")
    path = f"{hooked.path}/{hook}/redeliver"
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    form = {"action": "redeliver", "id": hook, "item.since": since}
    assert client.post(hooked.path, form=form, headers=headers).status in (400, 422)
    assert client.post(path, json={"since": since}).status in (400, 422)
    raw = b'{"since":%b}' % since.encode()
    assert client.post(path, body=raw, headers=JSON).status in (400, 422)


def test_a_large_body_of_an_action_is_not_decoded() -> None:
    """Sixty megabytes of lists were a gigabyte of objects, and seconds without a turn."""
    hooked = Hooked(schemes=(Badge(),), may_subscribe=lambda *_: True)
    client = Client(hooked.app, as_caller("ann"))
    hook = hooked.subscribe(client, "http://127.0.0.1:9/")
    body = b'{"since":[' + b"[]," * 1_000_000 + b"0]}"
    tracemalloc.start()
    reply = client.post(f"{hooked.path}/{hook}/redeliver", body=body, headers=JSON)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reply.status == 413
    assert most < len(body)


def test_a_page_of_another_site_gets_no_secret_by_a_form() -> None:
    """Also where the caller is known by its address or certificate alone, and none is rotated."""
    hooked = Hooked(schemes=(Badge(),), may_subscribe=lambda *_: True, cors="*")
    client = Client(hooked.app, as_caller("ann"))
    hook = hooked.subscribe(client, "http://127.0.0.1:9/")
    secret = hooked.stored(hook).secret
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        for action in ("secret", "rotate"):
            form = {"action": action, "id": hook}
            reply = client.post(hooked.path, form=form, headers={"Accept": "text/html"} | site)
            assert reply.status == 403, (site, action)
            assert str(secret) not in reply.text
    assert hooked.stored(hook).secret == secret
