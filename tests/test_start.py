"""A program that lacks what it declares is refused before it serves, and not at a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.auth import CookieAuth, UserHandlingMixin
from brubeck.errors import ConfigError
from brubeck.jobs import JobStream
from brubeck.serving.running import check_declarations
from brubeck.streams import AuthStreamHandler, OwnedDocument


class Page(WebMessageHandler, UserHandlingMixin):
    """A page for whoever has a session."""

    schemes = (CookieAuth(),)

    def get(self) -> Response:
        """Return the page."""
        self.set_body("Hello" if self.current_user else "Log in.")
        return self.render()


def journal() -> Brubeck:
    """Return a program with a stream that takes sessions."""
    attributes = {"model": OwnedDocument, "path": "/j", "schemes": (CookieAuth(),)}
    return Brubeck(streams=[type("Journal", (AuthStreamHandler,), attributes)])


PROGRAMS: dict[str, tuple[Callable[[], Brubeck], str]] = {
    "a stream of sessions": (journal, "cookie_secret"),
    "a page of sessions": (lambda: Brubeck(handler_tuples=[("^/$", Page)]), "cookie_secret"),
    "jobs without a queue": (
        lambda: Brubeck(streams=[JobStream], storage="mongodb://127.0.0.1:1/x"),
        "jobs.queue",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_missing_is_named_at_the_start(name: str) -> None:
    """By the command, and where a WSGI server takes the program."""
    make, missing = PROGRAMS[name]
    with pytest.raises(ConfigError, match=missing):
        check_declarations(make())
    with pytest.raises(ConfigError, match=missing):
        make().wsgi  # noqa: B018, it checks


def test_what_is_there_starts() -> None:
    """With a key and a queue."""
    for made in (journal(), Brubeck(streams=[JobStream])):
        given: dict[str, Any] = {"app": {"cookie_secret": "a long random text"}}
        made.configure(**given, jobs={"queue": "redis://127.0.0.1:1"})
        check_declarations(made)
