"""Guards of programs that looked right and failed open."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, Problem, WebMessageHandler, render
from brubeck.auth import (
    Account,
    Caller,
    CookieAuth,
    JWTAuth,
    Scheme,
    UserHandlingMixin,
    authenticated,
    same_site_only,
    web_authenticated,
)
from brubeck.autoapi import AutoAPIBase
from brubeck.consumers import Consumer
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.jobs import JobHandler
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.access import ProtectedAccess
from brubeck.streams.collection import Collection
from brubeck.streams.items import Items
from brubeck.testing import Client, Reply

EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
SECRETS: list[Any] = [None, "", [], ["", "x"]]


def ask(handler: type, headers: dict[str, str] | None = None, method: str = "GET") -> Reply:
    """Return the reply of a handler."""
    app = Brubeck(handler_tuples=[("^/$", handler)], cookie_secret="k" * 32, login_url="/login")
    return Client(app).request(method, "/", headers=headers or {})


class Secret(WebMessageHandler):
    """A page that is for some."""

    def get(self) -> Any:
        """Show it."""
        self.set_body("SECRET")
        return self.render()

    post = get


# A secret that is not set.


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_a_secret_that_is_not_set_signs_nothing_and_proves_nothing(secret: Any) -> None:
    """None was the same as no secret at all: anybody's cookie was taken."""

    class Page(Secret):
        def prepare(self) -> None:
            if self.get_cookie("user", secret=secret) is None:
                raise Problem(401, "Log in first.")

    class LogIn(Secret):
        def prepare(self) -> None:
            self.set_cookie("user", "ella", secret=secret)

    assert ask(Page, {"Cookie": "user=mallory"}).status == 500
    assert ask(Page).status == 500
    assert ask(LogIn).status == 500


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_a_secret_that_is_not_set_admits_nobody_to_a_stream(secret: Any) -> None:
    """Nor to an AutoAPI with the guard of the documents."""

    class Notes(StreamHandler):
        model = StreamedDocument
        path = "/notes"

        def admit(self, context: Any) -> None:
            if context.get_cookie("user", secret=secret) is None:
                raise Problem(401, "Log in first.")

    class Todo(Document):
        title = StringField()

    class Todos(AutoAPIBase):
        model = Todo

        def prepare(self) -> None:
            if self.get_cookie("user", secret=self.application.cookie_keys) is None:
                raise Problem(401, "Log in first.")

    app = Brubeck(streams=[Notes], storage="memory://")
    app.register_api(Todos)
    client = Client(app, {"Cookie": "user=mallory"})
    assert client.get("/notes").status == client.get("/todo").status == 500


# A mixin without a say.


class Members:
    """A guard that stands in the wrong place."""

    schemes = ()
    trusted_origins = ()

    def refuse(self, *_: Any) -> Any:
        """Refuse everybody."""
        raise Problem(403, "No.")

    prepare = work = delete = authenticate = check_change = changed = refuse


@pytest.mark.parametrize(
    "base",
    [
        *(WebMessageHandler, AutoAPIBase, JobHandler, Collection, Items, StreamHandler),
        *(UserHandlingMixin, CookieAuth, ProtectedAccess, Consumer, Secret),
    ],
    ids=lambda base: base.__name__,
)
def test_a_guard_behind_the_class_that_it_guards_is_refused(base: type) -> None:
    """It was never called, and nothing said so."""
    bases = (WebMessageHandler, base) if base is UserHandlingMixin else (base,)
    with pytest.raises(ConfigError, match=r"Members.* is hidden by .*; name Members before it"):
        type("Guarded", (*bases, Members), {})


def test_a_guard_before_the_class_that_it_guards_is_called() -> None:
    """And a mixin that hides nothing may stand anywhere."""

    class Title:
        title = "A page"

    guarded = type("Guarded", (Members, Secret, Title), {})
    assert ask(guarded).status == 403


# A user who is none.


class Meant(Secret, UserHandlingMixin):
    """A page with a look-up that refuses in a way of its own."""

    @authenticated
    def get(self) -> Any:
        """Show it."""
        return super().get()

    @web_authenticated
    def post(self) -> Any:
        """Show it, too."""
        return super().get()


REFUSALS: dict[str, Any] = {
    "an answer": lambda self: self.render_error(401, "Log in first."),
    "the answer of auth_error": lambda self: self.auth_error(),
    "a redirection": lambda self: self.redirect("/login"),
    "a problem": lambda _: Problem(401, "Log in first."),
    "an exception": lambda _: ValueError("no such user"),
    "a class": lambda _: Problem,
    "a pair": lambda _: (None, "no such user"),
    "a function": lambda self: self.get,
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_no_user(kind: str, method: str) -> None:
    """Each of them is true."""
    page = type("Page", (Meant,), {"get_current_user": REFUSALS[kind]})
    reply = ask(page, method=method)
    assert (reply.status, "SECRET" in reply.text) == (500, False)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_user_that_is_no_property_is_no_user(kind: str, method: str) -> None:
    """A method in its place is true, for each returned value."""
    page = type("Page", (Meant,), {"current_user": REFUSALS[kind]})
    assert ask(page, method=method).status == 500


@pytest.mark.parametrize(
    "user", ["ella", 7, True, {"name": "ella"}, ["ella"], Caller("7")], ids=repr
)
def test_any_other_value_may_stand_for_a_user(user: Any) -> None:
    """As it always has."""
    page = type("Page", (Meant,), {"get_current_user": lambda _: user})
    assert ask(page).text == "SECRET"


@pytest.mark.parametrize("decorator", [authenticated, web_authenticated, same_site_only])
def test_a_decorator_of_methods_is_for_no_function_or_class(decorator: Any) -> None:
    """Above that of a route it protected a function that nobody calls."""

    def page(application: Any, message: Any) -> Any:
        return render("SECRET", 200)

    for each in (page, Secret, Brubeck().add_route("^/x$")(page)):
        with pytest.raises(ConfigError, match="is for methods of handlers"):
            decorator(each)


# Who a caller is.


@pytest.mark.parametrize("kind", [Caller, Account])
@pytest.mark.parametrize(
    "wrong",
    [
        *({"id": each} for each in (None, 7, b"7", True, ["7"], 7.0)),
        *({"username": each} for each in (None, 7)),
        *({"scopes": each} for each in ("notes:read", ["notes:read"], {7}, None)),
    ],
    ids=str,
)
def test_a_caller_has_an_id_and_a_set_of_scopes(kind: Any, wrong: dict[str, Any]) -> None:
    """An id that was None saw everything, and a text had each part of itself for a scope."""
    with pytest.raises(TypeError, match=f"{kind.__name__}.{next(iter(wrong))} is a"):
        kind(**{"id": "7", "username": "ella", **wrong})


@pytest.mark.parametrize("active", ["false", 0, None, "0"])
def test_an_account_is_active_or_not(active: Any) -> None:
    """A text that says no is true."""
    with pytest.raises(TypeError, match="active is True or False"):
        Account("7", active=active)


def test_a_look_up_that_finds_no_id_is_an_error() -> None:
    """The caller saw the items of everybody in a stream of owners."""

    class Header(Scheme):
        name = "header"

        def authenticate(self, request: Any, context: Any) -> Caller:
            del context
            found: Any = {"ella": "7"}.get(request.header("x-user") or "")
            return Caller(found)

        def openapi(self) -> dict[str, object]:
            return {"type": "apiKey", "in": "header", "name": "X-User"}

    class Diary(AuthStreamHandler):
        model = OwnedDocument
        path = "/diary"
        owned = True
        schemes = (Header(),)

    app = Brubeck(streams=[Diary], storage="memory://")
    assert Client(app, {"X-User": "ella"}).post("/diary", json={}).status == 201
    reply = Client(app, {"X-User": "joe"}).get("/diary")
    assert (reply.status, "data" in reply.json()) == (500, False)


@pytest.mark.parametrize("kind", [JWTAuth, CookieAuth])
def test_a_look_up_that_nobody_calls_is_refused(kind: type[Scheme]) -> None:
    """It is an argument; a method by its name was never asked."""

    def nobody(self: Any, claims: Any) -> None:
        del self, claims

    with pytest.raises(ConfigError, match=f"Staff.lookup is never read: give {kind.__name__}"):
        type("Staff", (kind,), {"lookup": nobody})

    def make(self: Any) -> None:
        super(type(self), self).__init__(lookup=self.lookup)

    type("Given", (CookieAuth,), {"lookup": nobody, "__init__": make})()
