"""The attributes that the methods of a class read from their own object, by their code.

Rules:

- ``self.name`` reads a name, and so do ``getattr(self, "name")`` and ``Page.name``, where ``Page``
  is the class or a base of it. ``self.user.name`` and ``user.name`` do not.
- A method that hands its object to something else may read more by that, and so may a decorator of
  the program, a callable that is no function, or a class with a metaclass: then the names are only
  a part of what is read.
"""

from __future__ import annotations

import dis
from functools import cached_property
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any, Final

_USING: Final = frozenset(
    ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR")
)
"""The instructions that do no more with an object than to take or to set an attribute."""
_WHOLE: Final = frozenset(("__class__", "__dict__", "__getattribute__"))
"""The attributes by which all others can be read."""
_FREE: Final = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_DECORATORS: Final = "brubeck.auth.handlers"
"""The module of the decorators that ask for the user."""


class Reading:
    """The names that methods of a class read; ``is_partial`` says whether there may be others."""

    def __init__(self, owner: type) -> None:
        self._owner = owner
        self.names: set[str] = set()
        self.is_partial = not _is_known(type(owner))

    @classmethod
    def of(cls, owner: type, guard: str) -> Reading:
        """Return the names that the program's methods of a class read, all but the guard itself.

        A guard that calls the one of its base class is not read by that.
        """
        reading = cls(owner)
        for base in owner.__mro__[:-1]:
            if not base.__module__.startswith("brubeck."):
                for name, value in list(vars(base).items()):
                    if name != guard and not _is_plain(name, value):
                        reading._add(value, base.__qualname__)
        return reading

    def _add(self, value: object, place: str) -> None:
        if isinstance(value, property):
            for each in (value.fget, value.fset, value.fdel):
                if each is not None:
                    self._add(each, place)
        elif isinstance(value, staticmethod | classmethod):
            self._add(value.__func__, place)
        elif isinstance(value, cached_property):
            self._add(value.func, place)
        elif not isinstance(value, FunctionType):
            is_data = isinstance(value, type) or not callable(value)
            self.is_partial |= not is_data or hasattr(type(value), "__get__")
        elif value.__module__ == _DECORATORS or value.__globals__.get("__name__") == _DECORATORS:
            self.names.add("current_user")
            self._add(value.__dict__.get("__wrapped__"), place)
        else:
            wrapped = value.__dict__.get("__wrapped__")
            self._add(wrapped, place)
            # A function made elsewhere, as by a decorator, may have read the class before.
            is_made = not value.__qualname__.startswith(f"{place}.")
            self.is_partial |= is_made or wrapped is not None
            if value.__code__.co_argcount:
                self._read(value.__code__, value.__code__.co_varnames[0], value.__globals__)

    def _read(self, code: CodeType, own: str, known: dict[str, Any]) -> None:
        """Add the attributes that a method and its inner functions read of the variable ``own``."""
        is_handed_over = False
        for first, then in pairwise(dis.get_instructions(code)):
            if own in _last_loaded(first) and then.opname in _USING:
                self.names.add(str(then.argval))
                is_handed_over |= str(then.argval) in _WHOLE
            elif first.opname in _FREE and then.opname in _USING:
                self.names.add(str(then.argval))  # of a class that a function has made, perhaps
            elif own in _loaded(first):
                is_handed_over = True
            elif first.opname == "LOAD_GLOBAL" and self._is_owner(known.get(first.argval)):
                self.names.add(str(then.argval))
        if is_handed_over:
            self.is_partial = True
            self.names.update(each for each in code.co_consts if isinstance(each, str))
        for each in code.co_consts:
            if isinstance(each, CodeType):
                self._read(each, own, known)

    def _is_owner(self, value: object) -> bool:
        return any(value is base for base in self._owner.__mro__)


def _is_known(metaclass: type) -> bool:
    """Return whether a metaclass is none of the program, which might read the class."""
    return metaclass.__module__ in ("abc", "builtins") or metaclass.__module__.startswith(
        "brubeck."
    )


def _is_plain(name: str, value: object) -> bool:
    """Return whether a member of a class can read nothing: its own data and Python's words."""
    return name in ("__dict__", "__weakref__") or isinstance(
        value, str | bytes | int | float | tuple | list | dict | set | frozenset | None
    )


def _loaded(instruction: dis.Instruction) -> tuple[str, ...]:
    """Return the variables that an instruction loads; Python 3.13 has some that load two."""
    if not instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")):
        return ()
    found = instruction.argval
    return tuple(found) if isinstance(found, tuple) else (str(found),)


def _last_loaded(instruction: dis.Instruction) -> tuple[str, ...]:
    return _loaded(instruction)[-1:]
