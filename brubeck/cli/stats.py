"""``brubeck stats``: the size and state of each stream and partition, and of the queue of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from brubeck.cli.checking import has_jobs
from brubeck.cli.output import AS_JSON, print_json, print_lines, print_table
from brubeck.cli.programs import PROGRAM, loaded
from brubeck.timekeeping import millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.consumers.backlog import Backlog
    from brubeck.storage import Head, RecordStream
    from brubeck.streams.stream import Stream
    from brubeck.webhooks.backlog import WebhookBacklog

BOUND: Final = 10_000
"""The number of items and changes that are counted; more are said to be at least as many."""
_STEP: Final = 500


class Amount(msgspec.Struct, frozen=True):
    """A number; when not ``exact``, a lower bound."""

    total: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.total:,}" if self.exact else f"{self.total:,}+"


class StreamStats(msgspec.Struct, frozen=True):
    """The size and state of one stream in its storage.

    ``newest`` is the time of the newest item, RFC 3339, and ``deletions`` the number of deletions
    that are kept. ``unfinished`` maps each incomplete index to its built part, 0 to 1 or None.
    """

    stream: str
    store: str
    items: Amount
    newest: str | None
    head: int
    era: str
    deletions: Amount
    indexes: list[str]
    unfinished: dict[str, float | None]


@click.command()
@PROGRAM
@AS_JSON
def stats(program: str, *, as_json: bool) -> None:
    """Show the number of items, the newest item, head and indexes of each stream and partition.

    Numbers are counted up to 10,000; 10,000+ is at least as many. Nothing is changed.
    """
    from brubeck.consumers.backlog import backlogs
    from brubeck.webhooks.backlog import webhook_backlogs

    with loaded(program) as application:
        found = list(_all_stats(application))
        is_seen = has_jobs(application) and application.jobs.is_shared
        depth = application.jobs.queue.depth() if is_seen else None
        consumed = list(backlogs(application))
        hooks = list(webhook_backlogs(application))
    if as_json:
        told = {"streams": found, "jobs": depth, "consumers": consumed, "webhooks": hooks}
        print_json(msgspec.to_builtins(told))
        return
    headings = ("STREAM", "STORE", "ITEMS", "NEWEST", "HEAD", "DELETIONS", "INDEXES")
    print_table(headings, [_row(each) for each in found])
    if depth is not None:
        counts = msgspec.to_builtins(depth)
        words = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items()]
        print_lines(f"\njobs: {', '.join(words)}")
    if consumed:
        print_lines("")
        columns = ("CONSUMER", "STREAM", "BEHIND", "DEAD LETTERS", "PROCESS")
        print_table(columns, [_consumer_row(each) for each in consumed])
    if hooks:
        print_lines("")
        columns = ("WEBHOOKS", "SUBSCRIPTIONS", "PAUSED", "FAILING", "BEHIND")
        print_table(columns, [_webhook_row(each) for each in hooks])


def _consumer_row(each: Backlog) -> tuple[str, ...]:
    behind = "not begun" if each.behind is None else f"{each.behind:.1f} s"
    return (each.consumer, each.stream, behind, str(each.dead), each.process)


def _webhook_row(each: WebhookBacklog) -> tuple[str, ...]:
    counts = (str(each.subscriptions), str(each.paused), str(each.failing))
    return (each.path, *counts, f"{each.behind:.1f} s")


def _all_stats(application: Brubeck) -> Iterator[StreamStats]:
    for declaration in application.streams:
        stream = application.stream(declaration)
        for partition in stream.partitions():
            yield _stats(stream, partition)


def _stats(stream: Stream, partition: str) -> StreamStats:
    from brubeck.storage import PageQuery, RecordSchema

    spec = stream.spec
    # Without a declared index, so that to look starts no build.
    records = stream.store.records(spec.path.stream(partition), RecordSchema({}))
    head = records.head()
    count = records.count(PageQuery(limit=BOUND))
    newest = records.page(PageQuery(limit=1)).records
    return StreamStats(
        stream=spec.path.at(partition),
        store=spec.storage,
        items=Amount(count.total, count.exact),
        newest=millis_to_rfc3339(newest[0].created_at) if newest else None,
        head=head.position,
        era=head.era,
        deletions=_deletions(records, head),
        indexes=sorted(spec.schema.known),
        unfinished=_unfinished(stream.opened(partition)),
    )


def _deletions(records: RecordStream, head: Head) -> Amount:
    """Count the deletions among the changes since the horizon, looking at a bounded number."""
    from brubeck.storage import ChangesQuery

    if not head.position:
        return Amount(0, exact=True)
    query = ChangesQuery(limit=_STEP, after=head.horizon, era=head.era)
    total = seen = 0
    while seen < BOUND:
        found = records.changes(query)
        total += sum(each.record is None for each in found.changes)
        seen += len(found.changes)
        if found.caught_up:
            return Amount(total, exact=True)
        query = msgspec.structs.replace(query, after=found.position)
    return Amount(total, exact=False)


def _unfinished(records: RecordStream) -> dict[str, float | None]:
    from brubeck.storage.checking import Building, Progressing

    if not isinstance(records, Building):
        return {}
    parts = records.progress() if isinstance(records, Progressing) else {}
    return {name: parts.get(name) for name in records.unfinished()}


def _row(found: StreamStats) -> list[Any]:
    indexes = [name for name in found.indexes if name not in found.unfinished]
    indexes += [
        f"{name} ({'not built' if part is None else f'{int(part * 100)} % built'})"
        for name, part in found.unfinished.items()
    ]
    return [
        found.stream,
        found.store,
        str(found.items),
        found.newest or "-",
        str(found.head),
        str(found.deletions),
        ", ".join(indexes) or "-",
    ]
