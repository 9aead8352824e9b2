"""`StreamHandler`: the class that a program derives its streams from."""

from __future__ import annotations

from typing import Any, ClassVar

from brubeck.callables import check_plain_methods
from brubeck.streams.access import OpenAccess
from brubeck.streams.context import Hooks
from brubeck.streams.declaration import Declaration
from brubeck.streams.declaration_checks import (
    check_values,
    overridden_hooks,
    refuse_methods,
    refuse_misspelt,
)
from brubeck.streams.spec import StreamSpec, compile_spec


class StreamHandler(Declaration, Hooks):
    """A stream of documents, declared by class attributes and served at its ``path``.

    >>> class Quakes(StreamHandler):
    ...     model = Quake
    ...     filters = ('network', 'magnitude__gte')

    A declaration that cannot work is refused with a `ConfigError` when the class is made.
    """

    access: ClassVar[type[OpenAccess]] = OpenAccess
    """The rules for reading and writing; a subclass of `ProtectedAccess` for rules of your own."""
    spec: ClassVar[StreamSpec]
    """The compiled declaration."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declare(cls)

    @classmethod
    def _compile(cls) -> StreamSpec:
        """Return the spec; `ConfigError` for a declaration that is wrong."""
        return compile_spec(cls, overridden_hooks(cls))


def declare(stream: type[StreamHandler]) -> None:
    """Check a class and compile its spec; `ConfigError` for a declaration that is wrong.

    Done when the class is made, and again when it is served: a decorator may have changed it.
    """
    check_plain_methods(stream)
    refuse_misspelt(stream)
    if hasattr(stream, "model"):
        refuse_methods(stream)
        check_values(stream)
        stream.spec = stream._compile()  # noqa: SLF001, the two are one
        stream.path = stream.spec.path.template
