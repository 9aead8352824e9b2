"""Guards in the wrong place, callers known without credentials, and networks that press on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Request, Response, WebMessageHandler
from brubeck.auth import Caller, Scheme, UserHandlingMixin, authenticated
from brubeck.auth.guesses import AT_ONCE, MAX_PENDING, Guesses
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.http import Headers
from brubeck.http.proxies import Client as Peer
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import OpenAccess, ProtectedAccess
from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import Collection
from brubeck.streams.declaration_checks import CHECKS
from brubeck.streams.items import Items
from brubeck.testing import Client
from tests.attacks.people import Badge
from tests.servers import wait_until


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Own(OwnedDocument):
    """A note of somebody."""

    text = StringField()


def guard(_self: object, *_arguments: object) -> None:
    """Refuse everything."""
    raise Problem(403, "No.")


PLAIN: dict[str, Any] = {"model": Note, "path": "/n"}
KNOWN: dict[str, Any] = {"model": Own, "path": "/n", "schemes": (Badge(),)}
HOOKS = ("admit", "before_create", "before_update", "before_delete", "get_current_user")
FOREIGN = (
    *("may_delete", "may_update", "may_create", "may_change", "can_edit", "can_delete"),
    *("rate_limit", "private", "private_fields", "_private_fields", "is_owned", "methods"),
    *("READ_ONLY", "RATE", "on_create", "pre_save", "perform_create", "permission_classes"),
    *("authorize", "has_permission", "immutable", "append_only", "write_scope", "throttle"),
    *("readers", "login_required", "authentication", "require_scope", "allowed_methods"),
)


@pytest.mark.parametrize("name", [*CHECKS, *FOREIGN])
@pytest.mark.parametrize("value", [guard, True])
def test_what_would_guard_elsewhere_is_refused_in_a_stream(name: str, value: object) -> None:
    """It would pass silently, and everything with it."""
    with pytest.raises(ConfigError, match=f"N.{name}"):
        type("N", (AuthStreamHandler,), KNOWN | {name: value})


@pytest.mark.parametrize("base", [OpenAccess, ProtectedAccess])
@pytest.mark.parametrize(
    "name",
    [*HOOKS, "prepare", "may_write", "owned", "read_only", "check_changes", "check_update"],
)
def test_what_an_access_does_not_have_is_refused_there(name: str, base: type) -> None:
    """A hook belongs to the stream, and a check of another name is never called."""
    access = type("Mine", (base,), {name: guard})
    kind: Any = AuthStreamHandler if base is ProtectedAccess else StreamHandler
    declared = KNOWN if base is ProtectedAccess else PLAIN
    with pytest.raises(ConfigError, match=f"Mine.{name}"):
        type("N", (kind,), declared | {"access": access})


@pytest.mark.parametrize("place", ["collection", "items", "changes"])
@pytest.mark.parametrize("name", [*HOOKS, "check_change", "scopes", "owned", "read_only", "rate"])
def test_what_a_resource_does_not_have_is_refused_there(name: str, place: str) -> None:
    """It is one request to one resource; the stream has the guards."""
    base = {"collection": Collection, "items": Items, "changes": ChangeFeed}[place]
    resource = type("Mine", (base,), {name: guard})
    with pytest.raises(ConfigError, match=f"Mine.{name}"):
        type("N", (AuthStreamHandler,), KNOWN | {place: resource})


@pytest.mark.parametrize("name", ["_private_field", "private_fields", "_hidden_fields", "_private"])
def test_a_list_of_private_fields_of_another_name_is_refused(name: str) -> None:
    """It hides nothing."""
    model = type(
        "Secret",
        (StreamedDocument,),
        {"text": StringField(), name: ("text",)},
    )
    with pytest.raises(ConfigError, match=f"Secret.{name} hides nothing"):
        type("N", (StreamHandler,), PLAIN | {"model": model})


def test_names_of_a_programs_own_pass() -> None:
    """Helpers, constants and private names declare nothing, and need not."""
    own = {"helper": guard, "LIMIT": 7, "_check_it": guard, "colour": "red", "lookup": dict}
    type("N", (StreamHandler,), PLAIN | own)
    type("M", (AuthStreamHandler,), KNOWN | {"access": type("A", (ProtectedAccess,), own)})


class Silent(ProtectedAccess):
    """An access that finds nobody, and forgets to refuse."""

    def authenticate(self, _context: Context, _current_user: object) -> None:
        """Find nobody."""


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("may_read", ["anyone", "authenticated"])
def test_a_stranger_never_writes_where_callers_are_known(method: str, may_read: str) -> None:
    """Even where an access of the program's own lets everybody in."""
    stream: Any = type("N", (AuthStreamHandler,), KNOWN | {"access": Silent, "may_read": may_read})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    path = "/n" if method == "post" else "/n/a"
    body = {} if method == "delete" else {"json": {"text": "mine"}}
    assert getattr(client, method)(path, **body).status == 401


def known(request: Request) -> Caller | None:
    """Return the caller of an address."""
    return Caller("desk-7") if request.remote_addr.startswith("10.") else None


class ByAddress(Scheme):
    """Authenticates a caller by its address."""

    name = "address"

    def authenticate(self, request: Request, _context: Any) -> Caller | None:
        """Return it."""
        return known(request)

    def openapi(self) -> dict[str, object]:
        """Return the security scheme object."""
        return {"type": "http", "scheme": "address"}


class Page(WebMessageHandler, UserHandlingMixin):
    """A handler that knows its user by the address."""

    def get_current_user(self) -> Caller | None:
        """Return it."""
        return known(self.message)

    @authenticated
    def post(self) -> Response:
        """Write something."""
        return self.render()


def by_user(_self: object, context: Context) -> Caller | None:
    """Return the caller of an address."""
    return known(context.request)


@pytest.mark.parametrize("path", ["/scheme", "/user", "/handler"])
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json"])
@pytest.mark.parametrize(
    ("source", "is_ours"),
    [
        ({}, True),
        ({"Origin": "http://intranet", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_a_page_of_another_site_writes_for_nobody(
    path: str, content_type: str | None, source: dict[str, str], is_ours: bool
) -> None:
    """Also where the caller is known by its address alone, and the page sends no type of a body."""
    scheme: Any = type(
        "A", (AuthStreamHandler,), KNOWN | {"path": "/scheme", "schemes": (ByAddress(),)}
    )
    user: Any = type(
        "B", (AuthStreamHandler,), {"model": Own, "path": "/user", "get_current_user": by_user}
    )
    app = Brubeck(streams=[scheme, user], handler_tuples=[("^/handler$", Page)])
    typed = {} if content_type is None else {"Content-Type": content_type}
    headers = Headers({"Host": "intranet", **source, **typed})
    answer = app.respond(Request("POST", path, headers, b'{"text":"x"}', client=Peer("10.0.0.7")))
    asked_first = content_type == "application/json"
    assert (answer.status == 403) == (not is_ours and not asked_first)


@pytest.mark.parametrize("accept", ["application/feed+json", "application/atom+xml", "text/html"])
@pytest.mark.parametrize("forged", ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto"])
def test_a_page_with_forged_urls_has_a_tag_of_its_own(accept: str, forged: str) -> None:
    """Or a cache that keeps it would be told that it is the right one."""
    stream: Any = type("N", (StreamHandler,), PLAIN)
    app = Brubeck(streams=[stream], storage="memory://")
    app.configure(server={"trusted_proxies": ["127.0.0.1"]})

    def ask(**headers: str) -> Response:
        usual = {"Host": "good.example", "Accept": accept, "X-Forwarded-For": "6.6.6.6"}
        request = Request("GET", "/n", Headers(usual | headers), b"", client=Peer("127.0.0.1"))
        return app.respond(request)

    value = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}.get(forged, "https")
    poisoned = ask(**{forged: value}).headers["ETag"]
    assert ask(**{"If-None-Match": poisoned}).status == 200
    honest = ask().headers["ETag"]
    assert ask(**{"If-None-Match": honest}).status == 304


def test_only_the_headers_that_the_proxies_set_count() -> None:
    """The caller's own are passed on by a proxy that does not know them."""
    stream: Any = type("N", (StreamHandler,), PLAIN)
    app = Brubeck(streams=[stream], storage="memory://")
    named = ["x-forwarded-for", "X-Forwarded-Proto"]
    app.configure(server={"trusted_proxies": ["127.0.0.1"], "trusted_headers": named})
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    own = {"Host": "good.example", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}
    request = Request("GET", "/n", Headers(own | forged), b"", client=Peer("127.0.0.1"))
    app.respond(request)
    assert (request.remote_addr, request.scheme) == ("6.6.6.6", "https")
    assert (request.host, request.prefix) == ("good.example", "")


@pytest.mark.parametrize(
    "value", ["x-real-ip", ["x-forwarded-fro"], ["forwarded", "x-forwarded"], []]
)
def test_headers_that_no_proxy_sets_are_refused(value: object) -> None:
    """As a misspelt family is."""
    app = Brubeck()
    app.configure(server={"trusted_headers": value})
    with pytest.raises(ConfigError, match="trusted-headers"):
        _ = app.settings


class Greeting(StreamHandler):
    """A stream of which each reader has a page of its own."""

    model = Note
    path = "/n"

    def prepare(self, context: Context) -> None:
        """Count the visits."""
        visits = int(context.get_cookie("visits", "0"))
        context.headers["X-Visits"] = str(visits)
        if "set" in context.request.query:
            context.set_cookie("visits", str(visits + 1))


@pytest.mark.parametrize("accept", ["application/json", "text/html", "application/feed+json"])
def test_a_hook_that_reads_a_cookie_keeps_the_answer_out_of_shared_caches(accept: str) -> None:
    """As a handler does."""
    client = Client(Brubeck(streams=[Greeting], storage="memory://"))
    answer = client.get("/n", headers={"Cookie": "visits=3", "Accept": accept})
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Visits"] == "3"


def test_one_network_holds_up_no_other() -> None:
    """Two of its attempts are checked at once, some more wait, and the rest are refused.

    A program that opens many connections is no guesser: its right passwords are let in.
    """
    guesses = Guesses()
    checked, refused = [], []
    release = threading.Event()

    def attempt(number: int, check: Callable[[], object]) -> None:
        try:
            with guesses.attempt("192.0.2.1", f"name{number}") as each:
                checked.append(number)
                check()
                each.succeed()
        except Problem as problem:
            refused.append(problem)

    threads = [
        threading.Thread(target=attempt, args=(number, release.wait)) for number in range(150)
    ]
    for each in threads:
        each.start()
    wait_until(lambda: len(checked) + len(refused) == 150 - MAX_PENDING + AT_ONCE)
    assert len(checked) == AT_ONCE
    assert {each.status for each in refused} == {429}
    with guesses.attempt("198.51.100.7", "ella") as other:
        other.succeed()  # at once
    release.set()
    for each in threads:
        each.join()
    assert len(checked) == MAX_PENDING
    assert not guesses._turns
    assert not guesses._pending


class Scoped(Badge):
    """A scheme whose callers may write alone."""

    def authenticate(self, request: Request, context: Any) -> Caller | None:
        """Return the named caller with the scope to write."""
        found = super().authenticate(request, context)
        return found and Caller(found.id, scopes=frozenset({"write"}))


@pytest.mark.parametrize("action", ["update", "delete"])
def test_a_form_is_no_way_to_read(action: str) -> None:
    """A caller without the scope to read is not shown both versions of an item."""
    scopes = {"read": "read", "write": "write"}
    declared = {"model": Own, "path": "/n", "schemes": (Scoped(),), "scopes": scopes}
    stream: Any = type("N", (AuthStreamHandler,), declared)
    app = Brubeck(streams=[stream], storage="memory://")
    made = app.stream(stream).insert({"text": "hush"}, owner=Caller("ann"))
    fields = {"action": action, "id": made.id, "position": "1", "item.text": "guess"}
    ours = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "X-Badge": "ann"}
    reply = Client(app).post("/n", form=fields, headers=ours)
    assert reply.status == 412
    assert "hush" not in reply.text
