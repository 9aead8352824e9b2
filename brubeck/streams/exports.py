"""Exports: the whole timeline in one answer, line by line, however long it is.

The timeline is walked page by page, at the reader's pace, so that an export holds no more than one
step of it. What goes wrong on the way (a storage that is gone, rights that were taken away) cuts
the connection: a part can never look like the whole. The link to the changes is taken before the
first item is read, so a reader of the whole export that follows that link has the truth.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from brubeck import green
from brubeck.green.waking import FairSemaphore
from brubeck.http import Problem, Response, StreamingResponse
from brubeck.http.compression import compressed_stream
from brubeck.storage import Page, PageQuery, Record, TimelineCursor, Unavailable
from brubeck.streams import csv_rows, geojson
from brubeck.streams.context import Context
from brubeck.streams.cursors import ChangeCursor, url
from brubeck.streams.parameters import PageParameters, export_parameters
from brubeck.streams.projection import columns, projection
from brubeck.streams.spec import StreamSpec

NDJSON: Final = "application/x-ndjson"
MEDIA_TYPES: Final = (NDJSON, csv_rows.MEDIA_TYPE, geojson.MEDIA_TYPE)

FIRST_STEP: Final = 100
STEP: Final = 1000
"""How many items a step takes at the most."""
STEP_BYTES: Final = 1 << 20
"""How many bytes a step is to take, judged by the one before."""
AT_ONCE: Final = 8
"""How many exports of a process take a step at the same time."""
RECHECK_SECONDS = 2.0
"""Seconds after which the reader's access is checked again."""

Write = Callable[[Sequence[Record]], bytes]


def types_of(spec: StreamSpec) -> tuple[str, ...]:
    """Return the media types in which a stream is exported: GeoJSON only with a geometry."""
    return MEDIA_TYPES if spec.geometry is not None else MEDIA_TYPES[:-1]


def export(context: Context, media_type: str) -> Response:
    """Return the whole timeline, as the parameters bound it, in one of the `MEDIA_TYPES`."""
    request = context.request
    parameters = export_parameters(
        request.query_pairs,
        context.spec.parameters,
        FIRST_STEP,
        table=media_type == csv_rows.MEDIA_TYPE,
    )
    walk = Walk(context, parameters)
    headers = context.spec.headers.copy()
    origin = f"{request.scheme}://{request.host}" if request.host else ""
    headers["Link"] = f'<{origin}{_changes_link(context, walk.first)}>; rel="changes"'
    name = context.base.strip("/").rpartition("/")[2]
    if media_type == NDJSON:
        headers["Content-Type"], extension = NDJSON, "ndjson"
        chunks = _lines(walk, context, parameters)
    elif media_type == geojson.MEDIA_TYPE:
        headers["Content-Type"], extension = geojson.MEDIA_TYPE, "geojson"
        chunks = _features(walk, context, parameters)
    else:
        headers["Content-Type"], extension = csv_rows.CONTENT_TYPE, "csv"
        chunks = _table(walk, context, parameters)
    headers["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    headers["X-Content-Type-Options"] = "nosniff"
    return compressed_stream(StreamingResponse(chunks, headers=headers), request)


def _changes_link(context: Context, first: Page) -> str:
    kept = {"fields", *context.spec.parameters.filters}
    pairs = [pair for pair in context.request.query_pairs if pair[0] in kept]
    cursor = ChangeCursor(first.follow(context.viewer), first.head.era)
    return url(f"{context.base}/changes", [*pairs, ("after", str(cursor))])


def _lines(walk: Walk, context: Context, parameters: PageParameters) -> Iterator[bytes]:
    project = projection(parameters.fields, context.spec.hidden)
    return walk.chunks(lambda records: b"".join([b"%b\n" % project(each.body) for each in records]))


def _table(walk: Walk, context: Context, parameters: PageParameters) -> Iterator[bytes]:
    fields = context.spec.model._fields
    names = columns(parameters.fields, fields, context.spec.hidden)
    times = [each for each in names if fields[each].kind == "milliseconds"]
    readable = frozenset(times if parameters.readable_times else ())
    yield (codecs.BOM_UTF8 if parameters.bom else b"") + csv_rows.header_row(names)
    yield from walk.chunks(
        lambda records: csv_rows.rows(
            green.fairly([each.body for each in records]), names, readable
        )
    )


def _features(walk: Walk, context: Context, parameters: PageParameters) -> Iterator[bytes]:
    project = projection(parameters.fields, context.spec.hidden)
    fields = context.spec.geometry
    if fields is None:
        raise Problem(406, "The items of this stream have no coordinates.")
    between = geojson.BEGIN + b"\n"
    made = walk.chunks(
        lambda records: b",\n".join(
            list(geojson.features([each.body for each in records], fields, project))
        )
    )
    for chunk in made:
        yield between + chunk
        between = b",\n"
    yield (geojson.END if between == b",\n" else geojson.BEGIN + geojson.END)


class Walk:
    """The walk along the whole timeline; its first step is taken at once.

    So a storage that cannot be reached is reported as such, and not by an answer that breaks off.
    """

    def __init__(self, context: Context, parameters: PageParameters) -> None:
        self._context = context
        self._bound = _bound(parameters)
        self._query = _query(parameters, context.viewer)
        self._asked = time.monotonic()
        green.take_turn()
        with _turns():
            self.first = context.records.page(self._query)

    def chunks(self, write: Write) -> Iterator[bytes]:
        """Yield each step that finds anything, as ``write`` has it.

        Of all exports only a few take a step at a time: a thousand that begin together hold up
        nobody who asks for a page.

        Raises a `Problem` when the reader may go on no longer, and `Unavailable` when the rest is
        gone or the reader is.
        """
        page = self.first
        while True:
            green.take_turn()
            if records := self._within(page.records):
                with _turns():
                    chunk = write(records)
                yield chunk
            elif page.stopped is not None:
                self._pause()
            if page.stopped is None:
                return
            self._recheck()
            limit = _next_step(self._query.limit, page.records)
            self._query = msgspec.structs.replace(self._query, start=page.stopped, limit=limit)
            green.take_turn()
            with _turns():
                page = self._context.records.page(self._query)
            if page.head.era != self.first.head.era:
                raise Unavailable("the storage has begun another era in the middle of an export")

    def _within(self, records: list[Record]) -> list[Record]:
        """Return the records that lie before the place at which the walk is to end."""
        bound = self._bound
        if bound is None:
            return records
        if self._query.descending:
            return [each for each in records if (each.created_at, each.id) > bound]
        return [each for each in records if (each.created_at, each.id) < bound]

    def _pause(self) -> None:
        """Let others run between two steps that send nothing to the reader.

        A reader that has left would only be noticed when something is sent.
        """
        green.sleep(0)
        if not self._context.request.is_wanted():
            raise Unavailable("nobody waits for the rest of the export")

    def _recheck(self) -> None:
        now = time.monotonic()
        if now - self._asked >= RECHECK_SECONDS:
            self._context.recheck()
            self._asked = now


@cache
def _turns() -> FairSemaphore:
    # Made when it is first needed: the process may not have its engine before.
    return FairSemaphore(AT_ONCE)


def _query(parameters: PageParameters, viewer: str | None) -> PageQuery:
    descending = parameters.order == "newest"
    before, after = parameters.before, parameters.after
    since, until = parameters.since, parameters.until
    if descending and after is not None:
        least = after.created_at + (after.id is None)
        since = least if since is None else max(since, least)
    if not descending and before is not None:
        most = before.created_at + (before.id is not None)
        until = most if until is None else min(until, most)
    return PageQuery(
        limit=parameters.limit,
        descending=descending,
        start=before if descending else after,
        since=since,
        until=until,
        where=parameters.where,
        viewer=viewer,
    )


def _bound(parameters: PageParameters) -> tuple[int, str] | None:
    """Return the item at which the walk ends, where it goes towards the place that is named."""
    towards: TimelineCursor | None = (
        parameters.after if parameters.order == "newest" else parameters.before
    )
    if towards is None or towards.id is None:
        return None  # a whole millisecond is a bound of time
    return towards.created_at, towards.id


def _next_step(last: int, records: Sequence[Record]) -> int:
    """Return how many items to take next: twice as many, as long as they are small."""
    size = sum([len(record.body) for record in records])
    fitting = STEP_BYTES * len(records) // size if size else STEP
    return max(1, min(2 * last, fitting, STEP))
