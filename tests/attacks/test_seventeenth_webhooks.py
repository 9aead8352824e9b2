"""Subscriptions that were past the guards of their stream: each way with its kind."""

from __future__ import annotations

from typing import Any, Final

import pytest

from brubeck import Brubeck, Problem
from brubeck.auth import BasicAuth, BearerAuth, Caller, CookieAuth, JWTAuth, Scheme
from brubeck.auth.accounts import Grant
from brubeck.errors import ConfigError
from brubeck.http import Request, Response
from brubeck.storage import FieldCondition, PageQuery
from brubeck.streams import AuthStreamHandler, Context, StreamHandler
from brubeck.streams.access import ProtectedAccess
from brubeck.streams.collection import Collection
from brubeck.testing import Client
from brubeck.webhooks import Webhooks, deliver
from brubeck.webhooks.turn import RECORDED_AGAIN
from tests.attacks.people import Badge, as_caller
from tests.servers import wait_until
from tests.webhooks.programs import Hooked, Quake
from tests.webhooks.receiver import Receiver, receiving

KEY: Final = "k" * 32


def of_staff(_: object) -> Grant | None:
    """Return no grant."""
    return None


def of_customers(_: object) -> Grant | None:
    """Return no grant either."""
    return None


class Tenant(BearerAuth):
    """Accounts of the application, of one tenant alone."""

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self.tenant = tenant


def hooks_of(source: type[StreamHandler], **attributes: Any) -> type[Webhooks]:
    """Return webhooks for a stream."""
    given = {"sources": (source,), "schemes": (Badge(),), "allow_private": True, "retries": (0.01,)}
    return type("Hooks", (Webhooks,), given | attributes)


def stream_of(base: type[StreamHandler] = AuthStreamHandler, **attributes: Any) -> Any:
    """Return a stream of quakes at ``/quakes``."""
    return type("Source", (base,), {"model": Quake, "path": "/quakes"} | attributes)


JWT: Final = {"algorithms": ["HS256"]}
SAME: Final[dict[str, tuple[Scheme, Scheme]]] = {
    "one object": ((badge := Badge()), badge),
    "accounts": (BearerAuth(), BearerAuth("another realm")),
    "accounts by cookies": (CookieAuth("a"), CookieAuth("b")),
    "one key": (JWTAuth(KEY, **JWT), JWTAuth(KEY, **JWT)),  # type: ignore[arg-type]  # options of a dict
    "one look-up": (BearerAuth(lookup=of_staff), BearerAuth(lookup=of_staff)),
    "one tenant": (Tenant("a"), Tenant("a")),
}
OTHERS: Final[dict[str, tuple[Scheme, Scheme]]] = {
    "keys": (JWTAuth(KEY, **JWT), JWTAuth(KEY[::-1] + "x", **JWT)),  # type: ignore[arg-type]  # likewise
    "audiences": (JWTAuth(KEY, **JWT), JWTAuth(KEY, audience="a", **JWT)),  # type: ignore[arg-type]  # likewise
    "look-ups": (BearerAuth(lookup=of_staff), BearerAuth(lookup=of_customers)),
    "a look-up": (BearerAuth(), BearerAuth(lookup=of_customers)),
    "names": (BasicAuth(lookup=of_staff), BasicAuth()),  # type: ignore[arg-type]  # never called
    "sessions": (CookieAuth(), CookieAuth(lookup=lambda _: None)),
    "tenants": (Tenant("a"), Tenant("b")),
    "classes": (BearerAuth(), Tenant("a")),
}


@pytest.mark.parametrize("schemes", SAME.values(), ids=SAME)
def test_webhooks_may_have_the_schemes_of_their_stream(schemes: tuple[Scheme, Scheme]) -> None:
    """As objects of their own, too, where they find the same callers."""
    hooks_of(stream_of(schemes=schemes[:1]), schemes=schemes[1:])


@pytest.mark.parametrize("schemes", OTHERS.values(), ids=OTHERS)
def test_a_caller_whom_the_stream_does_not_know_does_not_subscribe(
    schemes: tuple[Scheme, Scheme],
) -> None:
    """Schemes of one class may know other people: these had the changes of a private stream."""
    for one, other in (schemes, schemes[::-1]):
        with pytest.raises(ConfigError, match=r"give both the same schemes, .*may_subscribe"):
            hooks_of(stream_of(schemes=(one,)), schemes=(other,))
        hooks_of(stream_of(schemes=(one,), may_read="anyone"), schemes=(other,))
        hooks_of(stream_of(schemes=(one,)), schemes=(other,), may_subscribe=lambda *_: True)


@pytest.mark.parametrize("where", ["itself", "a mixin"])
def test_webhooks_that_find_callers_in_their_own_way_are_refused(where: str) -> None:
    """Also where a base class does, or an access class."""

    def get_current_user(_self: object, _context: Context) -> Caller:
        return Caller("7")

    own = {"get_current_user": get_current_user}
    bases = (type("Mixin", (), own), Webhooks) if where == "a mixin" else (Webhooks,)
    attributes = {"sources": (stream_of(schemes=(badge,)),), "schemes": (badge,)}
    with pytest.raises(ConfigError, match=r"does not know the callers of Hooks"):
        type("Hooks", bases, attributes | (own if where == "itself" else {}))
    with pytest.raises(ConfigError, match=r"does not know the callers of Hooks"):
        type("Hooks", (Webhooks,), attributes | {"access": type("Own", (ProtectedAccess,), {})})


def refuse(_self: object, _context: Context) -> None:
    """Refuse a request."""
    raise Problem(403, "It is for the boss.")


def refuse_reading(self: Any, *_: object) -> Response:
    """Refuse to read."""
    raise Problem(403, f"It is for the boss, {self}.")


OWN: Final[dict[str, dict[str, Any]]] = {
    "admit": {"admit": refuse},
    "prepare": {"prepare": refuse},
    "get_current_user": {"get_current_user": refuse},
    "access": {"access": type("Own", (ProtectedAccess,), {})},
    "Pages.get": {"collection": type("Pages", (Collection,), {"get": refuse_reading})},
    "Pages.prepare": {"collection": type("Pages", (Collection,), {"prepare": refuse_reading})},
}


@pytest.mark.parametrize(
    ("own", "base"),
    [
        (own, base)
        for own in OWN
        for base in (StreamHandler, AuthStreamHandler)
        if own != "get_current_user" or base is AuthStreamHandler
    ],
)
def test_a_stream_with_a_guard_of_its_own_has_no_subscribers_unasked(
    own: str, base: type[StreamHandler]
) -> None:
    """A message is sent without a request, and passed every guard of requests but two."""
    schemes = {} if base is StreamHandler else {"schemes": (badge,)}
    source = stream_of(base, **schemes, **OWN[own])
    with pytest.raises(ConfigError, match=rf"Source has its own {own}, .*may_subscribe"):
        hooks_of(source, schemes=(badge,))
    hooks_of(source, schemes=(badge,), may_subscribe=lambda *_: True)
    with pytest.raises(ConfigError, match=rf"Derived has its own {own}, .*may_subscribe"):
        hooks_of(type("Derived", (source,), {"path": "/derived"}))


def test_a_resource_that_only_writes_or_represents_guards_nothing() -> None:
    """Methods that write are never asked for a page."""

    def post(_self: object) -> Response:
        return Response(b"")

    own: dict[str, Any]
    for own in ({"post": post}, {"representations": {}}):
        hooks_of(stream_of(schemes=(badge,), collection=type("Pages", (Collection,), own)))


class Reader(Badge):
    """Authenticates the caller that a header names, with the right to read."""

    def authenticate(self, request: Request, context: Any) -> Caller | None:
        """Return the named caller."""
        caller = super().authenticate(request, context)
        return caller and Caller(caller.id, scopes=frozenset({"q:read"}))


class Programs:
    """A protected stream with accounts and others among its callers, and its webhooks."""

    def __init__(self, receiver: Receiver) -> None:
        schemes = (BearerAuth(), Reader())
        self.source = stream_of(schemes=schemes, scopes={"read": "q:read"})
        self.hooks = hooks_of(self.source, schemes=schemes)
        self.app = Brubeck(streams=[self.source, self.hooks])
        self.receiver = receiver

    def subscribe(self, client: Client) -> None:
        """Subscribe to the stream."""
        body = {"url": self.receiver.url("/"), "stream": "/quakes"}
        answer = client.post("/webhooks", json=body)
        assert answer.status == 201, answer.json()

    def received(self, place: str) -> bool:
        """Return whether a new item comes to the receiver."""
        before = len(self.receiver.received)
        self.app.stream(self.source).insert({"place": place})
        deliver(self.app)
        return len(self.receiver.received) > before


def test_a_removed_account_gets_nothing_more_whichever_other_callers_there_are() -> None:
    """With a second scheme its rights were those that it had once, for ever."""
    with receiving() as receiver:
        programs = Programs(receiver)
        users = programs.app.accounts.users
        token, _ = programs.app.accounts.tokens.create(users.create("dave", scopes=["q:read"]))
        programs.subscribe(Client(programs.app, {"Authorization": f"Bearer {token}"}))
        assert programs.received("Ely")
        users.remove("dave")
        assert not programs.received("Hilo")


def test_another_caller_has_its_own_rights_and_not_those_of_an_account_of_its_id() -> None:
    """Nor does it lose them where no account has its id."""
    with receiving() as receiver:
        programs = Programs(receiver)
        users = programs.app.accounts.users
        dave = users.create("dave")
        programs.subscribe(Client(programs.app, as_caller(dave.id)))
        assert programs.received("Ely")
        users.set_active("dave", False)
        assert programs.received("Hilo")


def test_who_may_not_read_a_stream_does_not_learn_its_partitions() -> None:
    """It was told that a partition cannot be, or that a query is wrong, before it was refused."""

    def partitions(name: str) -> bool:
        return name == "apollo"

    source = stream_of(
        path="/rooms/<room>", schemes=(badge,), scopes={"read": "r"}, partitions=partitions
    )
    client = Client(Brubeck(streams=[source, hooks_of(source)]), as_caller("dave"))
    for partition, query in (("apollo", ""), ("mercury", ""), ("apollo", "x=1")):
        body = {"url": "http://127.0.0.1/", "stream": "/rooms/<room>", "partition": partition}
        assert client.post("/webhooks", json=body | {"query": query}).status == 403


def test_what_is_sent_again_with_success_is_recorded_in_part() -> None:
    """Eleven bytes stored megabytes, as often as they came; a failure is recorded always."""
    with receiving() as receiver:
        hooked = Hooked("memory://")
        ella = hooked.user()
        hook = hooked.subscribe(ella, receiver.url("/"))
        count = RECORDED_AGAIN + 20
        hooked.items.insert_many([{"place": "Ely"}] * count)
        deliver(hooked.app)

        def recorded(outcome: str) -> int:
            records = hooked.app.stream(hooked.declaration.deliveries).records()
            where = (FieldCondition("outcome", "eq", outcome),)
            return records.count(PageQuery(limit=10_000, where=where)).total

        assert recorded("delivered") == count
        answers = iter([500])
        receiver.answer = lambda _: next(answers, 204)
        again = ella.post(f"{hooked.path}/{hook}/redeliver", json={"since": 0})
        assert again.status == 202
        wait_until(lambda: deliver(hooked.app) or len(receiver.received) > 2 * count)
        assert len(receiver.received) == 2 * count + 1
        assert recorded("failed") == 1
        assert recorded("delivered") == count + RECORDED_AGAIN
        hooked.items.insert({"place": "Hilo"})
        deliver(hooked.app)
        assert recorded("delivered") == count + RECORDED_AGAIN + 1
