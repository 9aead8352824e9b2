"""`LocalStream`: a stream as its own program reads and writes it, without a request.

>>> from brubeck import Brubeck
>>> from brubeck.dictshield.fields import FloatField, StringField
>>> from brubeck.streams import StreamedDocument, StreamHandler
>>> class Quake(StreamedDocument):
...     place = StringField(required=True)
...     magnitude = FloatField()
>>> class Quakes(StreamHandler):
...     model = Quake
...     path = '/quakes'
...     filters = ('magnitude__gte',)
>>> app = Brubeck(streams=[Quakes], storage='memory://')
>>> quakes = app.stream(Quakes)
>>> quake = quakes.insert({'place': 'Hilo', 'magnitude': 4.9})
>>> quakes.update(quake.id, {'magnitude': 5.1}).magnitude
5.1
>>> [each.place for each in quakes.items(magnitude__gte=5)]
['Hilo']

Rules:

- Documents are validated, and hooks before and after writes are called, as for a request. Access
  rules are not applied: the program is trusted, also with a ``read_only`` stream.
- The program may set what only the server sets otherwise: ids, times, owners, private fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from brubeck.auth import Caller
from brubeck.documents.repository import Changed, Entry, Repository
from brubeck.handlers.program import Program
from brubeck.http import Headers, Problem, Request
from brubeck.storage import Change, Count, Delete, PageQuery, Put, Record, Storage
from brubeck.streams.access import OpenAccess
from brubeck.streams.context import Context
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.handler import StreamHandler
from brubeck.streams.local_documents import (
    NewDocument,
    document_json,
    members_json,
    merged_json,
    problems,
)
from brubeck.streams.parameters import timeline_parameters
from brubeck.streams.stream import PAGE, Stream
from brubeck.streams.writing import Drafts, Result, Writer, changed, read_document
from brubeck.timekeeping import Clock

W = TypeVar("W", bound=Put | Delete)

COUNT_BOUND: Final = 10_000
"""The number of items up to which a count is exact."""


class _Trusted:
    """The recheck of a request that has no caller whose rights could be lost."""

    is_needed = False

    def __call__(self, context: Context) -> None:
        """Check nothing."""


class LocalStream(Stream):
    """A stream of an application, with what the program itself does to it."""

    def __init__(
        self,
        declaration: type[StreamHandler],
        application: Program,
        store: Callable[[], Storage],
        clock: Clock,
    ) -> None:
        super().__init__(declaration.spec, store, clock)
        self._declaration = declaration
        self._application = application
        spec = declaration.spec
        self._spec_for_writes = msgspec.structs.replace(
            spec,
            accept_created_at=True,
            set_by_server=(),
            hidden=frozenset(),
            parameters=msgspec.structs.replace(
                spec.parameters, fields=frozenset(spec.model._fields)
            ),
        )

    # Reading.

    def get(self, item_id: str | None, partition: str = "") -> StreamedDocument | None:
        """Return the document of an item; None where there is none, or no more."""
        found = Repository(self.records(partition)).find(item_id or "")
        return self._document(found) if isinstance(found, Record) else None

    def items(
        self,
        partition: str = "",
        *,
        oldest_first: bool = False,
        since: datetime | int | str | None = None,
        until: datetime | int | str | None = None,
        **filters: object,
    ) -> Iterator[StreamedDocument]:
        """Yield the documents of the timeline, page by page, with their private fields.

        ``since`` (inclusive) and ``until`` (exclusive) are times: a datetime, milliseconds since
        the epoch, or RFC 3339. A filter is one that the stream declares, such as
        ``magnitude__gte=5``; a list of values is for ``…__in``. Raises `ValueError` for others,
        and for a partition that there cannot be.
        """
        query = self._query(since, until, filters, descending=not oldest_first)
        return map(self._document, Repository(self.records(partition)).walk(query))

    def count(
        self,
        partition: str = "",
        *,
        since: datetime | int | str | None = None,
        until: datetime | int | str | None = None,
        **filters: object,
    ) -> Count:
        """Return the number of items, exact up to `COUNT_BOUND`; arguments as for `items`."""
        query = self._query(since, until, filters, descending=True)
        return self.records(partition).count(msgspec.structs.replace(query, limit=COUNT_BOUND))

    def _query(
        self, since: object, until: object, filters: Mapping[str, object], *, descending: bool
    ) -> PageQuery:
        for name, value in filters.items():
            if isinstance(value, list | tuple | set | frozenset) and not value:
                raise ValueError(f"{name} is an empty list, which no item can match")
        declared = self.spec.parameters.filters
        given = {"since": since, "until": until, **filters}
        pairs = [
            (name, _text(each))
            for name, value in given.items()
            # A name that is not declared is refused, whatever its value.
            if value is not None or (name in filters and name not in declared)
            for each in (value if isinstance(value, list | tuple | set | frozenset) else [value])
        ]
        try:
            parameters = timeline_parameters(pairs, self.spec.parameters, PAGE)
        except Problem as problem:
            raise ValueError(problem.detail) from problem
        return PageQuery(
            limit=PAGE,
            descending=descending,
            since=parameters.since,
            until=parameters.until,
            where=parameters.where,
        )

    # Writing.

    def insert(
        self, document: NewDocument, partition: str = "", *, owner: Caller | None = None
    ) -> StreamedDocument:
        """Write a new item and return its document, with its id and times.

        ``owner`` is the caller that owns the item, in a stream of an `OwnedDocument`. Raises a
        `Problem`: 422 for an invalid document, 409 for an id that is taken; and `ValueError` for a
        partition that there cannot be.
        """
        (result,) = self.insert_many([document], partition, owner=owner)
        if result.problem is not None:
            raise result.problem
        return self.spec.model.decode_stored(result.body)

    def insert_many(
        self, documents: Iterable[NewDocument], partition: str = "", *, owner: Caller | None = None
    ) -> list[Result]:
        """Write new items, as many at a time as a request may; return the result of each.

        Each succeeds or fails by itself: a result has its ``status``, its ``id``, its ``body`` (the
        JSON of the item as it is stored) and its ``problem``, if any.
        """
        left, results = iter(documents), []
        while some := list(islice(left, self.spec.max_batch)):
            with self._writing(partition, owner) as writer:
                drafts = Drafts(writer)
                for each in some:
                    try:
                        with problems(writer.context):
                            body = document_json(each, owner, self.spec.model)
                    except Problem as problem:
                        drafts.refuse(problem.with_traceback(None))
                    else:
                        drafts.add(body)
                results += drafts.write()
        return results

    def update(
        self,
        item_id: str | None,
        changes: Mapping[str, Any],
        partition: str = "",
        *,
        expected: int | None = None,
    ) -> StreamedDocument:
        """Change members of an item and return its document; None removes one (RFC 7396).

        ``expected`` is the position at which the item must stand. Raises a `Problem`: 404 or 410
        where there is no such item, 412 where it stands elsewhere, 422 for an invalid result.
        """
        patch = msgspec.json.decode(members_json(changes))
        with self._writing(partition) as writer:

            def propose(found: Entry) -> Put:
                record = _expected(item_id, found, expected)
                stored = writer.stored(record)
                with problems(writer.context):
                    body = merged_json(record.body, patch)
                    document = read_document(self._spec_for_writes, body)
                    return writer.revise(document, stored, record.position)

            put, outcome, found = self._change(partition, item_id, propose)
            writer.announce([changed(put, outcome.position, found)])
        return self.spec.model.decode_stored(put.body)

    def delete(
        self, item_id: str | None, partition: str = "", *, expected: int | None = None
    ) -> None:
        """Delete an item; `Problem` as for `update`."""
        with self._writing(partition) as writer:

            def propose(found: Entry) -> Delete:
                return writer.removal(_expected(item_id, found, expected))

            done = self._change(partition, item_id, propose)
            writer.announce([Change(done.outcome.position, done.write.id, None)])

    def _change(
        self, partition: str, item_id: str | None, propose: Callable[[Entry], W]
    ) -> Changed[W]:
        done = Repository(self.records(partition)).change(item_id or "", propose)
        if done is None:
            raise TypeError("every change of an item proposes a write")
        return done

    @contextmanager
    def _writing(self, partition: str, owner: Caller | None = None) -> Iterator[Writer]:
        self.spec.check_partition(partition)
        path = self.spec.path.at(partition)
        context = Context(
            self._application,
            self,
            Request("POST", path, Headers(), b""),
            partial(self._declaration),
            _Trusted(),
        )
        context.spec, context.partition, context.identified = (
            self._spec_for_writes,
            partition,
            owner,
        )
        try:
            yield Writer(context, OpenAccess(self._spec_for_writes))
        finally:
            context.end()


def _text(value: object) -> str:
    """Return a value as it stands in a query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _expected(item_id: str | None, found: Entry, expected: int | None) -> Record:
    """Return the record that is to change; a `Problem` where it is not there, or elsewhere."""
    if not isinstance(found, Record):
        status = 404 if found is None else 410
        raise Problem(status, f"There is no item {item_id}.")
    if expected is not None and found.position != expected:
        raise Problem(412, f"The item {item_id} has changed; read it again.")
    return found
