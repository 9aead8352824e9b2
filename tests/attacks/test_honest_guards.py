"""Guards of honest programs, which may have any name and be asked by anything."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property, partialmethod, wraps
from typing import Any

import pytest

from brubeck import Problem, Response
from brubeck.auth import authenticated
from brubeck.errors import ConfigError
from tests.attacks.pages import Page, UserPage, client_of
from tests.attacks.people import Badge, as_caller


def check(handler: Any) -> None:
    """Refuse a caller without the handler's permissions."""
    if handler.message.header("x-permission") not in handler.permissions:
        raise Problem(403, "Not you.")


class Checker:
    """A guard as an object."""

    def __call__(self, handler: Any) -> None:
        """Refuse a caller without the handler's permissions."""
        check(handler)


CHECKS: tuple[Callable[[Any], None], ...] = (check, Checker())


def checked(method: Callable[..., Response]) -> Callable[..., Response]:
    """Ask before a method."""

    @wraps(method)
    def asking(handler: Any, *args: Any) -> Response:
        check(handler)
        return method(handler, *args)

    return asking


def bare(method: Callable[..., Response]) -> Callable[..., Response]:
    """Ask before a method, and copy nothing of it."""

    def asking(handler: Any) -> Response:
        check(handler)
        return method(handler)

    return asking


def secured(page: Any) -> Any:
    """Read the permissions of a class once, and ask for them."""
    permissions = page.permissions

    def prepare(handler: Any) -> None:
        if handler.message.header("x-permission") not in permissions:
            raise Problem(403, "Not you.")

    page.prepare = prepare
    return page


class Securing(type):
    """A metaclass that asks."""

    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> None:
        super().__init__(name, bases, members)
        cls.prepare: Any = partialmethod(check)


class ByName(Page):
    """A page that reads the guard itself."""

    permissions: Any

    def prepare(self) -> None:
        """Refuse a caller without permission."""
        if not self.is_permitted:
            raise Problem(403, "Not you.")

    @cached_property
    def is_permitted(self) -> bool:
        """Whether the caller has one."""
        return self.message.header("x-permission") in self.permissions


class ByWord(Page):
    """A page that reads the guard by its name as a text."""

    def prepare(self) -> None:
        """Refuse a caller without permission."""
        if self.message.header("x-permission") not in getattr(self, "permissions", ()):
            raise Problem(403, "Not you.")


class ByFunction(Page):
    """A page that hands itself to a function."""

    def prepare(self) -> None:
        """Ask."""
        check(self)


class ByModule(Page):
    """A page that hands itself to a function of a module."""

    def prepare(self) -> None:
        """Ask."""
        sys.modules[__name__].check(self)


class ByImport(Page):
    """A page that imports its guard late."""

    def prepare(self) -> None:
        """Ask."""
        from tests.attacks.test_honest_guards import check as late

        late(self)


class ByTable(Page):
    """A page that asks several guards."""

    def prepare(self) -> None:
        """Ask."""
        for each in CHECKS:
            each(self)


class ByDefault(Page):
    """A page with its guard as the default of an argument."""

    def prepare(self, ask: Callable[[Any], None] = check) -> None:
        """Ask."""
        ask(self)


class ByNestedFunction(Page):
    """A page that makes its guard when it is asked."""

    def prepare(self) -> None:
        """Ask."""

        def ask() -> None:
            Checker()(self)

        ask()


class ByDecorator(Page):
    """A page with a decorated method."""

    get = checked(Page.get)


class ByBareDecorator(Page):
    """A page with a method by a decorator that copies no names."""

    get = bare(Page.get)


class ByObject(Page):
    """A page with a callable object for its guard."""

    prepare: Any = partialmethod(check)


@secured
class ByClassDecorator(Page):
    """A page of a decorator of classes."""

    permissions = ("read",)


class ByMetaclass(Page, metaclass=Securing):
    """A page of a metaclass."""


class ByClass(Page):
    """A page that asks its class."""

    def prepare(self) -> None:
        """Refuse a caller without permission."""
        own: Any = self.__class__
        if self.message.header("x-permission") not in own.permissions:
            raise Problem(403, "Not you.")


def made() -> type[Page]:
    """Return a page that names the class that a function makes."""

    class Made(Page):
        permissions: Any = ("read",)

        def prepare(self) -> None:
            if self.message.header("x-permission") not in Made.permissions:
                raise Problem(403, "Not you.")

    return Made


HONEST = (
    *(ByClass, made()),
    *(ByName, ByWord, ByFunction, ByModule, ByImport, ByTable, ByDefault, ByNestedFunction),
    *(ByDecorator, ByBareDecorator, ByObject, ByClassDecorator, ByMetaclass),
)


@pytest.mark.parametrize("page", HONEST)
def test_a_guard_of_the_program_may_have_any_name(page: Any) -> None:
    """Its reader may be a decorator, a function or an object, as far away as it likes."""
    client = client_of(type(page)("Guarded", (page,), {"permissions": ("read",)}))
    assert client.get("/page").status == 403
    assert client.get("/page", headers={"X-Permission": "read"}).text == "secret"


class ByHand(Page):
    """A page that hands itself to a function that asks nobody."""

    def get(self) -> Response:
        """Return the page."""
        return Response(repr(self))


@pytest.mark.parametrize("page", [ByName, ByWord])
def test_a_guard_that_is_read_is_not_logged(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is where only something else may read it."""
    client_of(type("Guarded", (page,), {"permissions": ("read",)}))
    assert "Guarded.permissions" not in caplog.text
    client_of(type("Guarded", (ByFunction,), {"permissions": ("read",)}))
    assert "Guarded.permissions may protect nothing" in caplog.text
    client_of(type("Greeting", (UserPage,), {"schemes": (Badge(),), "get": ByHand.get}))
    assert "Greeting.schemes may protect nothing" in caplog.text


class Lazy:
    """A value that cannot be asked for anything."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = object.__hash__


LAZY = Lazy()


class OfLazy(UserPage):
    """A page that uses such a value."""

    schemes = (Badge(),)
    setting = LAZY

    @authenticated
    def get(self) -> Response:
        """Return the page."""
        self.add_to_payload("kind", type(LAZY).__name__)
        return super().get()


def test_values_of_the_program_are_not_asked() -> None:
    """A configuration that is read late, or the proxy of a request, would fail."""
    assert client_of(OfLazy).get("/page", headers=as_caller("ella")).text == "secret"
    with pytest.raises(ConfigError, match="readers protects nothing"):
        client_of(type("Guarded", (Page,), {"readers": LAZY}))
