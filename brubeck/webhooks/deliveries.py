"""The stream of the attempts at messages, declared and guarded as that of the subscriptions is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from brubeck.streams import AuthStreamHandler, Context
from brubeck.streams.access import GUARDS
from brubeck.streams.spec import StreamSpec
from brubeck.webhooks.documents import Delivery

_SAME: Final = ("schemes", "access", "rate", "storage", "cors", "explorer")
"""The attributes that the two streams have in common."""


class DeclaredDeliveries(msgspec.Struct, frozen=True):
    """The declaration of a stream of attempts; equal ones make streams that do the same."""

    webhooks: Any
    attributes: dict[str, Any]
    guards: tuple[str, ...]

    def stream(self) -> type[AuthStreamHandler]:
        """Return a new class of the stream."""
        hooks = {name: _asked_of(self.webhooks, name) for name in self.guards}
        about = {"__doc__": "The attempts at messages, which each owner of a subscription sees."}
        name = f"{self.webhooks.__name__}Deliveries"
        return type(name, (AuthStreamHandler,), about | self.attributes | hooks)


def deliveries_of(webhooks: Any, spec: StreamSpec) -> DeclaredDeliveries:
    """Return the declaration of the attempts at the messages of some webhooks.

    Who is not let in to the subscriptions is not let in to them either.
    """
    attributes = {name: getattr(webhooks, name) for name in _SAME} | {
        "model": Delivery,
        "path": f"{webhooks.path}/deliveries",
        "scopes": {name: scope for name, scope in webhooks.scopes.items() if name == "read"},
        "owned": True,
        "read_only": True,
        "filters": ("subscription", "outcome", "item", "webhook_id"),
        "retain": webhooks.keep_deliveries,
    }
    guards = tuple(name for name in GUARDS if name in spec.overridden)
    return DeclaredDeliveries(webhooks, attributes, guards)


def _asked_of(webhooks: Any, name: str) -> Callable[[Any, Context], Any]:
    """Return a hook that asks an object of the webhooks' class, the same for all of a request."""

    def hook(self: Any, context: Context) -> Any:
        if "_webhooks" not in vars(self):
            self._webhooks = webhooks()
        return getattr(self._webhooks, name)(context)

    hook.__name__ = name
    return hook
