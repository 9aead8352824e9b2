"""Storages by themselves: depth, ties, writing beside the bare driver, following, and size.

Everything that is compared is measured in turn, round by round, in one process; a ratio is the
median of the rounds' own ratios. ``python -m benchmarks.storages redis 100000`` measures one of
them with so many items.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import uuid4

from benchmarks.bare import Bare, BareMongo, BareRedis, BareSQLite
from brubeck.storage import (
    ChangesQuery,
    FieldInfo,
    PageQuery,
    Put,
    RecordSchema,
    RecordStream,
    Storage,
    TimelineCursor,
    open_storage,
)
from tests.servers.mongo import mongo_set, set_url
from tests.servers.redis import RedisServer

ITEMS = 1_000_000
TIE = 100_000
ROUNDS = 9
START = 1_517_966_773_840
SCHEMA = RecordSchema({"network": FieldInfo("string", indexed=True, equality=True)})
BODY = (
    '{"id":"%s","created_at":%d,"updated_at":%d,"place":"10km SSW of Idyllwild, California",'
    '"magnitude":1.36,"network":"ci","depth":7.3,"title":"M 1.4 - 10km SSW of Idyllwild, CA"}'
)


class Bench(NamedTuple):
    """A storage that is ready, the same driver used by hand, and how large its data are."""

    storage: Storage
    bare: Bare
    size: Callable[[], int]


@contextmanager
def on_sqlite() -> Iterator[Bench]:
    """Lend a file, whose every commit reaches the disk."""
    with TemporaryDirectory() as directory:
        path = Path(directory, "ours.db")
        with closing(open_storage(f"sqlite:///{path}")) as storage:
            bare = BareSQLite(f"{directory}/bare.db")
            yield Bench(storage, bare, lambda: path.stat().st_size)


@contextmanager
def on_redis() -> Iterator[Bench]:
    """Lend a server that keeps nothing on the disk."""
    with TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.run()
        try:
            with closing(open_storage(server.url)) as storage, server.client() as client:
                yield Bench(
                    storage, BareRedis(server.url), lambda: int(client.info()["used_memory"])
                )
        finally:
            server.stop()


@contextmanager
def on_mongo() -> Iterator[Bench]:
    """Lend a replica set of one member, with its journal."""
    with TemporaryDirectory() as directory, mongo_set(Path(directory)) as members:
        url = set_url(members)
        with closing(open_storage(url)) as storage, members[0].client() as client:

            def size() -> int:
                client.admin.command("fsync")
                return int(client["brubeck"].command("dbStats")["totalSize"])

            yield Bench(storage, BareMongo(url), size)


@contextmanager
def closing(storage: Storage) -> Iterator[Storage]:
    """Close a storage at the end."""
    try:
        yield storage
    finally:
        storage.close()


BENCHES = {"sqlite": on_sqlite, "redis": on_redis, "mongo": on_mongo}


def put(item_id: str, at: int) -> Put:
    """Return the write of a new item of about 250 bytes."""
    body = (BODY % (item_id, at, at)).encode()
    return Put(id=item_id, created_at=at, body=body, token=uuid4().hex)


def fresh(count: int) -> list[Put]:
    """Return new items of now."""
    now = time.time_ns() // 1_000_000
    return [put(uuid4().hex, now) for _ in range(count)]


def fill(stream: RecordStream, count: int, *, tied: bool = False) -> None:
    """Write so many items, one a second of the timeline or all at one time."""
    for start in range(0, count, 1000):
        numbers = range(start, min(count, start + 1000))
        stream.write([put(f"q{n:08}", START + (0 if tied else n * 1000)) for n in numbers])


def rounds(works: dict[str, Callable[[], object]], seconds: float = 0.3) -> dict[str, list[float]]:
    """Do each work in turn for a time, and return its seconds a call, round by round."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(ROUNDS):
        for name, work in works.items():
            calls, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds:
                work()
                calls += 1
            times[name].append(spent / calls)
    return times


def ratio(times: dict[str, list[float]], name: str, to: str) -> float:
    """Return how many times as long one takes as another: the median over the rounds."""
    return median(a / b for a, b in zip(times[name], times[to], strict=True))


def row(*cells: object) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def depths(bench: Bench, items: int) -> list[str]:
    """Pages of 25 at several depths, and inside a tie."""
    stream = bench.storage.records("depths", SCHEMA)
    before = bench.size()
    fill(stream, items)
    each = (bench.size() - before) / items
    tied = bench.storage.records("tied", SCHEMA)
    fill(tied, min(TIE, items), tied=True)
    works: dict[str, Callable[[], object]] = {"0": lambda: stream.page(PageQuery(limit=25))}
    for depth in (1_000, 100_000, 1_000_000):
        if depth <= items:
            number = max(items - depth, 30)
            place = TimelineCursor(START + number * 1000, f"q{number:08}")
            works[f"{depth:,}"] = partial(stream.page, PageQuery(limit=25, start=place))
    middle = TimelineCursor(START, f"q{min(TIE, items) // 2:08}")
    works["in a tie"] = lambda: tied.page(PageQuery(limit=25, start=middle))
    times = rounds(works)
    lines = [
        row("a page of 25 at depth", "µs", "of the first", "must be"),
        row("---", *["---:"] * 3),
    ]
    for name in works:
        limit = "≤ 1.5 x" if name == "in a tie" else "≤ 1.2 x"
        micros = median(times[name]) * 1e6
        lines.append(row(name, f"{micros:.0f}", f"{ratio(times, name, '0'):.2f} x", limit))
    return [*lines, "", f"{each:.0f} bytes an item of 250, of {items:,}", ""]


def writing(bench: Bench) -> list[str]:
    """Write new items, one by one and by 1,000, beside the bare driver."""
    stream = bench.storage.records("writing", SCHEMA)
    bare = bench.bare
    lines = [
        row(
            "new items a second",
            "Brubeck",
            "promise, bare",
            "plain, bare",
            "of promise",
            "of plain",
        ),
        row("---", *["---:"] * 5),
    ]
    for count in (1, 1000):
        works: dict[str, Callable[[], object]] = {
            "ours": partial(_write_fresh, stream.write, count),
            "promise": partial(_write_fresh, bare.promise, count),
            "plain": partial(_write_fresh, bare.plain, count),
        }
        times = rounds(works)
        rates = [f"{count / median(times[name]):,.0f}" for name in works]
        ratios = [f"{1 / ratio(times, 'ours', name):.2f} x" for name in ("promise", "plain")]
        lines.append(row("one by one" if count == 1 else f"by {count:,}", *rates, *ratios))
    lines.append(_crowd(stream, bare))
    return [*lines, ""]


def _crowd(stream: RecordStream, bare: Bare) -> str:
    """Measure 32 threads that write one by one, turn by turn with the bare driver's."""
    writers: list[Callable[[list[Put]], object]] = [stream.write]
    if bare.threads:
        writers += [bare.promise, bare.plain]
    rates = [median([_at_once(write, 32) for _ in range(3)]) for write in writers]
    ratios = [f"{rates[0] / rate:.2f} x" for rate in rates[1:]]
    empty = [""] * (3 - len(rates))
    return row("32 at once", *[f"{rate:,.0f}" for rate in rates], *empty, *ratios, *empty)


def _write_fresh(write: Callable[[list[Put]], object], count: int) -> None:
    write(fresh(count))


def _at_once(write: Callable[[list[Put]], object], writers: int, seconds: float = 1.0) -> float:
    """Return how many items a second so many threads write, one by one."""
    written = [0] * writers
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            write(fresh(1))
            written[number] += 1

    _all([threading.Thread(target=work, args=(number,)) for number in range(writers)])
    return sum(written) / seconds


def following(bench: Bench, changes: int = 2000) -> list[str]:
    """Let changes arrive at so many followers."""
    lines = [row("followers", "changes written a second", "delivered a second"), row(*["---:"] * 3)]
    for followers in (1, 10, 100):
        stream = bench.storage.records(f"following{followers}", SCHEMA)
        stream.write(fresh(1))
        head = stream.head()
        start = time.perf_counter()
        threads = [
            threading.Thread(target=_follow, args=(stream, head.position, head.era, changes))
            for _ in range(followers)
        ]
        threads.append(threading.Thread(target=_write, args=(stream, changes)))
        _all(threads)
        spent = time.perf_counter() - start
        lines.append(
            row(followers, f"{changes / spent:,.0f}", f"{changes * followers / spent:,.0f}")
        )
    return [*lines, ""]


def _follow(stream: RecordStream, after: int, era: str, changes: int) -> None:
    seen = 0
    while seen < changes:
        found = stream.changes(ChangesQuery(limit=100, after=after, era=era))
        seen += len(found.changes)
        after = found.position
        if found.caught_up and seen < changes:
            stream.wait(after, 5)


def _write(stream: RecordStream, changes: int) -> None:
    for _ in range(0, changes, 10):
        stream.write(fresh(10))


def _all(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def table(name: str, items: int = ITEMS) -> str:
    """Return the tables of one storage."""
    with BENCHES[name]() as bench:
        lines = [f"### {name}", "", *writing(bench), *following(bench), *depths(bench, items)]
    return "\n".join(lines)


if __name__ == "__main__":
    chosen = sys.argv[1:2] or list(BENCHES)
    for each in chosen:
        print(table(each, int(sys.argv[2]) if len(sys.argv) > 2 else ITEMS), flush=True)
