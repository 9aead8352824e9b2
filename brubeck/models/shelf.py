"""`Shelf`: documents of one class in one stream of a storage, changed by compare-and-swap.

Each change names the position of the record that it replaces, and is retried where another writer
came first. So of any number of writers one at a time wins, on every storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Final, Generic, TypeVar
from uuid import uuid4

import msgspec

from brubeck.dictshield.document import Document
from brubeck.storage import (
    Condition,
    Delete,
    FieldInfo,
    PageQuery,
    Put,
    Queryset,
    Record,
    Schema,
    Storage,
    StorageError,
    Written,
    check_canonical,
)
from brubeck.storage.ids import is_id
from brubeck.timekeeping import Clock

BATCH: Final = 500
ROUNDS: Final = 1000
"""How often a change that others overtake is tried."""

D = TypeVar("D", bound=Document)


class Shelf(Generic[D]):
    """The documents of a class. Any call may raise `Unavailable`.

    ``owner`` is the field that `owned_by` finds them by.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        *,
        model: type[D],
        clock: Clock,
        owner: str | None = None,
    ) -> None:
        known = {} if owner is None else {owner: FieldInfo("string", indexed=True, equality=True)}
        self._storage = storage
        self._name = name
        self._schema = Schema(known)
        self._model = model
        self._clock = clock
        self._owner = owner

    @cached_property
    def _stream(self) -> Queryset:
        return self._storage.queryset(self._name, self._schema)

    # Reading.

    def get(self, iid: str) -> D | None:
        """Return the document at an id, or None."""
        record = self._record(iid)
        return None if record is None else self._read(record)

    def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        """Return the documents at some ids, by their ids."""
        wanted = [each for each in dict.fromkeys(ids) if is_id(each)]
        batches = (wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH))
        found = (each for batch in batches for each in self._stream.get(batch))
        return {each.id: self._read(each) for each in found if isinstance(each, Record)}

    def each(self) -> Iterator[D]:
        """Yield every document, the oldest first, in steps."""
        return self._walk(())

    def owned_by(self, owner: str) -> list[D]:
        """Return the documents of an owner, the oldest first."""
        return list(self._walk((Condition(self._owner or "", "eq", owner),)))

    def _walk(self, where: tuple[Condition, ...]) -> Iterator[D]:
        query = PageQuery(limit=BATCH, descending=False, where=where)
        while True:
            page = self._stream.page(query)
            yield from map(self._read, page.records)
            if page.stopped is None:
                return
            query = msgspec.structs.replace(query, start=page.stopped)

    def _record(self, iid: str) -> Record | None:
        found = self._stream.get([iid])[0] if is_id(iid) else None
        return found if isinstance(found, Record) else None

    def _read(self, record: Record) -> D:
        return self._model.decode_stored(record.body)

    # Writing.

    def add(self, document: D) -> bool:
        """Store a new document; False where its id is taken."""
        return self._put(document, None)

    def change(self, iid: str, change: Callable[[D], object]) -> D | None:
        """Change the document at an id, and return it; None where there is none.

        ``change`` may be called again, with what another has written in between.
        """
        for _ in range(ROUNDS):
            record = self._record(iid)
            if record is None:
                return None
            document = self._read(record)
            change(document)
            if self._put(document, record):
                return document
        raise StorageError(f"{iid} is changed by others all the time.")

    def remove(self, iid: str, *, when: Callable[[D], bool] = lambda _: True) -> bool:
        """Remove the document at an id if it is as wanted, and return whether that was done."""
        token = uuid4().hex
        for _ in range(ROUNDS):
            record = self._record(iid)
            if record is None or not when(self._read(record)):
                return False
            delete = Delete(id=iid, token=token, expected=record.position)
            if isinstance(self._stream.write([delete])[0], Written):
                return True
        raise StorageError(f"{iid} is changed by others all the time.")

    def _put(self, document: D, former: Record | None) -> bool:
        document.validate(validate_all=True)
        body = document.encode()
        check_canonical(body)
        put = Put(
            id=str(document["id"]),
            created_at=self._clock.micros() // 1000,
            body=body,
            token=uuid4().hex,
            expected=None if former is None else former.position,
        )
        (outcome,) = self._stream.write([put])
        return isinstance(outcome, Written)
