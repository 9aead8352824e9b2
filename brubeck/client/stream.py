"""`Stream`: read, write and follow a stream over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from brubeck.client import operations
from brubeck.client.answers import Change, Item, Page, Result
from brubeck.client.connection import Connection, iterate, run
from brubeck.client.copying import copy_steps
from brubeck.client.errors import Closed
from brubeck.client.mirror import Mirror
from brubeck.client.operations import NO_CONDITION, StreamUrl
from brubeck.client.reading import Reading
from brubeck.client.steps import Request, Steps
from brubeck.client.transport import Options, check_url

if TYPE_CHECKING:
    from brubeck.client.transport import Auth


class Stream:
    """A stream at a URL, such as ``https://api.example/quakes``; one may serve several threads.

    ``auth`` is ``(user, password)``, ``Bearer('token')`` or an ``httpx.Auth``; ``headers`` go with
    every request. An operation, with up to ``retries`` repetitions, takes at most ``timeout``
    seconds. ``silence`` is how many seconds a feed may be without a byte. Further options are those
    of ``httpx.Client``: ``verify``, ``proxy``, ``transport``.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        retries: int = 8,
        silence: float = 40.0,
        **options: Any,
    ) -> None:
        self._url = StreamUrl.parse(url)
        self._options = Options.of(
            auth=auth,
            headers=headers,
            timeout=timeout,
            retries=retries,
            silence=silence,
            options=options,
        )
        check_url(self._url.base)
        self._policy = self._options.policy
        self._reading = Reading(self._url, self._policy, silence)
        self._connections: WeakSet[Connection] = WeakSet()
        self._lock = RLock()
        self._is_closed = False
        self._connection = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Stream {self._url.base}>"

    def close(self) -> None:
        """End every operation, feed and mirror of the stream, from any thread."""
        with self._lock:
            self._is_closed = True
            connections = list(self._connections)
        for each in connections:
            each.close()

    # Reading.

    def pages(
        self,
        *,
        start: str | None = None,
        limit: int | None = None,
        order: str | None = None,
        since: object = None,
        until: object = None,
        fields: str | Iterable[str] | None = None,
        total: bool = False,
        **filters: object,
    ) -> Iterator[Page]:
        """Return an iterator over the pages of the timeline.

        ``limit`` is the size of a page, ``order`` is ``'newest'`` or ``'oldest'``, ``since`` and
        ``until`` bound the walk (datetime, RFC 3339 or milliseconds). A datetime without a time
        zone is UTC. ``start`` is the `next` or `previous` link of a page, and excludes the rest.
        """
        pairs = self._reading.pairs(
            start=start,
            limit=limit,
            order=order,
            since=since,
            until=until,
            fields=fields,
            total=total,
            filters=filters,
        )
        return iterate(self._connection, operations.pages(self._url, pairs, self._policy))

    def items(
        self,
        *,
        limit: int | None = None,
        order: str | None = None,
        since: object = None,
        until: object = None,
        fields: str | Iterable[str] | None = None,
        **filters: object,
    ) -> Iterator[Item]:
        """Return an iterator over the items of the timeline, page by page; see `pages`."""
        pairs = self._reading.pairs(
            start=None,
            limit=limit,
            order=order,
            since=since,
            until=until,
            fields=fields,
            total=False,
            filters=filters,
        )
        pages = iterate(self._connection, operations.pages(self._url, pairs, self._policy))
        return (item for page in pages for item in page.items)

    def get(self, item_id: str, *, fields: str | Iterable[str] | None = None) -> Item:
        """Return an item with its ``etag``; `NotFound` when there is none."""
        return run(self._connection, self._reading.get(item_id, fields))

    def fetch(self, path: str = "", pairs: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """Return the JSON object at a path below the stream's URL, such as ``/changes``.

        ``pairs`` are the names and values of the query. Raises a `Problem` for any other answer.
        """
        steps = operations.fetch_json(self._url, path, pairs, self._policy)
        return run(self._connection, steps)

    def export(
        self,
        media_type: str = "application/x-ndjson",
        *,
        order: str | None = None,
        since: object = None,
        until: object = None,
        fields: str | Iterable[str] | None = None,
        **filters: object,
    ) -> Iterator[bytes]:
        """Return an iterator over the bytes of the whole timeline, as the server exports it.

        ``media_type`` is ``'application/x-ndjson'``, an item a line, or ``'text/csv'``; the rest is
        as for `pages`. Raises `Unavailable` for an export that breaks off: what came before is not
        all of it.
        """
        pairs = self._reading.pairs(
            start=None,
            limit=None,
            order=order,
            since=since,
            until=until,
            fields=fields,
            total=False,
            filters=filters,
        )
        steps = self._reading.export(media_type, pairs)
        return _emitted(self._connect(), steps)

    # Writing.

    def create(self, document: Mapping[str, Any]) -> Item:
        """Create an item and return it."""
        return self._write(operations.create(self._url, document))

    def create_many(self, documents: Iterable[Mapping[str, Any] | bytes]) -> list[Result]:
        """Create an item of each document, in requests of up to 1,000; return a result for each.

        A document may be its JSON, as bytes, which is sent as it stands. An error carries the
        results of the requests before it as ``results``.
        """
        return run(self._connection, operations.create_many(self._url, documents, self._policy))

    def update(
        self, item_id: str, changes: Mapping[str, Any], *, if_match: str | None = NO_CONDITION
    ) -> Item:
        """Change the named fields of an item and return it; a field that is None is removed.

        With the ``etag`` of an item as ``if_match`` only that version is changed, or else
        `PreconditionFailed` is raised.
        """
        return self._write(operations.update(self._url, item_id, changes, if_match))

    def replace(
        self,
        item_id: str,
        document: Mapping[str, Any],
        *,
        if_match: str | None = NO_CONDITION,
        if_absent: bool = False,
    ) -> Item:
        """Replace an item, or create one with this id, and return it.

        With ``if_absent`` it is only created: `PreconditionFailed` when it is there.
        """
        request = operations.replace(self._url, item_id, document, if_match, if_absent=if_absent)
        return self._write(request)

    def delete(self, item_id: str, *, if_match: str | None = NO_CONDITION) -> None:
        """Delete an item; `NotFound` when there is none."""
        steps = operations.delete(self._url, item_id, if_match, self._policy)
        run(self._connection, steps)

    def _write(self, request: Request) -> Item:
        return run(self._connection, operations.write(request, self._policy))

    # Following.

    def follow(
        self,
        *,
        after: str | None = None,
        fields: str | Iterable[str] | None = None,
        **filters: object,
    ) -> Feed:
        """Return an endless iterator over the changes, which goes on when the server comes back.

        ``after`` is the cursor of a change or page, ``'now'``, or None for the beginning.
        """
        follower = self._reading.follower(after, fields, filters)
        return Feed(self._connect(), follower.steps())

    def mirror(self, *, fields: str | Iterable[str] | None = None, **filters: object) -> Mirror:
        """Return a copy of the stream that stays right; it is read when its context begins."""
        pairs = self._reading.filters(fields, filters)
        make = self._reading.follower_of(pairs)
        steps = copy_steps(self._url, pairs, self._policy, make)
        return Mirror(self._connect(), steps)

    def _connect(self) -> Connection:
        """Return a connection, which ends with the stream."""
        connection = Connection(self._options)
        with self._lock:
            self._connections.add(connection)
            is_closed = self._is_closed
        if is_closed:
            connection.close()
        return connection


class Feed(Iterator[Change]):
    """The changes of a stream: an iterator that may be closed from any thread, which ends it."""

    def __init__(self, connection: Connection, steps: Steps[None]) -> None:
        self._connection = connection
        self._changes: Iterator[Change] = _emitted(connection, steps)

    def __next__(self) -> Change:
        if self._connection.is_closed:
            raise StopIteration
        try:
            return next(self._changes)
        except Closed:
            raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the iteration, and the request or pause in which it is."""
        self._connection.close()


def _emitted(connection: Connection, steps: Steps[None]) -> Iterator[Any]:
    """Yield the values that steps emit; the connection lasts as long as the iteration."""
    try:
        yield from iterate(connection, steps)
    finally:
        connection.close()
