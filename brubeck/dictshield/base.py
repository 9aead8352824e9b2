"""The errors of documents: which field is wrong, with which value, and why.

`InvalidShield` is the programmer's fault and comes where a class is made. `ShieldException` is the
data's fault. Both carry a sentence that may be shown; a value is only ever quoted shortened.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from brubeck.errors import BrubeckError, ConfigError

__all__ = [
    "REFUSED",
    "USER_CODE_ERRORS",
    "DictPunch",
    "InvalidShield",
    "ShieldDocException",
    "ShieldException",
    "child_pointer",
    "json",
    "quoted",
    "shown",
    "subclass_exception",
]


USER_CODE_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError),
    *(LookupError, TypeError, ValueError),
)
"""The errors by which a validation callable refuses a value; any mistake in it does so as well."""


class InvalidShield(ConfigError):
    """A document class or a field that has been declared wrongly."""


class ShieldException(BrubeckError):
    """A value that its field refuses.

    ``reason`` is a sentence, ``field_name`` the field, ``field_value`` what was given and
    ``pointer`` the place of it in the document (a JSON pointer, RFC 6901).
    """

    def __init__(
        self,
        reason: str,
        field_name: str | None,
        field_value: object,
        *args: object,
        pointer: str | None = None,
    ) -> None:
        super().__init__(reason, field_name, field_value, *args)
        self.reason = reason
        self.field_name = field_name
        self.field_value = field_value
        self.pointer = child_pointer("", field_name) if pointer is None else pointer

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Every failing field as (JSON pointer, sentence)."""
        return [(self.pointer, self.reason)]

    def under(self, parent: str) -> ShieldException:
        """Return this error with the pointers of a document that holds the value at ``parent``."""
        at = parent + self.pointer
        return ShieldException(self.reason, self.field_name, self.field_value, pointer=at)

    def __str__(self) -> str:
        return f"{self.reason} - {self.field_name}:{quoted(self.field_value)}"


DictPunch = ShieldException
"""The name that DictShield gave `ShieldException` in its youth."""


REFUSED = (msgspec.MsgspecError, RecursionError, ShieldException, *USER_CODE_ERRORS)
"""Why reading in one pass of C may give up; then the careful way decides."""


class ShieldDocException(ShieldException):
    """A document with one or more fields that were refused.

    ``doc`` is the class name, ``error_list`` one `ShieldException` for each failing field; reason,
    field and value are those of the first.
    """

    def __init__(self, doc_name: str, error_list: list[ShieldException], *args: object) -> None:
        first = error_list[0]
        super().__init__(
            first.reason, first.field_name, first.field_value, *args, pointer=first.pointer
        )
        self.args = (doc_name, error_list, *args)
        self.doc = doc_name
        self.error_list = error_list

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Every failing field as (JSON pointer, sentence)."""
        return [found for error in self.error_list for found in error.errors]

    def under(self, parent: str) -> ShieldException:
        """Return these errors with the pointers of a document that holds this one at ``parent``."""
        return ShieldDocException(self.doc, [error.under(parent) for error in self.error_list])

    def __str__(self) -> str:
        told = [str(error) for error in self.error_list]
        return f"Document had {len(told)} errors - {told}"


def subclass_exception(
    name: str, parents: tuple[type[BaseException], ...], module: str
) -> type[BaseException]:
    """Return a new exception class, as DictShield made them."""
    return type(name, parents, {"__module__": module})


def child_pointer(parent: str, key: str | int | None) -> str:
    """Return the JSON pointer of a member (RFC 6901, section 3); the parent's own for None.

    >>> child_pointer('/tags', 0), child_pointer('', 'a/b')
    ('/tags/0', '/a~1b')
    """
    if key is None:
        return parent
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


def quoted(value: Any) -> str:
    """Return a value as a short, printable text for a message."""
    try:
        text = str(value)
    except (ValueError, TypeError, RecursionError):
        text = type(value).__name__
    shown = text[:60].encode("utf-8", "backslashreplace").decode()
    return shown if len(text) <= 60 else f"{shown}…"


def shown(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return a native value converted; one that never was native, as stored ones may be, as is."""
    try:
        return convert(value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, ShieldException):
        return value
