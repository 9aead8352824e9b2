"""Guards by habit that nobody asks, in handlers, AutoAPIs and the classes of a stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any

import pytest

from brubeck import Brubeck, Problem, Response, WebMessageHandler
from brubeck.auth import UserHandlingMixin, authenticated
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.handlers.guards import ELSEWHERE, OF_STREAMS
from brubeck.jobs import JobStream, OwnedJob
from brubeck.streams import (
    AuthStreamHandler,
    FeedEntry,
    OwnedDocument,
    SharedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.context import Context
from brubeck.streams.items import Items
from brubeck.streams.representations import Representation
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Todo(Document):
    """A document of an AutoAPI."""

    title = StringField()


class Page(WebMessageHandler):
    """A page that anybody may read."""

    def get(self) -> Response:
        """Return it."""
        self.set_body("secret")
        return self.render()


class UserPage(UserHandlingMixin, Page):
    """A page with a user whom nobody asks for."""


def refuse(*_: Any) -> None:
    """Refuse everybody."""
    raise Problem(403, "Nobody.")


def client_of(handler: type[WebMessageHandler]) -> Client:
    """Return a client of a program with one page."""
    return Client(Brubeck(handler_tuples=[("^/page$", handler)]))


HOOKS = ("admit", "may_read", "may_write", "before_create", "before_update", "before_delete")


@pytest.mark.parametrize("name", ["schemes", *OF_STREAMS, *ELSEWHERE])
@pytest.mark.parametrize("page", [Page, UserPage])
def test_a_handler_refuses_a_guard_that_nobody_asks(
    name: str, page: type[WebMessageHandler]
) -> None:
    """The page was shown to everybody."""
    for value in (refuse, (Badge(),), "admin", True):
        made = type("Guarded", (page,), {name: value})
        with pytest.raises(ConfigError, match=f"Guarded.{name} protects nothing"):
            client_of(made)


def test_a_handler_refuses_a_user_that_nobody_asks_for() -> None:
    """Its `get_current_user` was never called."""
    made = type("Guarded", (UserPage,), {"get_current_user": refuse})
    with pytest.raises(ConfigError, match="get_current_user protects nothing"):
        client_of(made)


def test_scopes_beside_a_decorator_are_asked_by_nobody() -> None:
    """`authenticated` asks for a user, of any scope."""

    class Admin(UserPage):
        schemes = (Badge(),)
        scopes = "admin"
        get = authenticated(Page.get)

    with pytest.raises(ConfigError, match=r"Admin\.scopes protects nothing"):
        client_of(Admin)


def check(handler: Any) -> None:
    """Refuse a caller without the handler's permissions."""
    if handler.message.header("x-permission") not in handler.permissions:
        raise Problem(403, "Not you.")


class Checker:
    """A guard as an object."""

    def __call__(self, handler: Any) -> None:
        """Ask."""
        self.ask(handler)

    def ask(self, handler: Any) -> None:
        """Refuse a caller without the handler's permissions."""
        check(handler)


CHECKER = Checker()


def checked(method: Callable[..., Response]) -> Callable[..., Response]:
    """Ask before a method."""

    @wraps(method)
    def asking(handler: Any, *args: Any) -> Response:
        if handler.message.header("x-permission") not in getattr(handler, "permissions", ()):
            raise Problem(403, "Not you.")
        return method(handler, *args)

    return asking


class ByName:
    """A mixin that reads the guard itself."""

    permissions: Any
    message: Any

    def prepare(self) -> None:
        """Refuse a caller without permission."""
        if not self.is_permitted:
            raise Problem(403, "Not you.")

    @cached_property
    def is_permitted(self) -> bool:
        """Whether the caller has one."""
        return self.message.header("x-permission") in self.permissions


class ByFunction:
    """A mixin that hands itself to a function."""

    def prepare(self) -> None:
        """Ask."""
        check(self)


class ByObject:
    """A mixin that hands itself to an object."""

    def prepare(self) -> None:
        """Ask."""
        CHECKER.ask(self)


class ByNestedFunction:
    """A mixin that makes its guard when it is asked."""

    def prepare(self) -> None:
        """Ask."""

        def ask() -> None:
            Checker()(self)

        ask()


class ByLateDecorator(Page):
    """A page with a decorated method."""

    get = checked(Page.get)


@pytest.mark.parametrize("guard", [ByName, ByFunction, ByObject, ByNestedFunction, ByLateDecorator])
def test_a_guard_of_the_program_may_have_any_name(guard: type) -> None:
    """What reads it may be a decorator, a function or an object, as far away as it likes."""
    bases = (guard,) if issubclass(guard, Page) else (guard, Page)
    client = client_of(type("Guarded", bases, {"permissions": ("read",)}))
    assert client.get("/page").status == 403
    assert client.get("/page", headers={"X-Permission": "read"}).text == "secret"


class AsksItself(UserPage):
    """A page that greets its user, if it has one."""

    schemes = (Badge(),)

    def get(self) -> Response:
        """Greet."""
        self.set_body(self.current_user.id if self.current_user else "somebody")
        return self.render()


class AsksByDecorator(UserPage):
    """A page for users only."""

    schemes = (Badge(),)
    get = authenticated(AsksItself.get)


@pytest.mark.parametrize("page", [AsksItself, AsksByDecorator])
def test_a_handler_with_a_user_is_served(page: type[WebMessageHandler]) -> None:
    """The schemes are read by the property, or by the decorator."""
    assert client_of(page).get("/page", headers=as_caller("ella")).text == "ella"
    anonymous = client_of(page).get("/page")
    assert anonymous.status == (200 if page is AsksItself else 401)


def test_a_page_to_log_in_may_have_the_schemes_of_its_base() -> None:
    """They are those of the other pages."""

    class Members(UserHandlingMixin, WebMessageHandler):
        schemes = (Badge(),)

    assert client_of(type("LogIn", (Members,), {"get": Page.get})).get("/page").status == 200


def test_a_base_class_may_have_a_method_for_other_pages() -> None:
    """One page asks it and another one does not; a word of the base is for all of them."""

    class Base(Page):
        def has_permission(self) -> bool:
            return False

    assert client_of(type("Open", (Base,), {})).get("/page").status == 200
    with pytest.raises(ConfigError, match="has_permission protects nothing"):
        client_of(type("Shut", (Base,), {"has_permission": Base.has_permission}))
    mixin = type("Mixin", (), {"has_permission": Base.has_permission})
    with pytest.raises(ConfigError, match="has_permission protects nothing"):
        client_of(type("Shut", (mixin, Page), {}))
    type("Todos", (AutoAPIBase,), {"permissions": ("a",)})
    with pytest.raises(ConfigError, match="permissions protects nothing"):
        client_of(type("Shut", (type("Words", (Page,), {"permissions": ("a",)}),), {}))


def test_an_emptied_guard_is_none() -> None:
    """A class may take back what its base declares."""
    base = type("Base", (Page,), {"login_required": True})
    assert client_of(type("Open", (base,), {"login_required": False})).get("/page").status == 200


@pytest.mark.parametrize("name", ["scopes", "schemes", "permissions", "has_permission"])
def test_an_autoapi_refuses_what_its_prepare_does_not_read(name: str) -> None:
    """That there was a `prepare` was taken for a sign that it asked."""
    with pytest.raises(ConfigError, match="protects nothing"):
        type("Todos", (AutoAPIBase,), {"model": Todo, "prepare": lambda _: None, name: ("a",)})


def test_an_autoapi_refuses_a_user_that_nobody_asks_for() -> None:
    """Its `get_current_user` was never called."""
    members = {"model": Todo, "get_current_user": refuse}
    with pytest.raises(ConfigError, match="get_current_user protects nothing"):
        type("Todos", (UserHandlingMixin, AutoAPIBase), members)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
@pytest.mark.parametrize(
    ("base", "role"), [(OpenAccess, "access"), (Collection, "collection"), (Items, "items")]
)
def test_the_classes_of_a_stream_refuse_guards_of_other_frameworks(
    base: type, role: str, name: str
) -> None:
    """Nobody asked them there."""
    part = type("Part", (base,), {name: refuse})
    with pytest.raises(ConfigError, match=f"Part.{name} "):
        Brubeck(
            streams=[type("Notes", (StreamHandler,), {"model": Note, role: part})],
            storage="memory://",
        )


def test_a_check_of_access_may_ask_a_method_of_its_own() -> None:
    """A name that other frameworks know is one that a check may call."""

    class Asking(OpenAccess):
        def has_permission(self, context: Any) -> bool:
            return bool(context.request.header("x-permission"))

        def may_read(self, context: Any) -> bool:
            return self.has_permission(context)

    stream = type("Notes", (StreamHandler,), {"model": Note, "path": "/notes", "access": Asking})
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    assert client.get("/notes").status == 403
    assert client.get("/notes", headers={"X-Permission": "1"}).status == 200


class Owned(OwnedDocument):
    """An item with an owner."""


class Shared(SharedDocument):
    """An item with readers."""


@pytest.mark.parametrize(
    ("base", "model", "declared", "words"),
    [
        (StreamHandler, Owned, {}, "knows no owners"),
        (StreamHandler, Shared, {"read_only": True}, "knows no owners"),
        (JobStream, OwnedJob, {}, "knows no owners"),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),)}, "readers count only in an owned"),
        (StreamHandler, Shared, {"access": type("Asking", (OpenAccess,), {})}, ""),
        (AuthStreamHandler, Owned, {"schemes": (Badge(),)}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "owned": True}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "may_read": "anyone"}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "may_read": "authenticated"}, ""),
    ],
)
def test_owners_that_no_stream_asks_for_are_logged(
    caplog: pytest.LogCaptureFixture,
    base: type,
    model: type,
    declared: dict[str, Any],
    words: str,
) -> None:
    """Everybody could read and change the items of everybody, and nothing told so."""
    Brubeck(streams=[type("Notes", (base,), {"model": model, **declared})], storage="memory://")
    assert words in caplog.text
    assert bool(words) == ("Notes.model" in caplog.text)


class Kept(StreamHandler):
    """A stream that shared caches may keep."""

    model = Note
    path = "/kept"
    cache = "1s"


def tenant(context: Context, _view: object = None) -> bytes:
    """Return a page for the tenant that a header names."""
    return (context.request.header("x-tenant") or "").encode()


@pytest.mark.parametrize("media_type", ["text/plain", "application/atom+xml"])
def test_a_page_of_an_own_renderer_is_for_nobody_else(media_type: str) -> None:
    """A shared cache showed one tenant's page to another one."""
    own = Representation("own", tenant, media_type)
    representations = {**Collection.representations, media_type: own}
    shown = type("Shown", (Collection,), {"representations": representations})
    _is_not_kept(type("Own", (Kept,), {"collection": shown}), "/kept", media_type)


@pytest.mark.parametrize("target", ["/kept.atom", "/kept.feed.json"])
def test_an_entry_of_a_hook_is_for_nobody_else(target: str) -> None:
    """It may look at any header, or at the address."""

    class Own(Kept):
        def feed_entry(self, context: Context, _item: dict[str, Any]) -> FeedEntry:
            """Return an entry for the tenant."""
            return FeedEntry(tenant(context).decode(), "")

    _is_not_kept(Own, target, "*/*")


def _is_not_kept(stream: type[StreamHandler], target: str, accept: str) -> None:
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    assert client.post("/kept", json={"text": "x"}).status == 201
    assert client.get("/kept").headers["Cache-Control"].startswith("public")
    found = client.get(target, headers={"Accept": accept, "X-Tenant": "acme"})
    assert "acme" in found.text
    assert found.headers["Cache-Control"] == "no-cache"
