"""Storage: one contract and its implementations; independent of HTTP, handlers and documents."""

from __future__ import annotations

from brubeck.storage.canonical import check_canonical
from brubeck.storage.contract import Queryset, Storage
from brubeck.storage.errors import IndexBuilding, LostPlace, NotCanonical, StorageError, Unavailable
from brubeck.storage.opening import open_storage
from brubeck.storage.records import (
    Attempt,
    Change,
    Changes,
    ChangesQuery,
    Condition,
    Count,
    Delete,
    Head,
    Outcome,
    Page,
    PageQuery,
    Place,
    Put,
    Record,
    Refused,
    Scalar,
    Tombstone,
    Write,
    Written,
)
from brubeck.storage.schema import FieldInfo, Schema

__all__ = [
    "Attempt",
    "Change",
    "Changes",
    "ChangesQuery",
    "Condition",
    "Count",
    "Delete",
    "FieldInfo",
    "Head",
    "IndexBuilding",
    "LostPlace",
    "NotCanonical",
    "Outcome",
    "Page",
    "PageQuery",
    "Place",
    "Put",
    "Queryset",
    "Record",
    "Refused",
    "Scalar",
    "Schema",
    "Storage",
    "StorageError",
    "Tombstone",
    "Unavailable",
    "Write",
    "Written",
    "check_canonical",
    "open_storage",
]
