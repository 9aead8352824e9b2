"""The guards of an AutoAPI: `prepare` and its own methods, and no rule of streams."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from brubeck.auth.csrf import require_same_site_of_simple_requests
from brubeck.errors import ConfigError
from brubeck.green.collecting import rested
from brubeck.handlers import JSONMessageHandler
from brubeck.handlers.message import HTTP_METHODS
from brubeck.http import Response

_ASKING: Final = ("prepare", *HTTP_METHODS)
"""The methods by which a class may refuse requests, and read ``schemes`` and ``scopes``."""
_OF_STREAMS: Final = (
    *("schemes", "scopes", "owned", "may_read", "may_write", "read_only", "rate", "access"),
    *("admit", "before_create", "before_update", "before_delete", "partitions"),
)
"""The declarations and hooks that restrict a stream."""
_OF_OTHERS: Final = (
    *("login_required", "auth_required", "requires_auth", "permission_classes", "permissions"),
    *("authentication_classes", "check_permissions", "has_permission", "check_access", "authorize"),
    *("is_allowed", "permission_required", "required_scopes", "throttle_classes", "rate_limit"),
)
"""The restrictions of a class in other frameworks."""


class GuardedHandler(JSONMessageHandler):
    """A handler that only its own methods protect; pages of other sites cannot write by it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a rule of streams, or of other frameworks, which nobody would ask here."""
        super().__init_subclass__(**kwargs)
        asks = any(_of_program(cls, each) for each in _ASKING)
        for name in _OF_STREAMS:
            is_read = name in ("schemes", "scopes") and asks
            if getattr(cls, name, None) and not is_read:
                raise ConfigError(
                    f"{cls.__name__}.{name} protects nothing: it is a rule of streams. Refuse "
                    "requests in prepare, by a Problem."
                )
        for name in _OF_OTHERS:
            if getattr(cls, name, None) and not asks:  # whose methods may well call it
                raise ConfigError(
                    f"{cls.__name__}.{name} protects nothing: nobody asks it. Refuse requests in "
                    "prepare, by a Problem."
                )

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
