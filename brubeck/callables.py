"""Checks of methods: those without effect are refused where they are declared.

Brubeck runs on green threads, so nothing awaits. A coroutine function that is called like any other
returns a coroutine and runs not one line of its body: a guard that is one lets everything pass, and
a look-up that is one finds somebody for every name, since a coroutine is true. So:

- A coroutine function or an asynchronous generator is refused when the class, route or scheme that
  names it is made, and so is a generator function where nobody would iterate over it.
- A decorator or a lambda may hide one. So the value that a guard returns is checked at each call,
  and a value that it cannot mean is an error, never a "yes".
- A method of a mixin that stands behind a class of Brubeck with the same method is never called. So
  it is refused when the class is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property, partial, partialmethod
from types import FunctionType
from typing import Any, Final, TypeVar

from brubeck.errors import ConfigError

T = TypeVar("T")

HOOKS: Final = frozenset(
    (
        *("initialize", "prepare", "on_finish", "work", "authenticate"),
        *("admit", "get_current_user", "get_current_userprofile"),
        *("before_create", "before_update", "before_delete", "after_change"),
    )
)
"""The names of methods that are called for their effect or their value, and never iterated over."""

_UNUSUAL: Final = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_GENERATOR

_WRAPPERS: Final = (property, classmethod, staticmethod, cached_property, partialmethod)
"""What holds functions and, but for a static method, cannot be called itself."""


def check_plain(function: object, name: str, *, generators: bool = True) -> None:
    """Raise `ConfigError` for a coroutine function or an asynchronous generator.

    ``name`` is the function's in the message. Without ``generators`` a generator function is
    refused, too. Methods of classes and of properties, partial functions and objects with
    ``__call__`` are looked into.

    >>> async def guard(): ...
    >>> check_plain(guard, 'Notes.prepare')
    Traceback (most recent call last):
    brubeck.errors.ConfigError: Notes.prepare is a coroutine function, which nothing awaits here: \
write "def" without "async".
    """
    if _is_plain(function):
        return
    for each in functions_of(function):
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            raise ConfigError(
                f'{name} is a coroutine function, which nothing awaits here: write "def" '
                'without "async".'
            )
        if not generators and inspect.isgeneratorfunction(each):
            raise ConfigError(f'{name} is a generator, which nothing runs: leave out "yield".')


def check_methods(owner: type) -> None:
    """Raise `ConfigError` for a class with a method that `check_plain` refuses, inherited or not.

    `HOOKS` may not be generator functions either, and no mixin may stand where it has no say.
    """
    classes = owner.__mro__[:-1]  # without `object`
    _refuse_hidden(owner, classes)
    for at, each in enumerate(classes):
        for name, method in vars(each).items():
            if _is_plain(method) or any(name in vars(nearer) for nearer in classes[:at]):
                continue  # there are hundreds in a program, and nearly all are plain
            check_plain(method, f"{owner.__name__}.{name}", generators=name not in HOOKS)


def _refuse_hidden(owner: type, classes: tuple[type, ...]) -> None:
    """Refuse an attribute of a mixin that stands behind a class of this package that has it."""
    ours: list[type] = []
    for base in classes:
        if base.__module__.startswith("brubeck."):
            ours.append(base)
            continue
        for other in ours:
            both = vars(base).keys() & vars(other).keys()
            if name := min((each for each in both if not each.startswith("_")), default=""):
                raise ConfigError(
                    f"{owner.__name__}: {base.__name__}.{name} is hidden by {other.__name__}; "
                    f"name {base.__name__} before it."
                )


def _is_plain(value: object) -> bool:
    """Return whether a value is at a glance no coroutine function and no generator."""
    if isinstance(value, FunctionType):
        return not (value.__code__.co_flags & _UNUSUAL or value.__dict__)
    return not (callable(value) or isinstance(value, _WRAPPERS))


def functions_of(function: object) -> list[object]:
    """Return the functions of which a callable or a descriptor is made."""
    if isinstance(function, property):
        return [each for each in (function.fget, function.fset, function.fdel) if each]
    while True:
        if isinstance(function, staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, partial | partialmethod | cached_property):
            function = function.func
        else:
            break
    if not inspect.isroutine(function) and not isinstance(function, type) and callable(function):
        return [function, type(function).__call__]
    return [function]


def run_hook(hook: Callable[..., object], *args: object) -> None:
    """Call a guard or a hook; `TypeError` where it returns a value instead of None.

    A value could be a coroutine that never ran, or a "no" that nobody would look at.
    """
    result = hook(*args)
    if result is not None:
        name = getattr(hook, "__qualname__", repr(hook))
        raise _unusable(result, name, "it returns nothing, and raises a Problem to refuse")


def check_value(result: T, name: str) -> T:
    """Return a value; `TypeError` for a stand-in.

    That is a coroutine, a generator, or an exception that should have been raised.
    """
    if inspect.isawaitable(result) or inspect.isasyncgen(result) or inspect.isgenerator(result):
        raise _unusable(result, name, "it returns a value")
    if isinstance(result, BaseException):
        raise _unusable(result, name, "raise it")
    return result


def check_answer(result: object, name: str) -> bool:
    """Return the answer of a rule, which is True or False; `TypeError` for anything else."""
    if not isinstance(result, bool):
        raise _unusable(result, name, "it returns True or False")
    return result


def check_type(result: object, expected: type[T], name: str) -> T | None:
    """Return a value of a type, or None; `TypeError` for anything else."""
    if result is None or isinstance(result, expected):
        return result
    raise _unusable(result, name, f"it returns {expected.__name__} or None")


def _unusable(result: object, name: str, rule: str) -> TypeError:
    close: Callable[[], Any] | None = getattr(result, "close", None)
    if close is not None and (inspect.iscoroutine(result) or inspect.isgenerator(result)):
        close()  # else Python warns later that it never ran, far from here
    return TypeError(f"{name} returned {type(result).__name__}: {rule}")
