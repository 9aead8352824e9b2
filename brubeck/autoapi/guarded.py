"""The guard of an AutoAPI against pages of other sites, and its turns with other requests."""

from __future__ import annotations

from collections.abc import Collection

from brubeck.auth.csrf import require_same_site_of_simple_requests
from brubeck.green.collecting import rested
from brubeck.handlers import JSONMessageHandler
from brubeck.http import Response


class GuardedHandler(JSONMessageHandler):
    """A handler that only its own methods protect; pages of other sites cannot write by it."""

    def __call__(self) -> Response:
        """Answer the request; the collector rests while long documents are read."""
        return rested(super().__call__) if self.message.is_long else super().__call__()

    def _prepared(self) -> Response | None:
        if _of_program(type(self), "prepare"):  # who knows by what it knows its callers
            trusted: Collection[str] = getattr(self, "trusted_origins", ())
            require_same_site_of_simple_requests(self.message, trusted)
        return super()._prepared()


def _of_program(handler: type, name: str) -> bool:
    """Return whether a class of the program, or a mixin of its own, defines a method."""
    owner = next((each for each in handler.__mro__ if name in vars(each)), object)
    return owner is not object and not owner.__module__.startswith("brubeck.")
