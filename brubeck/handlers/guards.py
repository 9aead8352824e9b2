"""Guards by habit: names that refuse requests in streams or in other frameworks, and nowhere else.

A class with one of them that no code of it reads looks protected, and lets everybody pass. So it is
refused where it is served.
"""

from __future__ import annotations

import logging
from inspect import getattr_static
from typing import Final

from brubeck.errors import ConfigError
from brubeck.handlers.message import HTTP_METHODS, MessageHandler
from brubeck.handlers.reading import Reading

log = logging.getLogger("brubeck.app")

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
    "require_login": "may_read and may_write",
    "requires_login": "may_read and may_write",
    "require_auth": "may_read and may_write",
    "authentication_required": "may_read and may_write",
    "required_roles": "scopes",
    "staff_only": "scopes",
    "admin_only": "scopes",
    "requires_admin": "scopes",
    "owner_only": "owned",
    "get_permissions": "access",
    "check_permission": "admit",
    "has_permissions": "admit",
    "required_permissions": "scopes",
    "require_permission": "scopes",
    "requires_scopes": "scopes",
    "is_authorized": "admit",
    "can_access": "admit",
    "allowed_users": "admit",
    "allowed_groups": "scopes",
    "ip_allowlist": "admit",
    "ratelimit": "rate",
    "rate_limits": "rate",
    "throttles": "rate",
    "before_request": "prepare",
    "process_request": "prepare",
    "pre_dispatch": "prepare",
}
"""The names in other frameworks, each with the declaration of a stream for it."""
_ANSWERING: Final = tuple(each for each in HTTP_METHODS if each != "options")
_OF_USERS: Final = ("schemes", "get_current_user")
"""The guards of a `UserHandlingMixin`."""


def check_guards(handler: type, *, is_api: bool = False) -> None:
    """Raise `ConfigError` for the guard of a handler that none of its methods reads.

    Where something else may read it, as a decorator of the program or a function that is given the
    handler, it is logged. A handler that answers no method has nothing to protect. What its base
    class has may be for other pages: one whose base knows users may be the page to log in, unless
    it ``is_api``: all methods of an AutoAPI are Brubeck's own.
    """
    if not any(callable(getattr(handler, each, None)) for each in _ANSWERING):
        return
    for name in (*OF_STREAMS, *ELSEWHERE):
        if _is_its_own(name, handler):
            refuse_unread(name, handler, "Refuse requests in prepare, by a Problem")
    for name in _OF_USERS:
        if name in vars(handler) or (is_api and _is_its_own(name, handler)):
            refuse_unread(name, handler, "Decorate methods, such as with authenticated")


def refuse_unread(name: str, owner: type, remedy: str) -> None:
    """Raise `ConfigError` for a guard that no method of a class reads; log it if others may."""
    reading = Reading.of(owner, name)
    wanted = (name, "current_user", "get_current_user") if name in _OF_USERS else (name,)
    if _is_empty(name, owner) or not reading.names.isdisjoint(wanted):
        return
    if not reading.is_partial:
        raise ConfigError(
            f"{owner.__name__}.{name} protects nothing: no method reads it. {remedy}."
        )
    log.warning(
        "%s.%s may protect nothing: no method of the class reads it by name. %s.",
        *(owner.__name__, name, remedy),
    )


def own_classes(owner: type) -> list[type]:
    """Return the classes of the program among a class and its bases."""
    return [base for base in owner.__mro__ if not _is_ours(base.__module__) and base is not object]


def _is_its_own(name: str, handler: type) -> bool:
    """Return whether a guard is meant for a handler: by itself, a mixin, or a word of a base."""
    return any(
        name in vars(base)
        and (
            base is handler
            or not issubclass(base, MessageHandler)
            or not callable(vars(base)[name])
        )
        for base in own_classes(handler)
    )


def _is_empty(name: str, owner: type) -> bool:
    value = getattr_static(owner, name, None)  # a descriptor of the program is not asked
    if value is None or value is False:
        return True
    return isinstance(value, str | tuple | list | set | frozenset | dict) and not value


def _is_ours(module: str) -> bool:
    return module.startswith("brubeck.")
