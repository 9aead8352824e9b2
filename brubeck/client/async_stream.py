"""`AsyncStream`: read, write and follow a stream over HTTP, with coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from brubeck.client import operations
from brubeck.client.answers import Change, Item, Page, Result
from brubeck.client.async_connection import AsyncConnection, iterate, run
from brubeck.client.async_mirror import AsyncMirror
from brubeck.client.copying import copy_steps
from brubeck.client.errors import Closed
from brubeck.client.operations import NO_CONDITION, StreamUrl
from brubeck.client.reading import Reading
from brubeck.client.steps import Emit, Request, Steps
from brubeck.client.transport import Options, check_url

if TYPE_CHECKING:
    from brubeck.client.transport import Auth


class AsyncStream:
    """A stream at a URL, such as ``https://api.example/quakes``, with coroutines.

    ``auth`` is ``(user, password)``, ``Bearer('token')`` or an ``httpx.Auth``; ``headers`` go with
    every request. An operation, with up to ``retries`` repetitions, takes at most ``timeout``
    seconds. ``silence`` is how many seconds a feed may be without a byte. Further options are those
    of ``httpx.AsyncClient``: ``verify``, ``proxy``, ``transport``.
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
        self._connections: set[AsyncConnection] = set()
        self._is_closed = False
        self._connection = self._connect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncStream {self._url.base}>"

    async def close(self) -> None:
        """End every operation, feed and mirror of the stream, of all tasks."""
        self._is_closed = True
        for each in list(self._connections):
            await each.close()

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
    ) -> AsyncIterator[Page]:
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
    ) -> AsyncIterator[Item]:
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
        return (item async for page in pages for item in page.items)

    async def get(self, item_id: str, *, fields: str | Iterable[str] | None = None) -> Item:
        """Return an item with its ``etag``; `NotFound` when there is none."""
        return await run(self._connection, self._reading.get(item_id, fields))

    async def fetch(self, path: str = "", pairs: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """Return the JSON object at a path below the stream's URL, such as ``/changes``.

        ``pairs`` are the names and values of the query. Raises a `Problem` for any other answer.
        """
        steps = operations.fetch_json(self._url, path, pairs, self._policy)
        return await run(self._connection, steps)

    def export(
        self,
        media_type: str = "application/x-ndjson",
        *,
        order: str | None = None,
        since: object = None,
        until: object = None,
        fields: str | Iterable[str] | None = None,
        **filters: object,
    ) -> AsyncIterator[bytes]:
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

    async def create(self, document: Mapping[str, Any]) -> Item:
        """Create an item and return it."""
        return await self._write(operations.create(self._url, document))

    async def create_many(self, documents: Iterable[Mapping[str, Any] | bytes]) -> list[Result]:
        """Create an item of each document, in requests of up to 1,000; return a result for each.

        A document may be its JSON, as bytes, which is sent as it stands. An error carries the
        results of the requests before it as ``results``.
        """
        return await run(
            self._connection, operations.create_many(self._url, documents, self._policy)
        )

    async def update(
        self, item_id: str, changes: Mapping[str, Any], *, if_match: str | None = NO_CONDITION
    ) -> Item:
        """Change the named fields of an item and return it; a field that is None is removed.

        With the ``etag`` of an item as ``if_match`` only that version is changed, or else
        `PreconditionFailed` is raised.
        """
        return await self._write(operations.update(self._url, item_id, changes, if_match))

    async def replace(
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
        return await self._write(request)

    async def delete(self, item_id: str, *, if_match: str | None = NO_CONDITION) -> None:
        """Delete an item; `NotFound` when there is none."""
        steps = operations.delete(self._url, item_id, if_match, self._policy)
        await run(self._connection, steps)

    async def _write(self, request: Request) -> Item:
        return await run(self._connection, operations.write(request, self._policy))

    # Following.

    def follow(
        self,
        *,
        after: str | None = None,
        fields: str | Iterable[str] | None = None,
        **filters: object,
    ) -> AsyncFeed:
        """Return an endless iterator over the changes, which goes on when the server comes back.

        ``after`` is the cursor of a change or page, ``'now'``, or None for the beginning.
        """
        follower = self._reading.follower(after, fields, filters)
        return AsyncFeed(self._connect(), follower.steps())

    def mirror(
        self, *, fields: str | Iterable[str] | None = None, **filters: object
    ) -> AsyncMirror:
        """Return a copy of the stream that stays right; it is read when its context begins."""
        pairs = self._reading.filters(fields, filters)
        make = self._reading.follower_of(pairs)
        steps = copy_steps(self._url, pairs, self._policy, make)
        return AsyncMirror(self._connect(), steps)

    def _connect(self) -> AsyncConnection:
        """Return a connection, which ends with the stream."""
        connection = AsyncConnection(self._options)
        connection.is_closed = self._is_closed
        self._connections = {each for each in self._connections if not each.is_closed}
        self._connections.add(connection)
        return connection


class AsyncFeed(AsyncIterator[Change]):
    """The changes of a stream: an iterator that may be closed from any task, which ends it.

    Cancelling a wait for the next change loses none: the next wait goes on at the same place.
    """

    def __init__(self, connection: AsyncConnection, steps: Steps[None]) -> None:
        self._connection = connection
        self._steps = steps
        self._pending: asyncio.Future[Any] | None = None
        """The step that is being performed, also while nobody waits for its outcome."""

    async def __anext__(self) -> Change:
        try:
            return await self._next()
        except asyncio.CancelledError:
            raise
        except Closed:
            await self.close()
            raise StopAsyncIteration from None
        except BaseException:
            await self.close()
            raise

    async def _next(self) -> Change:
        while not self._connection.is_closed:
            step = self._steps.send(await self._outcome())
            if isinstance(step, Emit):
                change: Change = step.value
                return change
            self._pending = asyncio.ensure_future(self._connection.perform(step))
            self._pending.add_done_callback(_know)
        raise Closed

    async def _outcome(self) -> Any:
        """Return the outcome of the last step, which goes on when a wait for it is cancelled."""
        if self._pending is None:
            return None
        await asyncio.wait((self._pending,))
        pending, self._pending = self._pending, None
        return pending.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        with suppress(RuntimeError):  # there is no loop any more
            self._connection.close_soon()

    async def close(self) -> None:
        """End the iteration, and the request or pause in which it is."""
        await self._connection.close()


async def _emitted(connection: AsyncConnection, steps: Steps[None]) -> AsyncIterator[Any]:
    """Yield the values that steps emit; the connection lasts as long as the iteration."""
    try:
        async for each in iterate(connection, steps):
            yield each
    finally:
        await connection.close()


def _know(future: asyncio.Future[Any]) -> None:
    """Take note of a step's error, which may come after the last wait."""
    if not future.cancelled():
        future.exception()
