"""The compiled way to a shape: the visible values of a struct in a smaller struct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from brubeck.dictshield.structs import compiled_of, is_struct
from brubeck.dictshield.writing import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from brubeck.dictshield.compiled import Compiled
    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.structs import Struct

    Shape = Callable[[Struct], Struct]
    Work = Callable[[Any], Any]

Viewer = Literal["owner", "public"]


def make_shaper(compiled: Compiled, viewer: Viewer) -> Shape:
    """Return the function from a document's struct to what a viewer sees, for msgspec to write."""
    fields = compiled.fields
    names = [name for name in fields if compiled.document.__shows__(name, viewer)]
    target: Any = msgspec.defstruct(
        compiled.document.__name__,
        [(name, Any, None) for name in names],
        omit_defaults=True,
        rename={name: fields[name].minimized_field_name or name for name in names},
        module=__name__,
    )
    return _written(names, target, [_work(fields[name], viewer) for name in names])


def _written(names: list[str], target: Any, works: list[Work | None]) -> Shape:
    """Return the shaper as Python would write it by hand, which is twice as fast as a loop.

    Field names are identifiers, which `declaration` makes sure of; nothing else goes in.
    """
    scope: dict[str, Any] = {"target": target}
    values = []
    for at, (name, work) in enumerate(zip(names, works, strict=True)):
        value = f"data.{name}" if name.isascii() else f"getattr(data, {name!r})"
        if work is not None:
            scope[f"work{at}"] = work
            value = f"work{at}({value})"
        values.append(value)
    exec(f"def shape(data): return target({', '.join(values)})", scope)  # noqa: S102
    shape: Shape = scope["shape"]
    return shape


def _work(field: BaseField[Any], viewer: Viewer) -> Work | None:
    """Return what makes a value, or None, fit to be written; None when any is."""
    child = compiled_of(field)
    if child is not None:
        return _embedded(child, viewer)
    item = field.item_field
    document = None if item is None else compiled_of(item)
    if document is not None:
        return _embedded_list(document, viewer)
    if field.needs_json:
        return lambda value: None if value is None else shown(value, field.for_json)
    inner = None if item is None else _work(item, viewer)
    return None if inner is None else lambda items: items and [inner(item) for item in items]


def _embedded(child: Compiled, viewer: Viewer) -> Work:
    which = f"shape_{viewer}"

    def work(value: Any) -> Any:
        if value is None or is_struct(value):
            return value and getattr(child, which)(value)
        data = getattr(value, "__data__", None)
        return value if data is None else getattr(type(value).__compiled__, which)(data)

    return work


def _embedded_list(child: Compiled, viewer: Viewer) -> Work:
    """Return what shapes a list, which holds either bare structs or, once seen, documents."""
    which, one = f"shape_{viewer}", _embedded(child, viewer)

    def work(items: Any) -> Any:
        if not items or not isinstance(items, list):
            return items
        if is_struct(items[0]):
            try:
                return list(map(getattr(child, which), items))
            except AttributeError:  # a stored list in which some items are none of ours
                pass
        return [one(item) for item in items]

    return work
