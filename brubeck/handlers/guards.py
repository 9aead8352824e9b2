"""Guards by habit: names that refuse requests in streams or in other frameworks, and nowhere else.

A class with one of them that no code of it reads looks protected, and lets everybody pass. So it is
refused where it is served.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, Final

from brubeck.callables import functions_of
from brubeck.errors import ConfigError
from brubeck.handlers.message import HTTP_METHODS, MessageHandler

OF_STREAMS: Final = (
    *("scopes", "owned", "may_read", "may_write", "read_only", "rate", "access"),
    *("admit", "before_create", "before_update", "before_delete", "partitions", "cors"),
)
"""The declarations and hooks by which a stream alone refuses requests."""
ELSEWHERE: Final = {
    "rate_limit": "rate",
    "private": "may_read",
    "is_owned": "owned",
    "readers": "may_read",
    "login_required": "may_read and may_write",
    "auth_required": "may_read and may_write",
    "requires_auth": "may_read and may_write",
    "protected": "may_read and may_write",
    "is_private": "may_read",
    "append_only": "read_only",
    "immutable": "read_only",
    "writable": "read_only",
    "read_scope": "scopes",
    "write_scope": "scopes",
    "throttle": "rate",
    "allowed_origins": "cors",
    "authorize": "admit",
    "check_permissions": "admit",
    "has_permission": "admit",
    "check_access": "admit",
    "is_allowed": "admit",
    "dispatch": "prepare",
    "get_queryset": "access",
    "authentication": "schemes",
    "require_scope": "scopes",
    "required_scopes": "scopes",
    "allowed_methods": "read_only",
    "http_method_names": "read_only",
    "is_read_only": "read_only",
    "readonly": "read_only",
    "methods": "read_only",
    "permissions": "scopes",
    "permission_classes": "access",
    "authentication_classes": "schemes",
    "throttle_classes": "rate",
    "permission_required": "scopes",
    "allowed_roles": "scopes",
    "dependencies": "schemes and admit",
    "decorators": "prepare",
    "method_decorators": "prepare",
    "test_func": "admit",
    "check_object_permissions": "access",
    "has_object_permission": "access",
    "filter_queryset": "access",
    "__acl__": "access",
}
"""The names in other frameworks, and what a stream declares instead."""
_ANSWERING: Final = tuple(each for each in HTTP_METHODS if each != "options")
_READ_BY: Final = {
    "schemes": ("schemes", "current_user", "get_current_user"),
    "get_current_user": ("current_user", "get_current_user"),
}
"""The guards of a `UserHandlingMixin`, and all in a method's code that reads them."""


def refuse_unread(handler: type) -> None:
    """Raise `ConfigError` for the guard of a handler that none of its methods reads.

    A handler that answers no method has nothing to protect. What its base class has may be for
    other pages: one whose base knows users may be the page on which they log in.
    """
    if not any(callable(getattr(handler, each, None)) for each in _ANSWERING):
        return
    for name in (*OF_STREAMS, *ELSEWHERE, *_READ_BY):
        if _is_its_own(name, handler) and not is_read(name, handler):
            raise ConfigError(
                f"{handler.__name__}.{name} protects nothing: no method reads it. Refuse requests "
                "in prepare, by a Problem, or with a decorator such as authenticated."
            )


def _is_its_own(name: str, handler: type) -> bool:
    """Return whether a guard is meant for a handler: by itself, a mixin, or a word of a base."""
    if name in vars(handler) or name in _READ_BY:
        return name in vars(handler)
    return any(
        name in vars(base) and not (issubclass(base, MessageHandler) and callable(vars(base)[name]))
        for base in own_classes(handler)
    )


def is_read(name: str, owner: type) -> bool:
    """Return whether a method of the program in a class reads a guard, or the guard is empty.

    A method reads what its code names, or that of a function or a class of the program which it
    names: such a one may be given the handler.
    """
    wanted = _READ_BY.get(name, (name,))
    return not getattr(owner, name, None) or any(each in wanted for each in _mentions(owner))


def own_classes(owner: type) -> list[type]:
    """Return the classes of the program among a class and its bases."""
    return [base for base in owner.__mro__ if not _is_ours(base) and base is not object]


def _mentions(owner: type) -> Iterator[str]:
    """Yield the names and texts in the code of a class, and of all that it names."""
    pending: list[object] = [each for base in own_classes(owner) for each in vars(base).values()]
    seen: set[int] = set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, FunctionType):
            pending += _members(value)
        elif not _is_of_python(value.__module__):
            names = list(_names(value.__code__))
            yield from names
            known = value.__globals__
            pending += [known[each] for each in names if each in known]
            pending += [each.cell_contents for each in value.__closure__ or () if _is_filled(each)]
            pending += vars(value).values()  # what a decorator has wrapped


def _members(value: object) -> Iterable[object]:
    """Return the functions of a descriptor or a callable, or those of a class of the program."""
    found = [getattr(each, "__func__", each) for each in functions_of(value)]
    found = [getattr(each, "__wrapped__", each) for each in found]
    functions = [each for each in found if isinstance(each, FunctionType)]
    kind = value if isinstance(value, type) else type(value)
    if _is_of_python(kind.__module__) or issubclass(kind, MessageHandler):
        return functions  # another handler reads guards of its own
    return [*functions, *(each for base in own_classes(kind) for each in vars(base).values())]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, str):
            yield each  # as in getattr(self, "scopes")
        elif isinstance(each, CodeType):
            yield from _names(each)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("brubeck.")


def _is_of_python(module: str | None) -> bool:
    """Return whether a module is of the standard library, where nobody knows these guards."""
    return (module or "").partition(".")[0] in sys.stdlib_module_names
