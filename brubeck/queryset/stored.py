"""`Queryset`: documents in a storage, by the contract that all storages keep.

A write looks at what stands at its id and replaces just that. Where another writer came first it is
refused, looks again and tries again: so each write replaces a whole document by a whole document,
and says truly whether there was one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final, Self

import msgspec

from brubeck import green
from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.documents.repository import Repository
from brubeck.errors import ConfigError
from brubeck.queryset.base import AbstractQueryset, Id, Many, Result
from brubeck.queryset.operations import Removal, Upsert, id_field
from brubeck.storage import (
    FieldInfo,
    NotCanonical,
    Record,
    RecordSchema,
    Storage,
    open_storage,
)
from brubeck.storage import RecordStream as Stream
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

NAME: Final = "documents"
"""The stream of a queryset that is given neither a name nor a model."""


class Queryset(AbstractQueryset):
    """Documents in a storage, given as one that is open or as the URL of one.

    ``name`` is the name of the stream that keeps them: two querysets of one name in one storage
    hold the same documents. Without one it is the model's name in lower case, and without a model
    ``documents``. ``model`` is the class of what is read; without one, what is read is
    dictionaries, of what JSON has. ``api_id`` is the field that is the id.

    Every call may raise `Unavailable`. Some of its writes may then have happened; doing the same
    again does no harm.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    """The URLs that a subclass takes; none means any."""
    _decodes = True

    def __init__(
        self,
        db_conn: str | Storage,
        name: str | None = None,
        *,
        model: type[Document] | None = None,
        api_id: str = "id",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(db_conn, api_id)
        if isinstance(db_conn, str):
            self._check_scheme(db_conn)
        elif not isinstance(db_conn, Storage):
            raise ConfigError(
                f"{type(self).__name__} takes the URL of a storage, or a Storage that is open; "
                f"{type(db_conn).__name__} is neither."
            )
        if model is not None:
            id_field(model, api_id)
        self.name = name or (NAME if model is None else model.__name__.lower())
        self.model = model
        self.clock = clock
        self._opened: dict[str, Any] = {}

    def _check_scheme(self, url: str) -> None:
        scheme, _, _ = url.partition("://")
        if self.schemes and scheme not in self.schemes:
            known = ", ".join(f"{each}://" for each in self.schemes)
            raise ConfigError(f"{type(self).__name__} takes a URL of {known}.")

    # The storage, opened when it is first needed: a program makes its querysets while it is
    # imported, before the process has its engine and its workers.

    @property
    def storage(self) -> Storage:
        """The storage that the documents are in."""
        if isinstance(self.db_conn, Storage):
            return self.db_conn
        found = self._opened.get("storage")
        if found is None:
            made = open_storage(self.db_conn, clock=self.clock)
            # Whoever comes first has the only one: in memory, another would hold other documents.
            found = self._opened.setdefault("storage", made)
            if found is not made:
                made.close()
        storage: Storage = found
        return storage

    @property
    def stream(self) -> Stream:
        """The stream that the documents are."""
        found: Stream | None = self._opened.get("stream")
        if found is None:
            found = self.storage.records(self.name, _schema(self.model))
            self._opened["stream"] = found
        return found

    def close(self) -> None:
        """Close the storage that was opened by its URL; the next call opens it again."""
        self._opened.pop("stream", None)
        storage = self._opened.pop("storage", None)
        if storage is not None:
            storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing.

    def create_one(self, shield: Document) -> Result:
        """Store one document; one without an id is given one."""
        return self._save((shield,), new=True)[0]

    def create_many(self, shields: Many) -> list[Result]:
        """Store several documents, each by itself."""
        return self._save(shields, new=True)

    def insert_one(self, shield: Document) -> Result:
        """Store one document, where none is at its id."""
        return self._save((shield,), new=True, replace=False)[0]

    def insert_many(self, shields: Many) -> list[Result]:
        """Store several documents, each where none is at its id."""
        return self._save(shields, new=True, replace=False)

    def update_one(self, shield: Document) -> Result:
        """Replace one document."""
        return self._save((shield,), new=False)[0]

    def update_many(self, shields: Many) -> list[Result]:
        """Replace several documents, each by itself."""
        return self._save(shields, new=False)

    def insert_valid(self, shields: Many) -> list[Result]:
        """Store several documents, each where none is at its id; they have been validated."""
        return self._save(shields, new=True, replace=False, valid=True)

    def update_visible(
        self, shields: Many, hidden: Collection[str], *, valid: bool = False
    ) -> list[Result]:
        """Replace several documents; their hidden fields keep the values stored at that moment.

        Those that are ``valid`` have been validated by their class, and are not again.
        """
        return self._save(shields, new=False, kept=hidden, valid=valid)

    def destroy_one(self, iid: Id) -> Result:
        """Remove the stored document of an id, and return it."""
        return self.destroy_many((iid,))[0]

    def destroy_many(self, ids: Many) -> list[Result]:
        """Remove the stored documents of several ids, each by itself."""
        removals = [Removal(str(iid), self._shown) for iid in ids]
        Repository(self.stream).apply(removals, look=True)
        return [removal.result for removal in removals]

    def _save(
        self, shields: Many, *, new: bool, valid: bool = False, **options: Any
    ) -> list[Result]:
        for shield in shields:
            if not isinstance(shield, Document):
                raise TypeError(f"A queryset takes documents, not {type(shield).__name__}.")
        now = self.clock.micros() // 1000
        results: list[Result | Upsert] = []
        for shield in green.fairly(shields):
            try:
                saving = Upsert(shield, self.api_id, now, fill=new, valid=valid, **options)
                results.append(saving)
            except (ShieldException, NotCanonical) as reason:
                results.append(Result(self.MSG_FAILED, shield, reason))
        savings = [each for each in results if isinstance(each, Upsert)]
        Repository(self.stream).apply(savings, look=not new)
        return [each.result if isinstance(each, Upsert) else each for each in results]

    # Reading.

    def read_one(self, iid: Id) -> Result:
        """Return the stored document of an id."""
        return self.read_many((iid,))[0]

    def read_many(self, ids: Many) -> list[Result]:
        """Return the stored documents of several ids."""
        texts = [str(iid) for iid in ids]
        entries = Repository(self.stream).get(texts)
        found = {each: entry for each, entry in entries.items() if isinstance(entry, Record)}
        return [
            Result(self.MSG_OK, self._shown(found[text].body))
            if text in found
            else Result(self.MSG_FAILED, text)
            for text in green.fairly(texts)
        ]

    def read_all(self) -> Iterable[Result]:
        """Return everything, the newest first, to be read as often as wanted.

        It is read in pages while it is iterated over, so a million documents need the memory of a
        page, and ``itertools.islice`` reads no more than it takes. Others may write meanwhile: what
        is there from the beginning to the end comes exactly once, whatever else happens.
        """
        return _Everything(self._records, lambda body: Result(self.MSG_OK, self._shown(body)))

    def _records(self) -> Iterator[Record]:
        return Repository(self.stream).walk()

    def undecoded(self) -> Self:
        """Return a queryset of the same documents, which are read and removed as JSON.

        Each is a ``msgspec.Raw`` of the stored form.
        """
        other = copy.copy(self)
        other._decodes = False  # noqa: SLF001, its own class
        return other

    def _shown(self, body: bytes) -> Any:
        """Return a body as the caller gets it: a document, or without a model decoded JSON."""
        if not self._decodes:
            return msgspec.Raw(body)
        return msgspec.json.decode(body) if self.model is None else self.model.decode_stored(body)


class _Everything:
    """All there is, read from the beginning whenever it is iterated over."""

    def __init__(
        self, records: Callable[[], Iterator[Record]], result: Callable[[bytes], Result]
    ) -> None:
        self._records = records
        self._result = result

    def __iter__(self) -> Iterator[Result]:
        return (self._result(record.body) for record in self._records())


def _schema(model: type[Document] | None) -> RecordSchema:
    """Return the storage's schema of a model's fields, by which MongoDB keeps dates as dates."""
    fields: Mapping[str, Any] = {} if model is None else model._fields
    return RecordSchema(
        {
            field.uniq_field: FieldInfo(field.kind, item_kind=getattr(field, "item_kind", None))
            for field in fields.values()
        }
    )
