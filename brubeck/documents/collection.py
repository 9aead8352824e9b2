"""`DocumentCollection`: the documents of one class in a storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Generic, TypeVar
from uuid import uuid4

from brubeck.dictshield.document import Document
from brubeck.documents.repository import RECORDS_AT_ONCE, Entry, Repository
from brubeck.storage import (
    Delete,
    FieldCondition,
    FieldInfo,
    PageQuery,
    Put,
    Record,
    RecordSchema,
    Storage,
    Written,
    check_canonical,
)
from brubeck.timekeeping import Clock

D = TypeVar("D", bound=Document)


class DocumentCollection(Generic[D]):
    """The documents of a class. Any call may raise `Unavailable`, and `Contended`.

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
        self._schema = RecordSchema(known)
        self._model = model
        self._clock = clock
        self._owner = owner

    @cached_property
    def _records(self) -> Repository:
        return Repository(self._storage.records(self._name, self._schema))

    # Reading.

    def get(self, iid: str) -> D | None:
        """Return the document at an id, or None."""
        return self._document(self._records.find(iid))

    def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        """Return the documents at some ids, by their ids."""
        found = self._records.get(ids).values()
        return {each.id: self._read(each) for each in found if isinstance(each, Record)}

    def each(self) -> Iterator[D]:
        """Yield every document, the oldest first, in steps."""
        return self._walk(())

    def owned_by(self, owner: str) -> list[D]:
        """Return the documents of an owner, the oldest first."""
        return list(self._walk((FieldCondition(self._owner or "", "eq", owner),)))

    def _walk(self, where: tuple[FieldCondition, ...]) -> Iterator[D]:
        query = PageQuery(limit=RECORDS_AT_ONCE, descending=False, where=where)
        return map(self._read, self._records.walk(query))

    def _document(self, entry: Entry) -> D | None:
        return self._read(entry) if isinstance(entry, Record) else None

    def _read(self, record: Record) -> D:
        return self._model.decode_stored(record.body)

    # Writing.

    def add(self, document: D) -> bool:
        """Store a new document; False where its id is taken."""
        (outcome,) = self._records.stream.write([self._put(document, None)])
        return isinstance(outcome, Written)

    def change(self, iid: str, change: Callable[[D], object]) -> D | None:
        """Change the document at an id, and return it; None where there is none.

        ``change`` may be called again, with what another writer has written in between.
        """
        changed: list[D] = []

        def propose(entry: Entry) -> Put | None:
            document = self._document(entry)
            if document is None or not isinstance(entry, Record):
                return None
            change(document)
            changed[:] = [document]
            return self._put(document, entry)

        return changed[0] if self._records.change(iid, propose) else None

    def remove(self, iid: str, *, when: Callable[[D], bool] = lambda _: True) -> bool:
        """Remove the document at an id if a condition holds, and return whether it was removed."""
        token = uuid4().hex

        def propose(entry: Entry) -> Delete | None:
            if not isinstance(entry, Record) or not when(self._read(entry)):
                return None
            return Delete(id=iid, token=token, expected=entry.position)

        return self._records.change(iid, propose) is not None

    def _put(self, document: D, former: Record | None) -> Put:
        document.validate(validate_all=True)
        body = document.encode()
        check_canonical(body)
        return Put(
            id=str(document["id"]),
            created_at=self._clock.micros() // 1000,
            body=body,
            token=uuid4().hex,
            expected=None if former is None else former.position,
        )
