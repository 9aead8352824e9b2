"""`StreamHandler`: the class that a program derives its streams from."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any, ClassVar, Final

from brubeck.callables import check_plain_methods
from brubeck.errors import ConfigError, did_you_mean
from brubeck.handlers.message import HTTP_METHODS
from brubeck.streams.access import OpenAccess
from brubeck.streams.context import HOOKS, Hooks
from brubeck.streams.declaration import Declaration
from brubeck.streams.spec import StreamSpec, compile_spec

_OF_AUTH: Final = ("schemes", "scopes", "owned", "may_read", "may_write", "get_current_user")
"""The names that an `AuthStreamHandler` adds."""
DECLARATIONS: Final = tuple(
    name for name in (*Declaration.__annotations__, "access", *_OF_AUTH) if name != "spec"
)
"""The names of all class attributes that declare something."""


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
        check_plain_methods(cls)
        cls._refuse_unused()
        if hasattr(cls, "model"):
            cls.spec = cls._compile()
            cls.path = cls.spec.path.template

    @classmethod
    def _compile(cls) -> StreamSpec:
        """Return the spec; `ConfigError` for a declaration that is wrong."""
        cls._refuse_methods()
        return compile_spec(cls, cls._overridden())

    @classmethod
    def _overridden(cls) -> frozenset[str]:
        """Return the names of the overridden hooks; `ConfigError` for one with other arguments."""
        names = frozenset(
            name for name in (*HOOKS, "get_current_user") if _origin(cls, name) is not None
        )
        for name in names:
            _check_arguments(cls, name)
        return names

    @classmethod
    def _refuse_unused(cls) -> None:
        """Refuse an attribute or a method that is nearly a declared name: it would be ignored."""
        for name, value in vars(cls).items():
            if cls.__module__.startswith("brubeck.") or name.startswith("_"):
                continue
            is_known = hasattr(super(cls, cls), name)
            if name in _OF_AUTH and hasattr(cls, "model") and not is_known:
                raise ConfigError(f"{cls.__name__}.{name} takes an AuthStreamHandler.")
            if is_known or name in DECLARATIONS:
                continue
            if hasattr(value, "__get__"):
                _refuse_misspelt_hook(cls, name)
            elif near := get_close_matches(name, DECLARATIONS, n=1, cutoff=0.8):
                raise ConfigError(
                    f'{cls.__name__}.{name} declares nothing. Did you mean "{near[0]}"?'
                )

    @classmethod
    def _refuse_methods(cls) -> None:
        """Refuse a ``get`` and the like: a stream has several resources, each with its own."""
        own = [base for base in cls.__mro__ if not base.__module__.startswith("brubeck.")]
        for name in (*HTTP_METHODS, "initialize"):
            if any(vars(base).get(name) is not None for base in own if base is not object):
                raise ConfigError(
                    f"{cls.__name__}.{name} would replace the pages, the items and the changes of "
                    "the stream alike, and is never called. Use the hooks of a StreamHandler, "
                    "declare a resource of your own (collection, items, changes), or add a route."
                )


def _origin(cls: type, name: str) -> type | None:
    """Return the class of the program that overrides a hook, or None."""
    for base in cls.__mro__:
        if name in vars(base):
            return None if base.__module__.startswith("brubeck.streams.") else base
    return None


def _check_arguments(cls: type, name: str) -> None:
    """Raise `ConfigError` for a hook that cannot be called with the arguments of its kind."""
    known: Any = getattr(Hooks, name, None)
    expected = list(inspect.signature(known).parameters)[1:] if known else ["context"]
    hook = inspect.getattr_static(cls, name)
    hook = hook.__func__ if isinstance(hook, staticmethod | classmethod) else hook
    arguments = (
        expected
        if isinstance(inspect.getattr_static(cls, name), staticmethod)
        else [
            "self",
            *expected,
        ]
    )
    try:
        inspect.signature(hook).bind(*arguments)
    except TypeError:
        taken = ", ".join(["self", *expected])
        raise ConfigError(f"{cls.__name__}.{name} takes ({taken}).") from None
    except ValueError:
        return  # a callable without a signature, such as one written in C


def _refuse_misspelt_hook(cls: type, name: str) -> None:
    """Refuse a method that is nearly a hook: it would never be called."""
    hooks = (*HOOKS, "get_current_user")
    near = get_close_matches(name, hooks, n=1, cutoff=0.8)
    if near or name.startswith(("before_", "after_")):
        hint = did_you_mean(name, near or HOOKS)
        raise ConfigError(f"{cls.__name__}.{name} is no hook, and is never called.{hint}")
