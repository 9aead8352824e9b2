"""Storage: one contract and its implementations; independent of HTTP, handlers and documents."""

from __future__ import annotations

from brubeck.storage.canonical import check_canonical
from brubeck.storage.contract import RecordStream, Storage
from brubeck.storage.errors import (
    IndexBuilding,
    LostCursor,
    NotCanonical,
    StorageError,
    Unavailable,
)
from brubeck.storage.opening import open_storage
from brubeck.storage.records import (
    Attempt,
    Change,
    Changes,
    ChangesQuery,
    Count,
    Delete,
    FieldCondition,
    Head,
    Outcome,
    Page,
    PageQuery,
    Put,
    Record,
    Refused,
    Scalar,
    TimelineCursor,
    Tombstone,
    Write,
    Written,
)
from brubeck.storage.schema import FieldInfo, RecordSchema

__all__ = [
    "Attempt",
    "Change",
    "Changes",
    "ChangesQuery",
    "Count",
    "Delete",
    "FieldCondition",
    "FieldInfo",
    "Head",
    "IndexBuilding",
    "LostCursor",
    "NotCanonical",
    "Outcome",
    "Page",
    "PageQuery",
    "Put",
    "Record",
    "RecordSchema",
    "RecordStream",
    "Refused",
    "Scalar",
    "Storage",
    "StorageError",
    "TimelineCursor",
    "Tombstone",
    "Unavailable",
    "Write",
    "Written",
    "check_canonical",
    "open_storage",
]
