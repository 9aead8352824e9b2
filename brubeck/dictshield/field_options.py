"""The options that every field takes: for type checkers, and as they are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from brubeck.canonical import sound_text
from brubeck.dictshield.base import USER_CODE_ERRORS, InvalidShield, ShieldException
from brubeck.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Container


class FieldOptions(TypedDict, total=False):
    """The options of every field; each field has further ones of its own.

    ``required``: a value must be there. ``default``: a value, or a callable without arguments that
    makes one. ``choices``: the only values allowed. ``validation``: a callable that returns
    whether it likes the value, or raises `ShieldException`. ``uniq_field``: the key in JSON and in
    a database. ``id_field``: this field is the document's id, under the key ``_id``.
    ``minimized_field_name``: a short key for shaped output. ``description``: for people.
    ``example``: a value that a description of an API shows.
    """

    uniq_field: str | None
    field_name: str | None
    required: bool
    default: Any
    id_field: bool
    validation: Callable[[Any], Any] | None
    choices: Container[Any] | None
    description: str | None
    example: Any
    minimized_field_name: str | None


class OptionChecker:
    """The part of a field that checks its own options; `BaseField` has the rest."""

    validation: Callable[[Any], Any] | None
    choices: Container[Any] | None
    description: str | None
    default: Any
    example: Any
    _unknown: dict[str, Any]

    def _validate(self, value: Any) -> Any:
        """Return the native value of one that the field takes."""
        raise NotImplementedError

    def refuse_misuse(self) -> None:
        """Raise `InvalidShield` when the field's own declaration cannot be right."""
        for option in self._unknown:
            known = {*FieldOptions.__annotations__, *vars(self)} - {"_unknown", "owner_document"}
            known = {name for name in known if not name.startswith("_")}
            raise InvalidShield(
                f'{type(self).__name__} has no option "{option}".{did_you_mean(option, known)}'
            )
        if self.validation is not None and not callable(self.validation):
            raise InvalidShield("validation must be a callable.")
        contains = hasattr(self.choices, "__contains__") and not isinstance(self.choices, str)
        if self.choices is not None and not contains:
            raise InvalidShield("choices must be a list or another container.")
        for option in ("uniq_field", "minimized_field_name"):
            if not _is_key(getattr(self, option) or ""):
                raise InvalidShield(f"{option} must be text without quotes and the like.")
        if not isinstance(self.description, str | None):
            raise InvalidShield("description must be text.")

    def refuse_default(self) -> None:
        """Raise `InvalidShield` when the default fails the field's own checks."""
        if not callable(self.default):
            self._refuse("default", self.default)

    def refuse_example(self) -> None:
        """Raise `InvalidShield` when the example fails the field's own checks."""
        self._refuse("example", self.example)

    def _refuse(self, option: str, value: Any) -> None:
        if value is None:
            return
        try:
            self._validate(value)
        except (ShieldException, *USER_CODE_ERRORS) as reason:
            said = reason.reason if isinstance(reason, ShieldException) else str(reason)
            raise InvalidShield(f"its {option} is refused by itself: {said}") from reason


def _is_key(name: Any) -> bool:
    """Return whether a text may be a key in JSON as it is, without escapes."""
    plain = isinstance(name, str) and sound_text(name)
    return plain and not any(sign in '"\\' or sign < " " for sign in name)
