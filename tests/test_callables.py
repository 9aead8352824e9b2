"""No guard, hook, scheme or look-up is a coroutine, which would never run and refuse nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import (
    BasicAuth,
    BearerAuth,
    CookieAuth,
    Scheme,
    SignatureAuth,
    UserHandlingMixin,
    authenticated,
    same_site_only,
    web_authenticated,
)
from brubeck.autoapi import AutoAPIBase
from brubeck.callables import HOOKS
from brubeck.errors import ConfigError
from brubeck.http import Response
from brubeck.jobs import JobHandler
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.testing import Client


async def coroutine(*_args: Any, **_kwargs: Any) -> Any:
    """Return nothing, once somebody awaits it."""


async def asynchronous_generator(*_args: Any, **_kwargs: Any) -> Any:
    """Yield nothing, once somebody iterates over it."""
    yield


def generator(*_args: Any, **_kwargs: Any) -> Any:
    """Yield nothing, once somebody iterates over it."""
    yield


class Awaited:
    """An object whose call is a coroutine."""

    async def __call__(self, *_args: Any) -> None:
        """Do nothing."""


FORMS: dict[str, Callable[[], Any]] = {
    "coroutine": lambda: coroutine,
    "asynchronous generator": lambda: asynchronous_generator,
    "static method": lambda: staticmethod(coroutine),
    "class method": lambda: classmethod(coroutine),
    "property": lambda: property(coroutine),
    "cached property": lambda: functools.cached_property(coroutine),
    "partial": lambda: functools.partial(coroutine, 1),
    "partial method": lambda: functools.partialmethod(coroutine, 1),
    "partial of a partial": lambda: functools.partial(functools.partial(coroutine), 1),
    "callable object": Awaited,
}
DISGUISES: dict[str, Callable[..., Any]] = {
    "lambda over a coroutine": lambda *_, **__: coroutine(),
    "lambda over an asynchronous generator": lambda *_, **__: asynchronous_generator(),
    "lambda over a generator": lambda *_, **__: generator(),
    "a value that nobody reads": lambda *_, **__: False,
    "another value": lambda *_, **__: "no",
}
OWNERS: list[type] = [
    WebMessageHandler,
    JobHandler,
    AutoAPIBase,
    StreamHandler,
    AuthStreamHandler,
    BasicAuth,
    Scheme,
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("name", ["prepare", "before_create", "get", "authenticate", "helper"])
def test_a_class_with_a_coroutine_is_refused(owner: type, name: str, form: str) -> None:
    """Whatever the method is called, and however it is wrapped."""
    with pytest.raises(ConfigError, match=rf"Notes\.{name} is a coroutine function"):
        type("Notes", (owner,), {name: FORMS[form]()})


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_that_is_a_generator_is_refused(owner: type, name: str) -> None:
    """Its body would not run at all."""
    with pytest.raises(ConfigError, match="is a generator"):
        type("Notes", (owner,), {name: generator})


def test_a_mixin_is_looked_into() -> None:
    """It is not a handler itself, so the class that takes it is where it is found."""
    mixin = type("Mixin", (), {"prepare": coroutine})
    with pytest.raises(ConfigError, match=r"Notes\.prepare"):
        type("Notes", (mixin, WebMessageHandler), {})


@pytest.mark.parametrize("form", ["coroutine", "asynchronous generator", "partial"])
def test_functions_that_are_handed_over_are_looked_into(form: str) -> None:
    """Routes, decorators, look-ups of schemes, and the accounts of a program."""
    function = FORMS[form]()
    makers: list[Callable[[], object]] = [
        lambda: Brubeck(handler_tuples=[("^/$", function)]),
        lambda: Brubeck().add_route("^/$")(function),
        lambda: authenticated(function),
        lambda: same_site_only(function),
        lambda: web_authenticated(function),
        lambda: BasicAuth(lookup=function),
        lambda: BearerAuth(lookup=function),
        lambda: CookieAuth(lookup=function),
        lambda: SignatureAuth(lookup=function),
        lambda: Brubeck(accounts=type("Mine", (), {"by_username": function})()),
    ]
    for make in makers:
        with pytest.raises(ConfigError, match="coroutine function"):
            make()


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("hook", ["prepare", "initialize"])
def test_a_handler_guarded_by_a_disguised_value_answers_nothing(hook: str, disguise: str) -> None:
    """What a lambda or a decorator hides is found at the call, and the method is not called."""

    def get(_self: WebMessageHandler) -> Response:
        raise AssertionError("the guard let a request pass")

    handler = type("Notes", (WebMessageHandler,), {hook: DISGUISES[disguise], "get": get})
    assert Client(Brubeck(handler_tuples=[("^/$", handler)])).get("/").status == 500


def test_prepare_may_return_the_answer() -> None:
    """As people who come from other frameworks write it."""

    class Notes(WebMessageHandler):
        def prepare(self) -> Response:
            return self.render_error(403, "Not you.")

        def get(self) -> Response:
            raise AssertionError("the guard let a request pass")

    assert Client(Brubeck(handler_tuples=[("^/$", Notes)])).get("/").status == 403


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("hook", ["before_create", "before_update", "before_delete", "admit"])
def test_a_write_guarded_by_a_disguised_value_does_not_happen(hook: str, disguise: str) -> None:
    """Nothing is written, changed or deleted."""
    open_stream = type("Open", (StreamHandler,), {"model": StreamedDocument, "path": "/notes"})
    guarded = type("Notes", (open_stream,), {hook: DISGUISES[disguise]})
    app = Brubeck(streams=[open_stream])
    client, other = Client(app), Client(Brubeck(streams=[guarded], storage=app.store()))
    before = client.put("/notes/a", json={"id": "a"}).headers["ETag"]
    writes: dict[str, Callable[[], Any]] = {
        "before_create": lambda: other.post("/notes", json={"id": "b"}),
        "before_update": lambda: other.put("/notes/a", json={"id": "a"}),
        "before_delete": lambda: other.delete("/notes/a"),
        "admit": lambda: other.delete("/notes/a"),
    }
    assert writes[hook]().status == 500
    assert client.get("/notes/a").headers["ETag"] == before
    assert client.get("/notes/b").status == 404


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_user_who_is_no_user_is_not_let_in(disguise: str) -> None:
    """A coroutine is true; so is a generator, and a text is no caller."""
    find = DISGUISES[disguise]
    journal = type(
        "Journal",
        (AuthStreamHandler,),
        {"model": OwnedDocument, "path": "/j", "get_current_user": find},
    )
    odd = {"name": "odd", "authenticate": find, "openapi": dict}
    scheme: type[Any] = type("Odd", (Scheme,), odd)
    by_scheme: type[StreamHandler] = type(
        "ByScheme",
        (AuthStreamHandler,),
        {"model": OwnedDocument, "path": "/s", "schemes": (scheme(),)},
    )
    client = Client(Brubeck(streams=[journal, by_scheme]))
    for path in ("/j", "/s"):
        assert client.get(path).status in (401, 500)
        assert client.post(path, json={}).status in (401, 500)


@pytest.mark.parametrize("disguise", list(DISGUISES)[:3])
def test_a_handler_whose_user_is_a_coroutine_lets_nobody_in(disguise: str) -> None:
    """Neither by the mixin nor by a ``current_user`` of its own."""

    @authenticated
    def get(_self: WebMessageHandler) -> Response:
        raise AssertionError("nobody is known here")

    mixed = type(
        "Mixed",
        (WebMessageHandler, UserHandlingMixin),
        {"get_current_user": DISGUISES[disguise], "get": get},
    )
    owned = type(
        "Own", (WebMessageHandler,), {"current_user": property(DISGUISES[disguise]), "get": get}
    )
    client = Client(Brubeck(handler_tuples=[("^/mixed$", mixed), ("^/own$", owned)]))
    assert client.get("/mixed").status == client.get("/own").status == 500


@pytest.mark.parametrize("disguise", list(DISGUISES)[:3])
def test_a_lookup_that_finds_a_coroutine_finds_nobody(disguise: str) -> None:
    """A name and a password for which the look-up returned no `Account`."""
    attributes = {
        "model": OwnedDocument,
        "path": "/j",
        "schemes": (BasicAuth(lookup=DISGUISES[disguise]),),
    }
    client = Client(Brubeck(streams=[type("J", (AuthStreamHandler,), attributes)]))
    headers = {"Authorization": "Basic ZGF2ZTp0YWtl"}
    assert client.get("/j", headers=headers).status == 500


def test_the_method_that_is_called_is_the_one_that_is_looked_at() -> None:
    """A coroutine behind a plain method does no harm; one in front of it is never called."""

    class Plain:
        def prepare(self) -> None:
            """Do nothing."""

    class Waiting:
        async def prepare(self) -> None:
            """Do nothing, once somebody awaits it."""

    type("Behind", (Plain, Waiting, WebMessageHandler), {})
    type("Behind", (Waiting, WebMessageHandler), {"prepare": None, "get": Plain.prepare})
    for bases in ((Waiting, Plain, WebMessageHandler), (Waiting, WebMessageHandler)):
        with pytest.raises(ConfigError, match=r"InFront\.prepare is a coroutine function"):
            type("InFront", bases, {})
