"""Pages without a guard, and clients of them."""

from __future__ import annotations

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.auth import UserHandlingMixin
from brubeck.testing import Client


class Page(WebMessageHandler):
    """A page that anybody may read."""

    def get(self) -> Response:
        """Return it."""
        self.set_body("secret")
        return self.render()


class UserPage(UserHandlingMixin, Page):
    """A page with a user whom nobody asks for."""


def client_of(handler: type[WebMessageHandler]) -> Client:
    """Return a client of a program with one page."""
    return Client(Brubeck(handler_tuples=[("^/page$", handler)]))
