"""A stream in Redis: each of its operations is one script, and so one atomic step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any, Final

from brubeck.storage.batching import ListBatches, pieces
from brubeck.storage.change_cursor import KEPT, check_cursor, reached, since_birth, viewer_head
from brubeck.storage.indexing import IndexedRecordStream, IndexSet, decode_indexes, encode_indexes
from brubeck.storage.lookout import LookOut
from brubeck.storage.records import (
    Change,
    Changes,
    ChangesQuery,
    Count,
    FieldCondition,
    Head,
    Outcome,
    Page,
    PageQuery,
    Reason,
    Record,
    Refused,
    TimelineCursor,
    Tombstone,
    Write,
    Written,
    fresh_era,
)
from brubeck.storage.redis.client import RedisClient
from brubeck.storage.redis.encoding import (
    WORK,
    could_see,
    known_values,
    pack,
    packed_conditions,
    read_head,
    read_item,
    read_live,
    script_writes,
    sortable,
    work_of,
)
from brubeck.storage.redis.listening import RedisListener
from brubeck.storage.redis.names import stream_key
from brubeck.storage.redis.plain_pages import NotPlain, PlainPages
from brubeck.storage.redis.scripts import SCRIPTS
from brubeck.storage.schema import RecordSchema
from brubeck.storage.timeline import Key, key_range
from brubeck.timekeeping import EARLIEST, LATEST, Clock

SCAN: Final = 1000
"""How many entries one script looks at: nobody else is served meanwhile."""
BATCH: Final = 250
"""How many writes one script does."""
MERGED: Final = 16
PROGRESS_KEPT: Final = 3_600_000
"""Milliseconds for which the progress of a build that nobody continues is kept."""
EARLIEST_KEY: Final = (EARLIEST, "")
LATEST_KEY: Final = (LATEST + 1, "")
"""The ends of every timeline."""
_NOTHING: Final = pack([])
_REASONS: Final[dict[bytes, Reason]] = {
    b"exists": "exists",
    b"missing": "missing",
    b"moved": "moved",
}


class RedisRecordStream(IndexedRecordStream):
    """One stream in Redis."""

    def __init__(
        self,
        server: RedisClient,
        listener: RedisListener,
        look_out: LookOut,
        clock: Clock,
        name: str,
        schema: RecordSchema,
    ) -> None:
        super().__init__(name, schema, look_out)
        self._server = server
        self._listener = listener
        self._clock = clock
        self._writes = ListBatches(self._write_all, BATCH)
        self.key = stream_key(name)
        self._plain_pages = PlainPages(self.key)

    def _run(self, script: str, *args: object) -> Any:
        with self._server.commands() as client:
            return SCRIPTS[script](client, self.key, *args)

    # Indexes.

    def _read_indexes(self) -> IndexSet:
        with self._server.commands() as client:
            text = client.hget(self.key, "indexes")
        return decode_indexes(text) if text else IndexSet()

    def _keep_indexes(self, old: IndexSet, new: IndexSet) -> bool:
        return bool(self._run("keep_indexes", old.version, new.version, encode_indexes(new)))

    def _is_empty(self) -> bool:
        with self._server.commands() as client:
            return client.hget(self.key, "position") is None

    def _fill(self, indexes: IndexSet) -> None:
        def work(record: Record) -> int:
            return work_of(record.body, indexes.schema.extract(record.body))

        # By the timeline: a walk of it loses nothing, whatever is purged meanwhile.
        query: PageQuery | None = PageQuery(limit=BATCH)
        done = 0
        while query is not None:
            page = self.page(query)
            for some in pieces(page.records, work, WORK):
                self._index(indexes, some)
            done += len(page.records)
            self._note_progress(done)
            query = PageQuery(limit=BATCH, start=page.stopped) if page.stopped else None
        with self._server.commands() as client:
            client.delete(f"{self.key}:building")

    def _note_progress(self, done: int) -> None:
        with self._server.commands() as client:
            client.hset(f"{self.key}:building", "done", done)
            client.pexpire(f"{self.key}:building", PROGRESS_KEPT)

    def progress(self) -> dict[str, float]:
        """Return the part of each unfinished index that is built; all are built in one walk."""
        with self._server.commands() as client:
            done = client.hget(f"{self.key}:building", "done")
            total = client.zcount(f"{self.key}:timeline", "-inf", "+inf")
        part = 1.0 if not total else min(1.0, int(done or 0) / total)
        return {} if done is None else dict.fromkeys(self.unfinished(), part)

    def _index(self, indexes: IndexSet, records: Iterable[Record]) -> None:
        equality = [name for name in indexes.building if name in indexes.equality]
        args: list[object] = []
        for record in records:
            values = indexes.schema.extract(record.body)
            unseen = not set(indexes.building).isdisjoint(indexes.sight)
            viewers = indexes.schema.viewers(values) if unseen else ()
            known = known_values({name: values[name] for name in indexes.building})
            new = pack({"v": known, "s": sorted(viewers)})
            args += (record.id, record.position, record.created_at, new)
        self._run("index", pack(equality), *args)

    def _check_indexes(self, query: PageQuery | ChangesQuery, version: int | None = None) -> None:
        """Refuse a query by an incomplete index; follow another process's declaration."""
        if not query.where and query.viewer is None:
            return
        known = self._known_indexes()
        if known.building or (version is not None and version != known.version):
            self._follow(self._read_indexes())
            self._check_complete(query)

    # Writing.

    def _write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Do each write by itself; those of several callers go into one script."""
        return self._writes.do(writes)

    def _write_all(self, writes: Sequence[Write]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(writes):
            outcomes += self._write_some(writes, len(outcomes))
        return outcomes

    def _write_some(self, writes: Sequence[Write], start: int) -> list[Outcome]:
        """Do as many of some writes as one script may; none where the set of indexes was old."""
        indexes = self._declared_indexes()
        answer = self._run(
            "write",
            fresh_era(),
            self._clock.micros(),
            indexes.version,
            pack(sorted(indexes.equality)),
            pack(indexes.building),
            *script_writes(islice(writes, start, None), indexes),
        )
        if answer == b"stale":
            self._follow(self._read_indexes())
            return []
        return [_outcome(*each) for each in zip(answer[::2], answer[1::2], strict=True)]

    def purge(self, until: int) -> int:
        """Forget the tombstones up to a position, and return how many."""
        purged: int = 0
        old = self._clock.micros() - KEPT
        while True:
            some, others = self._run("purge", fresh_era(), until, BATCH, old)
            purged += some
            if not some and not others:
                return purged

    # Reading.

    def get(self, ids: Sequence[str], viewer: str | None = None) -> list[Record | Tombstone | None]:
        """Return the entry of each id; see `RecordStream.get`."""
        if not ids:
            return []
        with self._server.commands() as client:
            items = client.run("HMGET", f"{self.key}:items", *ids)
            found = [
                None if item is None else read_item(item_id.encode(), item)
                for item_id, item in zip(ids, items, strict=True)
            ]
            if viewer is None:
                return found
            gone = [each.id for each in found if isinstance(each, Tombstone)]
            pasts = client.run("HMGET", f"{self.key}:past", *gone) if gone else []
        known = {each for each, past in zip(gone, pasts, strict=True) if viewer in could_see(past)}
        return [each if self._shows(each, known, viewer) else None for each in found]

    def _shows(self, found: Record | Tombstone | None, known: set[str], viewer: str) -> bool:
        if isinstance(found, Record):
            return self._schema.shows(found.body, viewer)
        return found is not None and found.id in known

    def page(self, query: PageQuery) -> Page:
        """Take a step along the timeline; see `RecordStream.page`."""
        page = self._page(query, b"")
        assert page is not None  # noqa: S101, no head is known, so there is an answer
        return page

    def page_unless(self, query: PageQuery, head: Head) -> Page | None:
        """Take a step, or return None when the stream still stands at a head: in one go."""
        known = (head.position, head.era, head.horizon, head.floor, self._known_indexes().version)
        return self._page(query, "~".join(map(str, known)).encode())

    def _page(self, query: PageQuery, known: bytes) -> Page | None:
        self._check_indexes(query)
        now = self._clock.micros()
        with self._server.commands() as client:
            try:
                return self._plain_pages.read(client, query, known)
            except NotPlain:
                answer = self._page_by_script(client, query, known, now)
        if len(answer) == 5:
            return None
        head, version = read_head(answer)
        if head.position:
            self._check_indexes(query, version)
        if query.viewer is not None:
            head = viewer_head(head, int(answer[7]), now)
        stopped = TimelineCursor(int(answer[5]), answer[6].decode()) if answer[5] else None
        records = list(map(read_live, answer[8], chain(*answer[9:])))
        return Page(records, stopped, head)

    def _page_by_script(self, client: Any, query: PageQuery, known: bytes, now: int) -> Any:
        low, high = key_range(query)
        where = query.where
        return SCRIPTS["filtered_page" if where else "page"](
            client,
            self.key,
            fresh_era(),
            query.limit,
            "-" if query.descending else "+",
            *_end(low, EARLIEST_KEY, "-inf"),
            *_end(high, LATEST_KEY, "+inf"),
            max(SCAN, query.limit),
            packed_conditions(where) if where else _NOTHING,
            pack(self._lead(where)) if where else _NOTHING,
            known,
            now,
            _named(query.viewer),
        )

    def _lead(self, where: tuple[FieldCondition, ...]) -> tuple[Any, ...]:
        """Return a field and its values with orders that hold every match of the conditions."""
        lead = self._known_indexes().lead(where, MERGED)
        if lead is None:
            return ()
        return lead.name, list(dict.fromkeys(sortable(value) for value in lead.values))

    def _step(self, query: ChangesQuery) -> Changes:
        where, now = query.where, self._clock.micros()
        self._check_indexes(query)
        answer = self._run(
            "changes",
            fresh_era(),
            since_birth(query).after or 0,
            query.limit,
            max(SCAN, query.limit) if where else query.limit,
            packed_conditions(where) if where else _NOTHING,
            now,
            _named(query.viewer),
        )
        head, version = read_head(answer)
        if head.position:
            self._check_indexes(query, version)
        if query.viewer is not None:
            head = viewer_head(head, int(answer[7]), now)
        if head.position:
            query = since_birth(query)
        check_cursor(query, head, lambda: int(answer[8]))
        found = [
            Change(int(at), item_id.decode(), read_live(item_id, item) if item else None)
            for at, item_id, item in zip(answer[9::3], answer[10::3], answer[11::3], strict=True)
        ]
        return reached(query, found, int(answer[5]), head, ended=bool(answer[6]))

    def head(self) -> Head:
        """Return where the change order ends now."""
        return read_head(self._run("head", fresh_era()))[0]

    def _hear(self) -> None:
        """Listen for the message that every write publishes."""
        self._listener.hear(self.key, self.notifier)

    def count(self, query: PageQuery) -> Count:
        """Count the items of a walk; see `RecordStream.count`."""
        low, high = key_range(query)
        total = looked = 0
        self._check_indexes(query)
        if low >= high:
            return Count(0, exact=True)  # the script takes one place from another
        conditions = packed_conditions(query.where)
        lead, viewer = pack(self._lead(query.where)), _named(query.viewer)
        while True:
            left = query.limit - looked
            some, seen, at, item_id = self._run(
                "count", *low, *high, left, SCAN, conditions, lead, viewer
            )
            total, looked = total + some, looked + seen
            if not at or looked >= query.limit:
                return Count(total, exact=not at)
            high = (int(at), item_id.decode())


def _end(key: Key, end: Key, name: str) -> tuple[object, str]:
    """Return a key of the timeline for a script, under a name of its own where it is an end."""
    return (name, "") if key == end else key


def _named(viewer: str | None) -> str:
    """Return a viewer as an argument of a script: ``=viewer``, empty for None."""
    return "" if viewer is None else f"={viewer}"


def _outcome(how: bytes, position: bytes) -> Outcome:
    if how == b"written":
        return Written(int(position))
    return Refused(_REASONS[how], int(position) if position else None)
