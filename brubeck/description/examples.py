"""Examples of values for the description of an API: declared, or made from the field's type.

An example is JSON that the field itself accepts; where none of a few common values is accepted,
such as with a pattern, there is no example unless ``example=`` declares one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from brubeck.dictshield.base import USER_CODE_ERRORS, shown
from brubeck.dictshield.limits import Faults, TooManyFaults

_DATE: Final = "2026-01-31"
_NUMBERS: Final = (1, 12.5, 0)
_TEXTS: Final = (
    *("text", "ella@example.org", "https://example.org/", f"{_DATE}T12:00:00Z", _DATE, "12:00:00"),
    *("12.50", "192.0.2.1", "0b5ac3d4-6e0f-4c0a-9b0e-5a3f3f7f2d11", "65bf1a2e9c3b4d5e6f708192"),
    *("a", "1", "A", "en"),
)
_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "string": _TEXTS,
    "datetime": (f"{_DATE}T12:00:00Z", _DATE, "12:00:00"),
    "integer": _NUMBERS,
    "number": (12.5, *_NUMBERS),
    "boolean": (True,),
    "milliseconds": (1_769_860_800_000,),
    "any": ("text",),
}
"""The values that are tried, by the kind of a field."""


def example_of(field: Any, above: tuple[type, ...] = ()) -> Any:
    """Return an example of a field's values as JSON; None where there is none.

    ``above`` are the classes of documents that the value is in: none of them comes again.

    >>> from brubeck.dictshield.fields import EmailField, IntField
    >>> example_of(EmailField()), example_of(IntField(min_value=5)), example_of(IntField(example=7))
    ('ella@example.org', 5, 7)
    """
    if field.example is not None:
        return shown(field.adopt(field.example), field.for_json)
    return next((each for each in _candidates(field, above) if _is_accepted(field, each)), None)


def _candidates(field: Any, above: tuple[type, ...]) -> Iterator[Any]:
    """Yield values that a field may accept, the best first."""
    document = getattr(field, "document_type", None)
    if isinstance(field.choices, list | tuple):
        yield from (shown(field.adopt(choice), field.for_json) for choice in field.choices)
    elif document is not None:
        if document not in above:
            yield _document(document, (*above, document))
    elif field.kind == "list":
        yield from _lists(field, above)
    elif field.kind == "object":
        yield {}
    else:
        yield from _plain(field)


def _document(document: Any, above: tuple[type, ...]) -> dict[str, Any]:
    """Return an example of an embedded document."""
    fields = document._fields.values()
    parts = {each.uniq_field: example_of(each, above) for each in fields}
    return {name: value for name, value in parts.items() if value is not None}


def _lists(field: Any, above: tuple[type, ...]) -> Iterator[list[Any]]:
    item = None if field.item_field is None else example_of(field.item_field, above)
    if item is not None:
        yield [item]
    yield from ([12.5, 12.5], [])


def _plain(field: Any) -> Iterator[Any]:
    """Yield common values of a kind, then the ones at the field's own bounds."""
    yield from _VALUES.get(field.kind, ())
    for name in ("min_value", "max_value"):
        if isinstance(bound := getattr(field, name, None), int | float):
            yield bound
    if isinstance(least := getattr(field, "min_length", None), int):
        yield ("text" * least)[:least]


def _is_accepted(field: Any, value: Any) -> bool:
    faults = Faults()
    try:
        field.accept(value, "", faults, "refuse")
    except (TooManyFaults, *USER_CODE_ERRORS):
        return False
    return not faults
