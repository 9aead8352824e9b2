"""Records as documents: fields as MongoDB's own tools expect them, and Brubeck's own beside them.

    {_id: 'ci37868143', created_at: ISODate('2018-02-07T01:26:13.840Z'), place: 'California', …,
     _brubeck: {position: 1763882651123456, version: 2, json: BinData(…), tokens: […], former: {…}}}

The item's own JSON is kept, too: it goes into pages as it is, and comes out byte for byte. The
fields beside it are for queries, indexes and people. An item that was written once has no version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

import msgspec
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

from brubeck.storage.conditions import Former, range_bounds
from brubeck.storage.history import WriteHistory
from brubeck.storage.records import Delete, FieldCondition, Put, Record, Tombstone, Write
from brubeck.storage.schema import MAX_TEXT, FieldInfo, RecordSchema, filter_key, text_key
from brubeck.storage.schema import Values as FieldValues
from brubeck.timekeeping import EARLIEST, LATEST

OURS: Final = "_brubeck"
POSITION: Final = f"{OURS}.position"
VERSION: Final = f"{OURS}.version"
PENDING: Final = f"{OURS}.pending"
TOKEN: Final = f"{PENDING}.token"
BATCH: Final = f"{PENDING}.batch"
OLD: Final = f"{PENDING}.old"
TOMBSTONE: Final = f"{OURS}.dead"
WRITTEN: Final = f"{OURS}.tokens.t"
"""The path of the tokens of an item's last writes."""
SIGHT: Final = f"{OURS}.sight"
DEPARTED: Final = f"{OURS}.departed"
LATE: Final = f"{OURS}.late"
SHOWN: Final = {
    "created_at": 1,
    POSITION: 1,
    VERSION: 1,
    TOMBSTONE: 1,
    TOKEN: 1,
    OLD: 1,
    f"{OURS}.json": 1,
}
"""The projection of a document that its record needs."""

Document = dict[str, Any]
Values = Mapping[str, FieldValues]

_decode: Final = msgspec.json.Decoder().decode
_DATES: Final = ("datetime", "milliseconds")
_OWN: Final = frozenset(("id", "_id", "created_at", OURS))
"""The names of members that MongoDB, or Brubeck, has a place of its own for."""
MAX_DEPARTED: Final = 1000
"""How many viewers an item keeps that could see it before: a document has at most 16 MiB, and a
write that was begun and could not be finished would stop every reader."""
_MAX_FORMER: Final = 1_000_000
"""How many characters the former values of an item have together, for the same reason."""
_PLAIN: Final = frozenset((bool, int, float, type(None)))
"""The types of values that are stored unchanged, except in fields of dates."""


def document(put: Put, schema: RecordSchema, ours: Document) -> Document:
    """Return the document of an item that is being written."""
    members = _decode(put.body)
    fields = schema.fields
    found: Document = {"_id": put.id, "created_at": DatetimeMS(put.created_at)}
    for name, value in members.items():
        # What MongoDB would take for something else is in the JSON alone.
        if name in _OWN or name.startswith("$"):
            continue
        info = fields.get(name)
        if info is None or (
            info.kind not in _DATES
            and (type(value) in _PLAIN or (type(value) is str and len(value) <= MAX_TEXT))
        ):
            found[name] = value
        else:
            found[name] = _key(native(value, info), name, schema)
    found[OURS] = ours
    return found


def _key(value: Any, name: str, schema: RecordSchema) -> Any:
    """Return a native value as it is compared: of an indexed long text, its key."""
    info = schema.fields.get(name)
    if info is None or not info.indexed or name in schema.sight:
        return value
    if isinstance(value, list):
        return [text_key(each) if isinstance(each, str) else each for each in value]
    return text_key(value) if isinstance(value, str) else value


def native(value: Any, info: FieldInfo | None) -> Any:
    """Return a value as MongoDB keeps values of its field's kind: dates as dates."""
    if info is None:
        return value
    if isinstance(value, list) and info.kind == "list" and info.item_kind in _DATES:
        member = FieldInfo(info.item_kind)
        return [native(each, member) for each in value]
    if info.kind not in _DATES or isinstance(value, bool):
        return value
    key = filter_key(value, info.kind)
    # A bound of a query, rounded up, may be a millisecond past the last one.
    if isinstance(key, int) and EARLIEST <= key <= LATEST + 1:
        return DatetimeMS(key)
    return value


def selector(where: tuple[FieldCondition, ...], schema: RecordSchema) -> Document:
    """Return the query that conditions are."""
    found = []
    for each in where:
        if each.operator == "within":
            found.append(_ranges(each, schema.fields[each.name]))
            continue
        info = schema.fields[each.name]
        single = FieldInfo(info.item_kind or "any") if info.kind == "list" else info
        if isinstance(each.value, tuple):
            value: Any = [native(value, single) for value in each.value]
        else:
            value = native(each.value, single)
        found.append({each.name: {f"${each.operator}": value}})
    return {"$and": found} if found else {}


def _ranges(condition: FieldCondition, info: FieldInfo) -> Document:
    """Return the query that a condition on ranges is.

    Of a list, one and the same member has to lie between both bounds of a range.
    """
    name, no_list = condition.name, {"$not": {"$type": "array"}}
    ranges = []
    for low, high in range_bounds(condition):
        between = {"$gte": low, "$lte": high}
        if not info.source:
            ranges += [{name: {**between, **no_list}}, {name: {"$elemMatch": between}}]
        for key in info.keys:
            of_list = isinstance(key, int)
            source = {"$type": "array"} if of_list else no_list
            ranges.append({info.source: source, f"{info.source}.{key}": {**between, **no_list}})
    return {"$or": ranges}


def record(found: Document) -> Record:
    """Return the record of a document: its previous version while a write is pending."""
    ours = found[OURS]
    body = ours["pending"]["old"] if "pending" in ours else ours["json"]
    version = ours.get("version", 1)
    return Record(found["_id"], int(found["created_at"]), int(ours["position"]), body, version)


def tombstone(found: Document) -> Tombstone:
    """Return the tombstone that a document of the other collection is."""
    return Tombstone(found["_id"], int(found["position"]))


def pending(write: Write) -> Document:
    """Return the mark of a pending write: ``{token, delete?}``.

    A change of a live item adds ``old``, the previous body, which is shown and compared until the
    write is finished.
    """
    mark: Document = {"token": write.token}
    if isinstance(write, Delete):
        mark["delete"] = True
    return mark


def first_step(write: Write, schema: RecordSchema, ours: Document) -> list[Document]:
    """Return the update that makes a change of a live item pending.

    ``ours`` is Brubeck's own part of the new version, the mark of the write in it. What the item
    has beside that stays, and so does its creation time: it never changes in the life of an item.
    """
    mark: Document = {"$mergeObjects": [{"$literal": ours["pending"]}, {"old": f"${OURS}.json"}]}
    if isinstance(write, Delete):
        return [{"$set": {PENDING: mark}}]
    own = {"$mergeObjects": [f"${OURS}", {"$literal": ours}, {"pending": mark}]}
    kept = {"created_at": "$created_at", OURS: own}
    changed = {"$literal": document(write, schema, {})}
    return [{"$replaceWith": {"$mergeObjects": [changed, kept]}}]


def read_history(ours: Document) -> WriteHistory:
    """Return an item's past, decoded from Brubeck's own part of its document."""
    tokens = tuple((each["t"], int(each["p"])) for each in ours.get("tokens", ()))
    late = tuple(ours.get("late", ()))
    return WriteHistory(tokens=tokens, former=dict(ours.get("former", {})), late=late)


def write_tokens(past: WriteHistory) -> list[Document]:
    """Return an item's tokens as they are kept."""
    return [{"t": token, "p": Int64(position)} for token, position in past.tokens]


def seen_by(
    schema: RecordSchema,
    new: Values | None,
    could: Iterable[str],
    departed: list[Document],
    place: int,
) -> tuple[Document, list[Document]]:
    """Return the viewers of an item after a write: ``{"sight": […], "departed": [{v, p}, …]}``.

    ``departed`` are the viewers that could see it and may not any more, with the position since
    when; those that are too many are returned beside it, the oldest, and are to be purged. ``new``
    are the item's values by now, None when it is deleted: its tombstone is for those that could see
    it.
    """
    could = frozenset(could)
    can = could if new is None else schema.viewers(new)
    left = [each for each in departed if each["v"] not in can | could]
    left += [{"v": viewer, "p": Int64(place)} for viewer in sorted(could - can)]
    kept = max(0, len(left) - MAX_DEPARTED)
    return {"sight": sorted(can), "departed": left[kept:]}, left[:kept]


def write_former(former: Former) -> Document:
    """Return an item's former values as they are kept; where they are too long, as any values."""
    values = chain.from_iterable(each or () for each in former.values())
    length = sum(len(each) for each in values if isinstance(each, str))
    return dict(former) if length <= _MAX_FORMER else dict.fromkeys(former)
