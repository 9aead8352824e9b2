"""Conditions on values: whether a record meets them, and whether an earlier version may have.

This is the meaning of a filter; a storage that leaves the work to its server has to mean the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from brubeck.storage.records import FieldCondition, Scalar
from brubeck.storage.schema import Values

Former: TypeAlias = dict[str, list[Scalar] | None]
"""The values that each field had in earlier versions; None when it may have had any."""

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

_as_set: Callable[[Any], frozenset[Scalar]] = lru_cache(maxsize=256)(frozenset)
"""The values of a condition as a set, made once for all the records that a query looks at."""


def meets(where: Iterable[FieldCondition], values: Mapping[str, Values]) -> bool:
    """Return whether a record with these values meets every condition.

    >>> meets([FieldCondition('magnitude', 'gte', 4.5)], {'magnitude': (5.1,)})
    True
    """
    return all(_any(condition, values[condition.name]) for condition in where)


def may_have_met(
    where: Iterable[FieldCondition], values: Mapping[str, Values], former: Former
) -> bool:
    """Return whether some version of a record, the present one included, may have met them all."""
    for condition in where:
        if _any(condition, values.get(condition.name, ())):
            continue
        past = former.get(condition.name, ())
        if past is not None and not _any(condition, past):
            return False
    return True


def range_bounds(condition: FieldCondition) -> list[tuple[Any, Any]]:
    """Return the least and the greatest value of each range of a ``within`` condition.

    >>> range_bounds(FieldCondition('longitude', 'within', (170, 180, -180, -170)))
    [(170, 180), (-180, -170)]
    """
    bounds: Any = condition.value
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def _any(condition: FieldCondition, values: Iterable[Any]) -> bool:
    if condition.operator == "in":
        # Up to 50 values against up to 100 of each record: one by one that takes 5,000 comparisons.
        return not _as_set(condition.value).isdisjoint(values)
    if condition.operator == "within":
        ranges = range_bounds(condition)
        return any(low <= value <= high for value in values for low, high in ranges)
    compare = _COMPARE[condition.operator]
    return any(compare(value, condition.value) for value in values)
