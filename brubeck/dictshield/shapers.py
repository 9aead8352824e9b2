"""The compiled way to a shape: the visible values of a struct in a smaller struct."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from brubeck.dictshield.mixed import Unread
from brubeck.dictshield.structs import compiled_of, is_struct
from brubeck.dictshield.writing import each_ready, ready, write_unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from brubeck.dictshield.field import BaseField
    from brubeck.dictshield.structs import CompiledDocument, Struct

    Shape = Callable[[Struct], Struct]
    Work = Callable[[Any], Any]

Viewer = Literal["owner", "public"]
VIEWERS: Final[tuple[Viewer, ...]] = ("owner", "public")


def make_shaper(compiled: CompiledDocument, viewer: Viewer) -> Shape:
    """Return the function from a document's struct to the viewer's fields, for msgspec to write."""
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


def shape_value(field: BaseField[Any], value: Any, viewer: Viewer) -> Any:
    """Return one value of a dictionary as a viewer sees it, for msgspec to write."""
    work, native = _work(field, viewer), field.adopt(value)
    return native if work is None else work(native)


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
    exec(f"def shape(data): return target({', '.join(values)})", scope)  # noqa: S102, of names that are quoted
    shape: Shape = scope["shape"]
    return shape


def _work(field: BaseField[Any], viewer: Viewer) -> Work | None:
    """Return the function that makes a field's value fit to be written; None without need."""
    child = compiled_of(field)
    if child is not None:
        return _embedded(field, child, viewer)
    if holds_documents(field):
        return _documents(field, viewer)
    if any(part.needs_json or part.sorts for part in field.parts()):
        return lambda value: None if value is None else ready(field, value)
    return None


def holds_documents(field: BaseField[Any]) -> bool:
    """Return whether a field's values are documents, or lists with documents in them."""
    return any(part.embedded_type is not None for part in field.parts())


def _embedded(field: BaseField[Any], child: CompiledDocument, viewer: Viewer) -> Work:
    which = f"shape_{viewer}"

    def work(value: Any) -> Any:
        if value is None or is_struct(value):
            return value and getattr(child, which)(value)
        document = field.adopt(value)
        data = getattr(document, "__data__", None)
        if data is not None:
            return getattr(type(document).__compiled__, which)(data)
        return None if isinstance(value, dict | list | tuple) else value

    return work


def _documents(field: BaseField[Any], viewer: Viewer) -> Work:
    """Return the function that shapes a list of bare structs or, once accessed, of documents."""
    item, which = field.item_field, f"shape_{viewer}"
    child = None if item is None else compiled_of(item)
    one = _one_of(field, viewer) if item is None else _work(item, viewer)

    def work(items: Any) -> Any:
        if not items or not isinstance(items, list | tuple):
            return None if isinstance(items, dict) else items
        if type(items) is Unread:
            items = items.native()
        if child is not None and is_struct(items[0]):
            return list(map(getattr(child, which), items))
        return list(map(one or _as_it_is, field.arranged(items)))

    return work


def _one_of(field: BaseField[Any], viewer: Viewer) -> Work:
    """Return the function that shapes an item of a list of several kinds."""
    shape = shape_unknown(viewer)

    def work(item: Any) -> Any:
        if isinstance(item, dict):
            (item,) = field.adopt([item])
        if hasattr(item, "__data__"):
            return shape(item)
        return each_ready(field, item) if field.item_field_for(item) is not None else None

    return work


def _as_it_is(value: Any) -> Any:
    return value


@cache
def shape_unknown(viewer: Viewer) -> Work:
    """Return the hook of msgspec for values of unknown types: the shape of a document."""
    which = f"shape_{viewer}"

    def shape(value: Any) -> Any:
        data = getattr(value, "__data__", None)
        if data is None:
            return write_unknown(value)
        return getattr(value.__compiled__, which)(data)

    return shape


encode_shape: Final = {
    viewer: msgspec.json.Encoder(enc_hook=shape_unknown(viewer)).encode for viewer in VIEWERS
}
"""Write a shape as compact JSON; a document that still stands in it is shaped on the way."""
