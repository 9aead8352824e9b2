"""A hook or a declaration that is assigned when nobody reads it any more is refused."""

from __future__ import annotations

from abc import ABC
from typing import Any

import pytest

from brubeck import Brubeck, Problem
from brubeck.errors import ConfigError
from brubeck.streams import Context, StreamedDocument, StreamHandler
from brubeck.streams.declaration_checks import ALL_HOOKS, DECLARATIONS
from brubeck.testing import Client


class Plan(StreamedDocument):
    """An item."""


def closed(_self: object, *_arguments: object) -> None:
    """Refuse everything."""
    raise Problem(403, "Closed.")


def stream_of(*bases: type) -> Any:
    """Return the class of a stream at /plan."""
    return type("Plans", (*bases, StreamHandler), {"model": Plan, "__module__": __name__})


def served() -> Any:
    """Return a class that an application serves."""
    stream = stream_of()
    Brubeck(streams=[stream], storage="memory://")
    return stream


@pytest.mark.parametrize("name", [*ALL_HOOKS, *DECLARATIONS])
def test_a_served_class_does_not_change(name: str) -> None:
    """Each hook and each declaration alike, and neither by deletion."""
    stream = served()
    with pytest.raises(ConfigError, match=rf"Plans\.{name} cannot change while the stream is serv"):
        setattr(stream, name, closed)
    with pytest.raises(ConfigError, match=rf"Plans\.{name} cannot change"):
        delattr(stream, name)


def test_a_base_of_a_served_class_does_not_change() -> None:
    """A guard that is assigned to the base of several streams is one of theirs."""

    class Base(StreamHandler):
        """The common base."""

    class Plans(Base):
        """A stream."""

        model = Plan

    Brubeck(streams=[Plans], storage="memory://")
    with pytest.raises(ConfigError, match="cannot change"):
        Base.admit = closed  # type: ignore[method-assign, assignment]
    Base.note = "allowed"


def test_a_class_may_change_until_it_is_served() -> None:
    """And a subclass of a served one, which is another stream."""
    stream = stream_of(ABC)
    stream.admit = closed
    assert Client(Brubeck(streams=[stream], storage="memory://")).get("/plan").status == 403
    inherited = type("Others", (stream,), {"path": "/others"})
    inherited.page_size = 7  # type: ignore[attr-defined]
    app = Brubeck(streams=[inherited], storage="memory://")
    assert Client(app).get("/others").status == 403
    assert app.stream(inherited).spec.parameters.page_size == 7


def test_a_second_application_serves_the_same_class() -> None:
    """What it compiles is the declaration of the first."""
    stream = served()
    stream.page_size = stream.page_size
    assert Client(Brubeck(streams=[stream], storage="memory://")).get("/plan").status == 200


@pytest.mark.parametrize("name", ALL_HOOKS)
def test_a_hook_is_no_attribute_of_an_object(name: str) -> None:
    """It was compiled from the class, so it would never be called."""

    class Plans(StreamHandler):
        """A stream with a hook that assigns another."""

        model = Plan

        def prepare(self, _context: Context) -> None:
            """Assign it."""
            setattr(self, name, closed)

    client = Client(Brubeck(streams=[Plans], storage="memory://"))
    assert client.get("/plan").status == 500
