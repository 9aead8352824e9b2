"""Guards by habit that nobody asks, in handlers, AutoAPIs and the classes of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Problem, Response, WebMessageHandler
from brubeck.auth import UserHandlingMixin, authenticated
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.handlers.guards import ELSEWHERE, OF_STREAMS
from brubeck.streams import (
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.items import Items
from brubeck.testing import Client
from tests.attacks.pages import Page, UserPage, client_of
from tests.attacks.people import Badge, as_caller


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Todo(Document):
    """A document of an AutoAPI."""

    title = StringField()


def refuse(*_: Any) -> None:
    """Refuse everybody."""
    raise Problem(403, "Nobody.")


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

        @authenticated
        def get(self) -> Response:
            """Return the page."""
            return super().get()

    with pytest.raises(ConfigError, match=r"Admin\.scopes protects nothing"):
        client_of(Admin)


class Restricting:
    """A mixin of another framework, with guards that do nothing by themselves."""

    def dispatch(self) -> None:
        """Let everybody."""

    def has_permission(self) -> bool:
        """Let everybody."""
        return True


class BySuper(Restricting, Page):
    """A page that refuses everybody by guards that nobody calls."""

    def dispatch(self) -> None:
        """Refuse."""
        super().dispatch()
        raise Problem(403, "Nobody.")


class BySuperPermission(Restricting, Page):
    """A page that refuses everybody by a guard that nobody calls."""

    def has_permission(self) -> bool:
        """Refuse."""
        return super().has_permission() and False


class ByOthersWords(UserPage):
    """A page that shows the scopes of its user, and asks for none."""

    schemes = (Badge(),)
    scopes = ("admin",)
    private = True

    @authenticated
    def get(self) -> Response:
        """Return the scopes."""
        self.headers["Cache-Control"] = "private"
        self.set_body(", ".join(self.current_user.scopes))
        return self.render()


@pytest.mark.parametrize("page", [BySuper, BySuperPermission, ByOthersWords])
def test_a_word_elsewhere_reads_no_guard(page: type[WebMessageHandler]) -> None:
    """Neither does a guard that calls the one it overrides."""
    with pytest.raises(ConfigError, match="protects nothing"):
        client_of(page)


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
    with pytest.raises(ConfigError, match="permissions protects nothing"):
        client_of(type("Shut", (type("Words", (Page,), {"permissions": ("a",)}),), {}))


def test_a_stream_may_ask_a_guard_of_its_own() -> None:
    """Its name may be one of another framework, if a hook asks it."""

    class Notes(StreamHandler):
        model = Note
        path = "/notes"
        required_roles = ("editor",)

        def admit(self, context: Any) -> None:
            if context.request.header("x-role") not in self.required_roles:
                raise Problem(403, "Nobody.")

    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    assert client.get("/notes").status == 403
    assert client.get("/notes", headers={"X-Role": "editor"}).status == 200
    with pytest.raises(ConfigError, match="required_roles declares nothing"):
        type("Open", (StreamHandler,), {"model": Note, "required_roles": ("editor",)})


def test_an_emptied_guard_is_none() -> None:
    """A class may take back the declaration of its base."""
    base = type("Base", (Page,), {"login_required": True})
    assert client_of(type("Open", (base,), {"login_required": False})).get("/page").status == 200


def ask_permission(handler: Any) -> None:
    """Refuse a caller without the permissions of a handler."""
    if handler.message.header("x-permission") not in handler.permissions:
        raise Problem(403, "Not you.")


def serve(api: type[AutoAPIBase]) -> Client:
    """Return a client of a program with an AutoAPI."""
    app = Brubeck(storage="memory://")
    app.register_api(api)
    return Client(app)


@pytest.mark.parametrize("name", ["scopes", "schemes", "permissions", "has_permission"])
def test_an_autoapi_refuses_what_its_prepare_does_not_read(name: str) -> None:
    """That there was a `prepare` was taken for a sign that it asked."""

    class Asking(AutoAPIBase):
        model = Todo

        def prepare(self) -> None:
            """Ask nothing."""

    with pytest.raises(ConfigError, match="protects nothing"):
        serve(type("Todos", (Asking,), {name: ("a",)}))


def test_an_autoapi_refuses_the_users_of_its_bases() -> None:
    """All its methods are Brubeck's own, so that none of them is a page to log in."""
    members = type("Members", (UserHandlingMixin,), {"schemes": (Badge(),)})
    with pytest.raises(ConfigError, match="schemes protects nothing"):
        serve(type("Todos", (members, AutoAPIBase), {"model": Todo}))


def test_an_autoapi_refuses_a_user_that_nobody_asks_for() -> None:
    """Its `get_current_user` was never called."""
    members = {"model": Todo, "get_current_user": refuse}
    with pytest.raises(ConfigError, match="get_current_user protects nothing"):
        serve(type("Todos", (UserHandlingMixin, AutoAPIBase), members))


def test_an_autoapi_is_judged_as_it_is_served() -> None:
    """A decorator may complete it, and so may a class that is made of it."""
    base: Any = type("Base", (AutoAPIBase,), {"model": Todo, "permissions": ("read",)})
    assert serve(type("Todos", (base,), {"prepare": ask_permission})).get("/todo").status == 403
    base.prepare = ask_permission
    assert serve(base).get("/todo").status == 403


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
