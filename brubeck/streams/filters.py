"""Declared filters: the fields of a stream that may be filtered by, and parsing of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from math import isfinite
from typing import Any, Final, Protocol, cast

import msgspec

from brubeck.dictshield.fields import DateTimeField, DecimalField
from brubeck.errors import ConfigError, did_you_mean
from brubeck.storage import FieldCondition, FieldInfo, Scalar
from brubeck.storage.records import Operator
from brubeck.storage.schema import Kind, filter_key
from brubeck.streams.cursors import parse_time
from brubeck.streams.geometry import POINT_LATITUDES, POINT_LONGITUDES, Geometry, parse_box

RESERVED: Final = frozenset(
    ("limit", "count", "order", "before", "after", "since", "until", "fields", "total", "wait")
)
BBOX: Final = "bbox"
"""The name of the filter by position; where the model has a field of that name, it is a field's."""
MAX_CHOICES: Final = 50
"""How many values an ``__in`` filter takes: each of them is work for the storage."""
_WHOLE: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)
OPERATORS: Final = ("eq", "gt", "gte", "lt", "lte", "in")


class Filter(msgspec.Struct, frozen=True):
    """One declared filter: the parameter's name, the field it asks, how, and the field's kind."""

    parameter: str
    field: str
    operator: Operator
    kind: Kind

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields whose values it compares, as the storage knows them."""
        return (self.field,)

    def conditions(self, values: list[str]) -> tuple[FieldCondition, ...]:
        """Return the conditions that the parameter's values mean; `ValueError` for bad ones."""
        return (self.condition(values),)

    def condition(self, values: list[str]) -> FieldCondition:
        """Return the condition that the parameter's values mean; `ValueError` for bad ones."""
        if self.operator == "in":
            if len(values) > MAX_CHOICES:
                raise ValueError(f"it takes at most {MAX_CHOICES} values, not {len(values)}")
            return FieldCondition(self.field, "in", tuple(self._read(value) for value in values))
        if len(values) > 1:
            raise ValueError("it is given more than once")
        return FieldCondition(self.field, self.operator, self._read(values[0]))

    def _read(self, text: str) -> Scalar:
        if self.kind == "milliseconds":
            # No item has anything finer: it is rounded to where it changes nothing.
            return parse_time(text, "down" if self.operator in ("gt", "lte") else "up")
        key = filter_key(_READERS[self.kind](text), self.kind)
        assert key is not None  # noqa: S101, a reader returns values of its kind
        return key


class BoxFilter(Filter, frozen=True):
    """The filter ``bbox``: only items with a position in a box; see `brubeck.streams.geometry`."""

    geometry: Geometry

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the latitude, the longitude and the height, if there is one."""
        geometry = self.geometry
        if geometry.point:
            return f"{geometry.point}@latitude", f"{geometry.point}@longitude"
        found = (geometry.latitude, geometry.longitude, geometry.height)
        return tuple(each for each in found if each)

    def conditions(self, values: list[str]) -> tuple[FieldCondition, ...]:
        """Return the conditions that a box means; `ValueError` for a bad one.

        Its numbers may also come one by one, as a list is sent by `brubeck.client`.
        """
        if len(values) not in (1, 4, 6):
            raise ValueError("it is given more than once")
        box = parse_box(",".join(values), has_height=bool(self.geometry.height))
        ranges = (box.latitudes, box.longitudes, box.heights)
        pairs = zip(self.fields, ranges, strict=False)  # a box needs no heights
        return tuple(FieldCondition(name, "within", bounds) for name, bounds in pairs if bounds)

    def infos(self) -> dict[str, FieldInfo]:
        """Return the storage's information on the values inside a point."""
        point = self.geometry.point
        if not point:
            return {}
        keys = ((0, *POINT_LATITUDES), (1, *POINT_LONGITUDES))
        return {
            name: FieldInfo("number", indexed=True, source=point, keys=each)
            for name, each in zip(self.fields, keys, strict=True)
        }


class ModelField(Protocol):
    """The attributes of a document's field that a filter uses."""

    kind: str
    item_kind: str | None


def declare_filters(
    declared: Iterable[str],
    fields: Mapping[str, Any],
    owner: str,
    *,
    hidden: Container[str] = (),
    geometry: Geometry | None = None,
) -> dict[str, Filter]:
    """Return the filters of a handler by parameter; `ConfigError` for one that cannot be.

    A filter is a field's name, for equality, or a name with an operator: ``magnitude__gte``; or
    ``bbox``, for the items with a position in a box, by their ``geometry``. None may ask for what
    is ``hidden``: which items meet it would tell what they hold.
    """
    if isinstance(declared, str):
        raise ConfigError(f'{owner}.filters is a tuple of names: write ("{declared}",).')
    filters: dict[str, Filter] = {}
    for parameter in declared:
        if parameter == BBOX and BBOX not in fields:
            filters[BBOX] = _box_filter(geometry, owner)
            continue
        name, separator, operator = parameter.partition("__")
        if separator and operator not in OPERATORS:
            hint = did_you_mean(operator, OPERATORS)
            raise ConfigError(f'{owner}.filters: "{parameter}" has no such operator.{hint}')
        if name not in fields:
            hint = did_you_mean(name, fields)
            raise ConfigError(f'{owner}.filters: the model has no field "{name}".{hint}')
        if name in hidden:
            raise ConfigError(
                f'{owner}.filters: "{parameter}" would tell what {name} holds, which is private.'
            )
        if parameter in RESERVED:
            raise ConfigError(
                f'{owner}.filters: "{parameter}" is a parameter of every stream; '
                f'declare "{parameter}__eq".'
            )
        kind = _kind(fields[name], parameter, owner)
        if _has_format(fields[name]) and operator in ("gt", "gte", "lt", "lte"):
            raise ConfigError(
                f'{owner}.filters: "{parameter}" compares texts in the format of {name}, which do '
                "not sort as moments do; declare equality or __in, or the field without a format."
            )
        filters[parameter] = Filter(parameter, name, cast("Operator", operator or "eq"), kind)
    return filters


def _box_filter(geometry: Geometry | None, owner: str) -> BoxFilter:
    if geometry is None:
        raise ConfigError(
            f'{owner}.filters: "{BBOX}" takes items with a position: a GeoPointField, numbers '
            'called longitude and latitude, or _geometry = ("…", "…") on the model.'
        )
    return BoxFilter(BBOX, BBOX, "within", "string", geometry)


def field_infos(fields: Mapping[str, Any], filters: Mapping[str, Filter]) -> dict[str, FieldInfo]:
    """Return the storage's information on a model's fields, by their names.

    Raises `ConfigError` for a field whose values are shown in a format that cannot be read back:
    an item that has one could not be changed.
    """
    for name, field in fields.items():
        for part in field.parts():
            if isinstance(part, DateTimeField) and not part.reads_back():
                raise ConfigError(f"The format of {name} shows texts that it does not read back.")
    indexed = {name for each in filters.values() for name in each.fields}
    equality = {each.field for each in filters.values() if each.operator in ("eq", "in")}
    infos = {
        name: FieldInfo(
            _shown_kind(field),
            indexed=name in indexed,
            item_kind=_item_kind(field),
            equality=name in equality,
        )
        for name, field in fields.items()
    }
    for each in filters.values():
        if isinstance(each, BoxFilter):
            infos |= each.infos()
    return infos


def _kind(field: ModelField, parameter: str, owner: str) -> Kind:
    kind = field.item_kind if field.kind == "list" else field.kind
    if _has_format(field):
        kind = "string"
    if isinstance(field, DecimalField):
        kind = "decimal"
    if kind not in _READERS:
        raise ConfigError(
            f'{owner}.filters: "{parameter}" asks for a field of kind {kind or field.kind}; '
            f"there are filters for {', '.join(_READERS)} and lists of these."
        )
    return cast("Kind", kind)


def _has_format(field: Any) -> bool:
    """Return whether a field, or the items of a list, are moments shown as texts of a format."""
    item = getattr(field, "item_field", None) or field
    return isinstance(item, DateTimeField) and item.kind == "datetime" and item.format is not None


def _shown_kind(field: Any) -> Kind:
    """Return the kind of a field's value as it is in JSON."""
    return "string" if field.kind == "datetime" and _has_format(field) else field.kind


def _item_kind(field: Any) -> Kind | None:
    item = getattr(field, "item_field", None)
    return getattr(field, "item_kind", None) if item is None else _shown_kind(item)


def _integer(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not -(1 << 63) <= int(text) < 1 << 63:
        raise ValueError("it takes a whole number within ±2^63")
    return int(text)


def _number(text: str) -> int | float:
    if _WHOLE.fullmatch(text) and -(1 << 63) <= int(text) < 1 << 63:
        return int(text)  # as in an item: a double would round what is past 2^53
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or "_" in text:
        raise ValueError("it takes a number")
    return number


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("it takes true or false")
    return text == "true"


def _string(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL")
    return text


def _time(text: str) -> int:
    return parse_time(text, "down")  # as the key of an item's moment


_READERS: Final[dict[str, Callable[[str], Scalar]]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "datetime": _time,
    "milliseconds": _time,
}
