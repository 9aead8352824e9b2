"""The set of indexes of a stream, which lives in the storage beside the records.

Every write obeys the stored set, also one that another process declared. So an old and a new
version of a program can run side by side: the new one adds the indexes that it needs, and the old
one keeps them up with its next write. A filter is refused until its index is complete.
"""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from brubeck import green
from brubeck.storage.errors import IndexBuilding
from brubeck.storage.followed import FollowedRecordStream
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import ChangesQuery, FieldCondition, Outcome, PageQuery, Write
from brubeck.storage.schema import FieldInfo, RecordSchema


class IndexSet(msgspec.Struct, frozen=True, dict=True, omit_defaults=True):
    """The indexed fields of a stream, and which of them are still being built.

    The version goes up with each change, so that a writer sees that its own is out of date.
    """

    version: int = 0
    fields: dict[str, FieldInfo] = {}
    building: tuple[str, ...] = ()
    sight: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> RecordSchema:
        """The indexed fields as a schema, to extract their values by."""
        return RecordSchema(self.fields, self.sight)

    @cached_property
    def equality(self) -> frozenset[str]:
        """The fields with an order of the timeline for each value."""
        return frozenset(name for name, info in self.fields.items() if info.equality)

    def lead(self, where: Iterable[FieldCondition], most: int) -> FieldCondition | None:
        """Return the condition that leads a walk: its values have orders of the timeline.

        It is the first one of an equality index that names at most ``most`` values; None where
        the timeline itself has to be walked.
        """
        for each in where:
            by_value = each.operator in ("eq", "in") and len(each.values) <= most
            if by_value and each.name in self.equality:
                return each
        return None

    def including(self, schema: RecordSchema) -> IndexSet | None:
        """Return the set extended by a schema's indexes, or None when it has all of them.

        New indexes have to be built.
        """
        asked = {name: schema.fields[name] for name in schema.known}
        new = {name: info for name, info in asked.items() if not self._has(name, info)}
        sight = tuple(dict.fromkeys((*self.sight, *schema.sight)))
        if not new and sight == self.sight:
            return None
        names = dict.fromkeys((*self.building, *new, *set(sight).difference(self.sight)))
        # A storage that has lost its data begins again: the versions of then are not those of now.
        version = self.version + 1 if self.version else 1 + secrets.randbelow(1 << 30)
        return IndexSet(version, self.fields | new, tuple(names), sight)

    def _has(self, name: str, info: FieldInfo) -> bool:
        known = self.fields.get(name)
        return known is not None and (
            known == info or msgspec.structs.replace(info, equality=True) == known
        )

    def built(self, names: Iterable[str]) -> IndexSet:
        """Return the set in which some fields are complete."""
        done = set(names)
        left = tuple(name for name in self.building if name not in done)
        return IndexSet(self.version + 1, self.fields, left, self.sight)

    def check(self, where: Iterable[FieldCondition], viewer: str | None = None) -> None:
        """Raise `IndexBuilding` where a required index is not complete."""
        asked = [condition.name for condition in where]
        for name in (*asked, *(self.sight if viewer is not None else ())):
            if name in self.building:
                text = f"The index of field '{name}' is still being built; retry later."
                raise IndexBuilding(text, retry_after=5)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IndexSet).decode


def encode_indexes(indexes: IndexSet) -> bytes:
    """Return a set of indexes as JSON."""
    return _encode(indexes)


def decode_indexes(text: bytes | str) -> IndexSet:
    """Return the set of indexes of a JSON text."""
    return _decode(text)


class IndexedRecordStream(FollowedRecordStream):
    """A stream with a set of indexes in a storage, where other processes may change it.

    An index that a schema declares and the set lacks is added when the stream is first used, and
    built in the background; another process's addition is followed as soon as it is seen. A
    storage implements how the set is read, kept and filled.

    Reading a stream to which nothing has been written leaves nothing behind: the first write
    creates it and stores its set.
    """

    def __init__(self, name: str, schema: RecordSchema, look_out: LookOut) -> None:
        super().__init__(name, look_out)
        self._schema = schema
        self._indexes: IndexSet | None = None
        self._building = False

    @abstractmethod
    def _read_indexes(self) -> IndexSet:
        """Return the set as it is stored now; an empty one for a stream that is not there."""

    @abstractmethod
    def _keep_indexes(self, old: IndexSet, new: IndexSet) -> bool:
        """Store a set in place of one version of it; False when another is there by now."""

    @abstractmethod
    def _fill(self, indexes: IndexSet) -> None:
        """Index the existing records, a piece at a time, while others write by the new set."""

    @abstractmethod
    def _is_empty(self) -> bool:
        """Return whether nothing has ever been written here; asked without opening the stream."""

    def _open(self) -> None:
        """Prepare a stream before its first use."""
        return

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Write; `NotCanonical` for a write with more values of a field than are indexed."""
        self._declared_indexes().schema.check_writes(writes)
        return super().write(writes)

    def ask(self, schema: RecordSchema) -> None:
        """Extend the schema by another; missing indexes are built when they are needed."""
        wider = self._schema.joined(schema)
        if wider != self._schema:
            self._schema, self._indexes = wider, None

    def unfinished(self) -> tuple[str, ...]:
        """Return the fields with a declared but incomplete index, without starting its build."""
        stored = self._read_indexes()
        asked = stored.including(self._schema) or stored
        return () if not asked.building or self._is_empty() else asked.building

    def build_indexes(self) -> None:
        """Build the declared but incomplete indexes here, and return when they are complete."""
        while self.unfinished():
            self._building = True
            self._build()

    def _known_indexes(self) -> IndexSet:
        """Return the set of indexes to read by; before the first write there is nothing to index.

        What is missing in the set of a stream that has been written to is asked for.
        """
        if self._indexes is None and self._is_empty():
            asked = IndexSet().including(self._schema) or IndexSet()
            return asked.built(asked.building)
        return self._declared_indexes()

    def _declared_indexes(self) -> IndexSet:
        """Return the set of indexes to write by; the first call declares the missing ones."""
        known = self._indexes
        if known is None:
            self._open()
            known = self._widened()
            if known.building and self._is_empty():
                known = self._built(known)  # of nothing: done before anybody asks
            self._indexes = known
            self._build_indexes()
        return self._indexes or known

    def _follow(self, stored: IndexSet) -> None:
        """Take another process's set; one that lacks a declared index is declared and built again.

        That is so where the storage has lost its data under the running program.
        """
        self._indexes = stored if stored.including(self._schema) is None else None

    def _widened(self) -> IndexSet:
        while True:
            stored = self._read_indexes()
            wider = stored.including(self._schema)
            if wider is None:
                return stored
            if self._keep_indexes(stored, wider):
                return wider

    def _build_indexes(self) -> None:
        """Start to build the missing indexes, unless this process does so already."""
        if self._indexes is not None and self._indexes.building and not self._building:
            self._building = True
            green.spawn(self._build)

    def _build(self) -> None:
        try:
            self._indexes = self._built(self._declared_indexes())
        finally:
            self._building = False

    def _built(self, indexes: IndexSet) -> IndexSet:
        """Build the missing indexes, and return the set that records them as complete."""
        self._fill(indexes)
        while True:
            stored = self._read_indexes()
            done = stored.built(indexes.building)
            if self._keep_indexes(stored, done):
                return done

    def _check_complete(self, query: PageQuery | ChangesQuery) -> None:
        """Refuse a query by an incomplete index, and make sure that the index is being built."""
        known = self._known_indexes()
        if known.building:
            self._build_indexes()
            known.check(query.where, query.viewer)
