"""Declarations of a stream's class that are misspelt, misplaced or of another type.

Rules:

- The attributes of mixins count as those of the class, and so does what a decorator has added by
  the time the stream is served.
- Rules of access take an `AuthStreamHandler`: on any other stream they would protect nothing.
"""

from __future__ import annotations

import inspect
import logging
import re
import sys
from difflib import get_close_matches
from typing import Any, Final

from brubeck.errors import ConfigError, did_you_mean
from brubeck.explorer.options import Explorer
from brubeck.handlers.guards import ELSEWHERE, own_classes, refuse_unread
from brubeck.handlers.message import HTTP_METHODS
from brubeck.handlers.reading import Reading
from brubeck.streams.access import OpenAccess, ProtectedAccess
from brubeck.streams.context import HOOKS, Hooks
from brubeck.streams.declaration import Declaration
from brubeck.streams.documents import OwnedDocument, SharedDocument, StreamedDocument

log = logging.getLogger("brubeck.app")

OF_AUTH: Final = ("schemes", "scopes", "owned", "may_read", "may_write")
"""The declarations that an `AuthStreamHandler` adds."""
ALL_HOOKS: Final = (*HOOKS, "get_current_user")
DECLARATIONS: Final = (*Declaration.__annotations__, "access", *OF_AUTH)
"""The names of all class attributes that declare something."""
CHECKS: Final = (
    *("authenticate", "recheck", "is_open", "may_choose_ids", "check_new_id", "check_document"),
    *("assign_owner", "check_change"),
)
"""The methods of an access class that are named like nothing else; ``may_read`` is a rule, too."""
_NEVER_READ: Final = ELSEWHERE | {
    "geometry": "_geometry of the model",
    "_geometry": "_geometry of the model",
    "bbox": "filters",
    "private_fields": "_private_fields of the model",
    "_private_fields": "_private_fields of the model",
    "hidden_fields": "_private_fields of the model",
    "__call__": "prepare",
}
"""What would restrict a stream elsewhere, and the name of that here."""
_RESTRICTING: Final = frozenset((*OF_AUTH, "read_only", "rate", "cors", "partitions", "max_batch"))
"""The declarations that refuse requests."""
_PRIVATE: Final = re.compile(
    r"_?(?:private|hidden|secret|internal|public)s?(?:_?fields?)?", re.IGNORECASE
)
"""The names of nearly `_private_fields`."""
_MOMENTS: Final = re.compile(
    r"(?:on|pre|post|perform|validate|check|can)_(?:create|update|delete|change|save|insert|write)d?"
)
"""The names of hooks elsewhere."""


def check_stream(stream: object) -> None:
    """Raise `ConfigError` for anything but the class of a stream with a model."""
    name = getattr(stream, "__name__", repr(stream))
    if not (isinstance(stream, type) and issubclass(stream, Declaration)):
        raise ConfigError(f"{name} is no StreamHandler, and so no stream that can be served.")
    if not hasattr(stream, "model"):
        raise ConfigError(f"{name} has no model; a stream is made of documents.")
    _warn_of_owners(stream)


def _warn_of_owners(stream: Any) -> None:
    """Log that a stream asks for neither the owners nor the readers that its items have.

    It is no error: one model may be that of a stream of owners and of a public one.
    """
    name = stream.__name__
    if issubclass(stream.model, OwnedDocument) and stream.access is OpenAccess:
        log.warning(
            "%s.model is an OwnedDocument, and %s knows no owners, so that its items are "
            "everybody's: make it an AuthStreamHandler, or give it another model.",
            *(name, name),
        )
    is_asked = stream.access is not ProtectedAccess or stream.owned or stream.may_read
    if issubclass(stream.model, SharedDocument) and not is_asked:
        log.warning(
            "%s.model is a SharedDocument, whose readers count only in an owned stream: "
            "declare owned = True, or who may_read.",
            name,
        )


def check_values(stream: Any) -> None:
    """Raise `ConfigError` for a number, a switch or a title of another type."""
    name = stream.__name__
    for number in ("page_size", "max_page_size", "max_batch"):
        value = getattr(stream, number)
        if type(value) is not int or value < 1:
            raise ConfigError(f"{name}.{number} is a whole number of at least 1, not {value!r}.")
    for switch in ("read_only", "accept_created_at"):
        value = getattr(stream, switch)
        if not isinstance(value, bool):
            raise ConfigError(f"{name}.{switch} is True or False, not {value!r}.")
    if not isinstance(stream.explorer, bool | Explorer):
        found = repr(stream.explorer)
        raise ConfigError(f"{name}.explorer is True, False or an Explorer(…), not {found}.")
    for text in ("feed_title", "description"):
        value = getattr(stream, text)
        if not isinstance(value, str):
            raise ConfigError(f"{name}.{text} is a text, not {value!r}.")
    if stream.page_size > stream.max_page_size:
        raise ConfigError(f"{name}: 1 <= page_size <= max_page_size does not hold.")


def refuse_misspelt(stream: type) -> None:
    """Raise `ConfigError` for an attribute that is nearly a declaration, or nearly a hook."""
    for base in own_classes(stream):
        _refuse_misspelt_in(base, stream)
        _refuse_replacing_in(base, stream)


def refuse_methods(stream: type) -> None:
    """Raise `ConfigError` for a ``get`` and the like: a stream has several resources."""
    for name in (*HTTP_METHODS, "initialize"):
        if any(vars(base).get(name) is not None for base in own_classes(stream)):
            raise ConfigError(
                f"{stream.__name__}.{name} would replace the pages, the items and the changes of "
                "the stream alike, and is never called. Use the hooks of a StreamHandler, "
                "declare a resource of your own (collection, items, changes), or add a route."
            )


def check_access(access: type) -> None:
    """Raise `ConfigError` for a method of an access class that nobody calls.

    A hook or a declaration belongs to the stream, and a ``check_…`` or ``may_…`` of a name that an
    access class does not have is misspelt.
    """
    known = _public_names(access)
    for base in own_classes(access):
        for name in vars(base).keys() - known:
            if name in ALL_HOOKS or name in DECLARATIONS:
                raise ConfigError(
                    f"{base.__name__}.{name} is never read there: it belongs to the stream's class."
                )
            _refuse_unasked(name, access)
            if name.startswith("_"):
                continue
            near = get_close_matches(name, sorted(known), n=1, cutoff=0.8)
            if near or name.startswith(("check_", "may_", "can_")):
                hint = did_you_mean(name, near or sorted(known))
                raise ConfigError(f"{base.__name__}.{name} is no check, and is never called.{hint}")


def check_resource(resource: type) -> None:
    """Raise `ConfigError` for a hook, a declaration or a check in the class of a resource."""
    known = _public_names(resource)
    for base in own_classes(resource):
        for name in sorted(vars(base).keys() - known):
            if name in CHECKS or name in ALL_HOOKS or name in _RESTRICTING:
                owner = "access class" if name in CHECKS else "class"
                raise ConfigError(
                    f"{base.__name__}.{name} is never read there: it belongs to the stream's "
                    f"{owner}."
                )
            _refuse_unasked(name, resource)


def _refuse_unasked(name: str, owner: type) -> None:
    """Refuse a guard of other frameworks in a class of a stream, where none of its methods asks."""
    if name in ELSEWHERE:
        refuse_unread(name, owner, f"A stream declares {ELSEWHERE[name]}")


def check_model(model: type) -> None:
    """Raise `ConfigError` for a list of a model that is nearly the one of its private fields."""
    for base in model.__mro__:
        if isinstance(vars(base).get("geometry"), tuple | list | str):
            raise ConfigError(
                f'{base.__name__}.geometry declares nothing. Did you mean "_geometry"?'
            )
        # A document that a call of its metaclass made says that it is of a module of this package.
        if getattr(sys.modules.get(base.__module__), base.__name__, None) is base and _is_ours(
            base
        ):
            continue
        for name, value in vars(base).items():
            is_list = isinstance(value, list | tuple | set | frozenset | str)
            if is_list and _PRIVATE.fullmatch(name) and not hasattr(StreamedDocument, name):
                raise ConfigError(
                    f'{base.__name__}.{name} hides nothing. Did you mean "_private_fields"?'
                )


def _public_names(cls: type) -> set[str]:
    """Return the public names of the classes of this package among the bases of a class."""
    ours = [base for base in cls.__mro__ if _is_ours(base)]
    return {name for base in ours for name in vars(base) if not name.startswith("_")}


def overridden_hooks(stream: type) -> frozenset[str]:
    """Return the names of the hooks that a class overrides.

    Raises `ConfigError` for a hook that cannot be called with the arguments of its kind.
    """
    names = frozenset(name for name in ALL_HOOKS if _overrides(stream, name))
    for name in names:
        _check_arguments(stream, name)
    return names


def _is_ours(base: type) -> bool:
    return base.__module__.startswith("brubeck.")


def _refuse_misspelt_in(base: type, stream: type) -> None:
    ours = [each for each in stream.__mro__ if _is_ours(each)]
    known = {name for each in ours for name in vars(each)}
    streams = [each for each in ours if issubclass(each, Declaration)]
    of_streams = {name for each in streams for name in vars(each)}
    for name, value in vars(base).items():
        guards = name in (*OF_AUTH, "get_current_user") and hasattr(stream, "model")
        if guards and name not in of_streams:
            raise ConfigError(f"{stream.__name__}.{name} takes an AuthStreamHandler.")
        if name in DECLARATIONS or name in known:
            continue
        if hasattr(value, "__get__"):
            _refuse_misspelt_hook(name, stream)
        elif near := get_close_matches(name, DECLARATIONS, n=1, cutoff=0.8):
            raise ConfigError(
                f'{stream.__name__}.{name} declares nothing. Did you mean "{near[0]}"?'
            )
        _refuse_foreign(name, stream)


def _refuse_replacing_in(base: type, stream: type) -> None:
    """Refuse a hook in place of one of Brubeck's own, as `Webhooks` has, that does not call it."""
    after = stream.__mro__[stream.__mro__.index(base) + 1 :]
    for name in sorted(vars(base).keys() & set(ALL_HOOKS)):
        owner = next((each for each in after if name in vars(each)), object)
        code = getattr(vars(base)[name], "__code__", None)
        is_replaced = _is_ours(owner) and not owner.__module__.startswith("brubeck.streams.")
        if is_replaced and code is not None and name not in code.co_names:
            raise ConfigError(
                f"{stream.__name__}.{name} replaces that of {owner.__name__}, which checks and "
                f"completes documents: call super().{name}(…) in it."
            )


def _refuse_foreign(name: str, stream: type) -> None:
    """Refuse what restricts a stream elsewhere, or in another class, and nothing here."""
    if name in CHECKS:
        raise ConfigError(
            f"{stream.__name__}.{name} is never called: it belongs to the class that the stream "
            "declares as access."
        )
    meant = _NEVER_READ.get(name) or (name.lower() if name.lower() in DECLARATIONS else "")
    if name.startswith(("may_", "can_")):
        meant = meant or "may_read and may_write"
    if _MOMENTS.fullmatch(name):
        meant = meant or "before_create, before_update, before_delete and after_change"
    if meant and not (name in ELSEWHERE and name in Reading.of(stream, name).names):
        raise ConfigError(f"{stream.__name__}.{name} declares nothing; there is {meant}.")


def _refuse_misspelt_hook(name: str, stream: type) -> None:
    """Refuse a method that is nearly a hook: it would never be called."""
    near = get_close_matches(name, ALL_HOOKS, n=1, cutoff=0.8)
    if near or name.startswith(("before_", "after_")):
        hint = did_you_mean(name, near or ALL_HOOKS)
        raise ConfigError(f"{stream.__name__}.{name} is no hook, and is never called.{hint}")


def _overrides(stream: type, name: str) -> bool:
    """Return whether a class of the program, or a mixin, defines a hook."""
    for base in stream.__mro__:
        if name in vars(base):
            return not base.__module__.startswith("brubeck.streams.")
    return False


def _check_arguments(stream: type, name: str) -> None:
    known: Any = getattr(Hooks, name, None)
    expected = list(inspect.signature(known).parameters)[1:] if known else ["context"]
    static = inspect.getattr_static(stream, name)
    hook = static.__func__ if isinstance(static, staticmethod | classmethod) else static
    arguments = expected if isinstance(static, staticmethod) else ["self", *expected]
    try:
        inspect.signature(hook).bind(*arguments)
    except TypeError:
        taken = ", ".join(["self", *expected])
        raise ConfigError(f"{stream.__name__}.{name} takes ({taken}).") from None
    except ValueError:
        return  # a callable without a signature, such as one written in C
