"""The compiled way to a shape: the visible values of a struct in a smaller struct."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from brubeck.dictshield.structs import compiled_of

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
    found = ((at, _work(fields[name], viewer)) for at, name in enumerate(names))
    works = [(at, work) for at, work in found if work is not None]
    if works or len(names) < 2:
        return _worked(names, target, works)
    values = attrgetter(*names)
    return lambda data: target(*values(data))


def _worked(names: list[str], target: Any, works: list[tuple[int, Work]]) -> Shape:
    def shape(data: Struct) -> Struct:
        row = [getattr(data, name) for name in names]
        for at, work in works:
            if row[at] is not None:
                row[at] = work(row[at])
        return target(*row)

    return shape


def _work(field: BaseField[Any], viewer: Viewer) -> Work | None:
    """Return what to do with a value that cannot be written as it is; None for nothing."""
    child = compiled_of(field)
    if child is not None:
        return _embedded(child, viewer)
    item = field.item_field
    if field.needs_json and (item is None or compiled_of(item) is None):
        return field.for_json
    inner = None if item is None else _work(item, viewer)
    return None if inner is None else lambda items: [inner(item) for item in items]


def _embedded(child: Compiled, viewer: Viewer) -> Work:
    which = f"shape_{viewer}"

    def work(value: Any) -> Any:
        data = getattr(value, "__data__", None)
        if data is None:
            return getattr(child, which)(value) if isinstance(value, msgspec.Struct) else value
        return getattr(type(value).__compiled__, which)(data)

    return work
