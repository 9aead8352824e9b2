"""Pages as plain commands: what is the same as the script's page, at a third of its cost in Redis.

A script's strings are copied into Lua and out of it. So most pages are read as `HMGET` of the head
and `ZRANGE` of the ids, sent together, and `HMGET` of the items. Other writes may come between the
two. They are found out by their traces, and then the script reads the page in one step:

- A deleted item has no body, or is missing.
- An item that was written after the head was read has a later position. It may have been deleted
  and created again elsewhere in the timeline.
- A server that was restarted has another run id than the head was written with.

The head is read first, so that a reader who follows from it misses nothing.
"""

from __future__ import annotations

from typing import Any, Final

from hiredis import pack_command
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ResponseError

from brubeck.storage.records import Head, Page, PageQuery, Record, TimelineCursor
from brubeck.storage.redis.encoding import read_live
from brubeck.storage.sizes import STEP_BYTES
from brubeck.storage.timeline import key_range

_FIELDS: Final = ("position", "era", "horizon", "floor", "version", "life", "largest")
_PAUSE: Final = 100
"""How many pages the script reads after one that plain commands could not."""


class NotPlain(Exception):
    """The page has to be read by the script."""


class PlainPages:
    """The pages of one stream that plain commands can read."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._timeline, self._items = f"{key}:timeline", f"{key}:items"
        self._head = b""  # the packed command
        self._pause = 0
        self._tied: int | None = None

    def read(self, client: Any, query: PageQuery, known: bytes) -> Page | None:
        """Return a page, None where the head is a known one; raise `NotPlain`.

        ``known`` is the head and the version of the set of indexes, joined by ``~``, or empty.
        """
        start = query.start
        if query.where or query.viewer is not None or not hasattr(client, "linked"):
            raise NotPlain
        if start is not None and start.id is not None and start.created_at == self._tied:
            raise NotPlain
        if self._pause:
            self._pause -= 1
            raise NotPlain
        try:
            with client.linked() as connection:
                return self._read(connection, query, known)
        except (Disconnected, ResponseError):
            raise NotPlain from None  # the script connects again, or says what is wrong

    def _read(self, connection: Any, query: PageQuery, known: bytes) -> Page | None:
        tied = query.start is not None and query.start.id is not None
        wanted = query.limit + 1 + tied  # one more shows whether there is more
        run_id = connection.run_id()
        if not self._head:
            self._head = _packed("HMGET", self._key, *_FIELDS)
        ids = _packed("ZRANGE", self._timeline, *_range(query), "LIMIT", 0, wanted)
        (position, era, horizon, floor, version, life, largest), ids = connection.exchange(
            [self._head + ids], 2
        )
        if position is None or life != run_id or era is None:
            raise NotPlain  # there is nothing yet, or a new era begins
        if largest is None or wanted * int(largest) > STEP_BYTES:
            self._pause = _PAUSE
            raise NotPlain
        fields = (position, era, horizon or b"0", floor or b"0", version or b"0")
        if known and b"~".join(fields) == known:
            return None
        head = Head(int(position), era.decode(), int(fields[2]), int(fields[3]))
        records = self._records(connection, ids[: query.limit + tied], head)
        passed = _passed(records, query) if tied else 0
        left = len(ids) - passed
        if left <= query.limit and len(ids) == wanted:
            assert query.start is not None  # noqa: S101, only a tie is passed over
            self._tied = query.start.created_at
            raise NotPlain
        records = records[passed : passed + query.limit]
        if left <= query.limit:
            return Page(records, None, head)
        last = records[-1]
        return Page(records, TimelineCursor(last.created_at, last.id), head)

    def _records(self, connection: Any, ids: list[bytes], head: Head) -> list[Record]:
        if not ids:
            return []
        (items,) = connection.exchange([_packed("HMGET", self._items, *ids)])
        if None in items:
            raise NotPlain
        try:
            records = list(map(read_live, ids, items))
        except ValueError:
            raise NotPlain from None  # a tombstone
        if max([each.position for each in records]) > head.position:
            raise NotPlain
        return records


def _packed(*command: object) -> bytes:
    """Return a command as it is sent: the driver's own way looks at each argument in Python."""
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # its stub takes a tuple of one
    return packed


def _range(query: PageQuery) -> tuple[object, ...]:
    """Return the bounds of a page for `ZRANGE`, which knows no ids: there may be more on a tie."""
    (low, _), (high, high_id) = key_range(query)
    before = high if high_id else f"({high}"
    if query.descending:
        return before, low, "BYSCORE", "REV"
    return low, before, "BYSCORE"


def _passed(records: list[Record], query: PageQuery) -> int:
    """Return how many records of the first millisecond are not beyond the start of a page."""
    low, high = key_range(query)
    for at, record in enumerate(records):
        key = (record.created_at, record.id)
        if low <= key < high:
            return at
    return len(records)
