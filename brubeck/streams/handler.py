"""`StreamHandler`: the class that a program derives its streams from."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from brubeck.callables import check_methods
from brubeck.errors import ConfigError
from brubeck.streams.access import OpenAccess, ProtectedAccess
from brubeck.streams.context import Hooks
from brubeck.streams.declaration import Declaration
from brubeck.streams.declaration_checks import (
    ALL_HOOKS,
    DECLARATIONS,
    check_access,
    check_model,
    check_resource,
    check_values,
    overridden_hooks,
    refuse_methods,
    refuse_misspelt,
)
from brubeck.streams.spec import StreamSpec, compile_spec, with_headers

_SEALED: Final = frozenset((*ALL_HOOKS, *DECLARATIONS))
"""The names that are read once, when a stream is served."""


class _StreamClass(ABCMeta):
    """The class of streams' classes, which do not change any more once they are served.

    An application compiles a declaration when it begins to serve it; a hook or a declaration that
    is assigned later would be ignored. It is the class of abstract classes, too, so that a mixin
    may be one.
    """

    def __setattr__(cls, name: str, value: Any) -> None:
        if value is not getattr(cls, name, None) and value != getattr(cls, name, None):
            cls._refuse_change(name)
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        cls._refuse_change(name)
        super().__delattr__(name)

    def _refuse_change(cls, name: str) -> None:
        if vars(cls).get("_is_served") and name in _SEALED:
            raise ConfigError(
                f"{cls.__name__}.{name} cannot change while the stream is served: an application "
                "reads a declaration once. Assign it before, or in a subclass."
            )


class StreamHandler(Declaration, Hooks, metaclass=_StreamClass):
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
    _actions: ClassVar[Mapping[str, type[Any]]] = {}
    """Resources at ``<path>/<id>/<name>``, by name; of ready-made streams such as `Webhooks`."""
    _companions: ClassVar[tuple[type[StreamHandler], ...]] = ()
    """Streams that are served with this one."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declare(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute for the hooks that follow; a hook itself is refused: it was compiled."""
        if name in _SEALED:
            raise ConfigError(
                f"{type(self).__name__}.{name} is assigned to an object, which lives for a request "
                "and declares nothing. Assign it in the class."
            )
        super().__setattr__(name, value)

    @classmethod
    def _compile(cls) -> StreamSpec:
        """Return the spec; `ConfigError` for a declaration that is wrong."""
        return compile_spec(cls, overridden_hooks(cls))


def seal(stream: type[StreamHandler]) -> None:
    """Refuse changes of a class, and of its bases, from now on: it is served."""
    for base in stream.__mro__:
        if isinstance(base, _StreamClass) and not base.__module__.startswith("brubeck."):
            base._is_served = True  # noqa: SLF001, its own mark


def declare(stream: type[StreamHandler]) -> None:
    """Check a class and compile its spec; `ConfigError` for a declaration that is wrong.

    Done when the class is made, and again when it is served: a decorator may have changed it.
    """
    check_methods(stream)
    refuse_misspelt(stream)
    if hasattr(stream, "model"):
        refuse_methods(stream)
        check_values(stream)
        own_access = stream.access not in (OpenAccess, ProtectedAccess)
        stream.spec = with_headers(
            stream._compile(),  # noqa: SLF001, the two are one
            own_access=own_access,
            resources=[
                each
                for each in (stream.collection, stream.items, stream.changes)
                if each is not None
            ],
        )
        stream.path = stream.spec.path.template
        check_model(stream.model)
        check_access(stream.access)
        for resource in (stream.collection, stream.items, stream.changes):
            if resource is not None:
                check_resource(resource)
