"""A program of green threads that share one connection to a Redis, through a hostile network.

Run by `test_redis_pipelining`: ``python -m tests.storage.pipelined SCENARIO PORT [PID]``. It prints
nothing; an assertion that fails is its exit status.
"""

from __future__ import annotations

from brubeck import green

green.patch()

import os  # noqa: E402, what follows is patched
import random  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import closing, contextmanager  # noqa: E402
from functools import partial  # noqa: E402
from time import monotonic  # noqa: E402
from typing import Any  # noqa: E402

from brubeck.storage import (  # noqa: E402
    ChangesQuery,
    PageQuery,
    Put,
    RecordSchema,
    TimelineCursor,
    Unavailable,
    Written,
)
from brubeck.storage.ids import new_id  # noqa: E402
from brubeck.storage.redis import RedisStorage  # noqa: E402
from tests.neighbours import let_others_run  # noqa: E402
from tests.servers.processes import suspend  # noqa: E402, after the patch

Network = Callable[[socket.socket, socket.socket], None]
"""Carries the bytes of one direction until there are no more."""
rng = random.Random(7)


def carry(source: socket.socket, target: socket.socket) -> None:
    """Carry the bytes as they come."""
    while data := source.recv(65536):
        target.sendall(data)


def crumble(source: socket.socket, target: socket.socket) -> None:
    """Carry the bytes in pieces of random lengths, and let others run between them."""
    while data := source.recv(rng.choice((1, 7, 100, 5000))):
        target.sendall(data)
        let_others_run()


def cut(source: socket.socket, target: socket.socket) -> None:
    """Carry a random number of bytes, and close the connection in the middle of a reply."""
    left = rng.randrange(50, 4000)
    while left > 0 and (data := source.recv(min(left, 65536))):
        target.sendall(data)
        left -= len(data)


class Hole:
    """Carry the bytes, but those of one connection at a time, which disappear."""

    def __init__(self) -> None:
        self.is_open = False

    def __call__(self, source: socket.socket, target: socket.socket) -> None:
        """Carry the bytes of one direction."""
        lost = False
        while data := source.recv(65536):
            lost = lost or self.is_open
            if not lost:
                target.sendall(data)


def spoil(source: socket.socket, target: socket.socket) -> None:
    """Carry some bytes, and then others than came."""
    left = rng.randrange(50, 4000)
    while data := source.recv(65536):
        left -= len(data)
        target.sendall(data if left > 0 else b"?garbage\r\n" + data)


@contextmanager
def network(port: int, back: Network) -> Iterator[str]:
    """Yield the URL of a Redis whose replies come over a network of some kind."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            green.spawn(_ended, carry, client, server)
            green.spawn(_ended, back, server, client)

    green.spawn(accept)
    try:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        listener.close()


def _ended(way: Network, source: socket.socket, target: socket.socket) -> None:
    try:
        way(source, target)
    except (OSError, EOFError):  # eventlet's, for a socket that another thread closed
        pass
    finally:
        for each in (source, target):
            each.close()


def together(count: int, work: Callable[[int], object]) -> list[Any]:
    """Run a function in many green threads at once; return its results or errors, in order."""
    results: list[Any] = [None] * count
    left = green.Semaphore(0)

    def one(number: int) -> None:
        try:
            results[number] = work(number)
        except Unavailable as reason:
            results[number] = reason
        finally:
            left.release()

    for number in range(count):
        green.spawn(one, number)
    for _ in range(count):
        left.acquire()
    return results


def echo(storage: RedisStorage, text: str) -> bytes:
    """Send a text to the server and back."""
    with storage.server.commands() as client:
        answer: bytes = client.run("ECHO", text)
    return answer


def patient(url: str) -> RedisStorage:
    """Return a storage that waits for a slow network."""
    return RedisStorage(url, timeout=60, pool=1000)


def _echo_after(storage: RedisStorage, first: int, number: int) -> bytes:
    return echo(storage, str(first + number))


def pipelines(storage: RedisStorage) -> list[Any]:
    """Return the shared connections of a storage."""
    with storage.server.commands() as client:
        return list(client._pipelines.values())


def ordered(port: int, _pid: int) -> None:
    """Give a thousand commands their own replies over one connection, however the bytes come."""
    with network(port, crumble) as url, closing(patient(url)) as storage:
        texts = [f"{number}" * rng.choice((1, 10, 300)) for number in range(1000)]
        assert together(1000, lambda n: echo(storage, texts[n])) == [t.encode() for t in texts]
        assert storage.server._client.connection_pool._created_connections == 1


def right_or_unavailable(port: int, way: Network) -> None:
    """Each command is answered right, or `Unavailable`; no write is done twice."""
    with network(port, way) as url, closing(RedisStorage(url, timeout=20, pool=200)) as storage:
        answers: list[Any] = []
        for first in range(0, 1000, 100):
            answers += together(100, partial(_echo_after, storage, first))
        lost = [each for each in answers if isinstance(each, Unavailable)]
        right = [str(n).encode() for n in range(1000)]
        assert lost
        assert all(a == r or a in lost for a, r in zip(answers, right, strict=True)), answers
        written_once(port, storage)


def written_once(port: int, storage: RedisStorage) -> None:
    """Write over a network that loses replies: what is acknowledged is there, and changed once."""
    ids = [new_id() for _ in range(60)]

    def write(number: int) -> Any:
        put = Put(id=ids[number], created_at=1, body=b'{"n":1}', token=ids[number])
        return storage.records("quakes", RecordSchema({})).write([put])

    written = together(60, write)
    acknowledged = {i: w for i, w in zip(ids, written, strict=True) if isinstance(w, list)}
    with closing(RedisStorage(f"redis://127.0.0.1:{port}/0")) as quiet:
        records = quiet.records("quakes", RecordSchema({}))
        changes = records.changes(ChangesQuery(limit=100)).changes
    positions = {each.id: each.position for each in changes}
    assert len(positions) == len(changes)
    for item_id, outcome in acknowledged.items():
        assert outcome == [Written(positions[item_id])], "refused, or written again"


def cut_off(port: int, _pid: int) -> None:
    """End connections in the middle of replies."""
    right_or_unavailable(port, cut)


def spoiled(port: int, _pid: int) -> None:
    """Bytes come that are no replies."""
    right_or_unavailable(port, spoil)


def frozen(port: int, pid: int) -> None:
    """Let the server stand still: each command fails at its deadline, and later ones succeed."""
    with closing(RedisStorage(f"redis://127.0.0.1:{port}/0", timeout=1, pool=1000)) as storage:
        echo(storage, "warm")
        suspend(pid)
        try:
            begin = monotonic()
            answers = together(1000, lambda n: echo(storage, str(n)))
            assert all(isinstance(each, Unavailable) for each in answers)
            assert monotonic() - begin < 5
        finally:
            os.kill(pid, signal.SIGCONT)
        assert together(1000, lambda n: echo(storage, str(n))) == [b"%d" % n for n in range(1000)]


def swallowed(port: int, _pid: int) -> None:
    """Lose all that comes on a connection, which stays open: the next command takes another."""
    hole = Hole()
    with network(port, hole) as url, closing(RedisStorage(url, timeout=0.5)) as storage:
        echo(storage, "warm")
        hole.is_open = True
        (lost,) = together(1, lambda _: echo(storage, "lost"))
        hole.is_open = False
        assert isinstance(lost, Unavailable)
        assert echo(storage, "other") == b"other"


def pages(port: int, _pid: int) -> None:
    """Read pages in two exchanges, the first of two commands, while others do so, too."""
    with network(port, crumble) as url, closing(patient(url)) as storage:
        records = storage.records("quakes", RecordSchema({}))
        puts = [Put(id=f"q{n}", created_at=n, body=b'{"n":1}', token=f"t{n}") for n in range(100)]
        assert len(records.write(puts)) == 100

        def one(number: int) -> list[str]:
            query = PageQuery(limit=3, start=TimelineCursor(number))
            return [each.id for each in records.page(query).records]

        expected = [[f"q{n}" for n in range(end - 1, max(end - 4, -1), -1)] for end in range(100)]
        assert together(100, one) == expected


def killed(port: int, pid: int) -> None:
    """Kill the server with a thousand commands in the pipeline: right, or `Unavailable`."""
    with closing(RedisStorage(f"redis://127.0.0.1:{port}/0", timeout=5, pool=1001)) as storage:

        def one(number: int) -> bytes | None:
            if number == 500:
                os.kill(pid, signal.SIGKILL)
                return None
            return echo(storage, f"{number}" * 200)

        echo(storage, "warm")
        for number, answer in enumerate(together(1000, one)):
            assert answer in (None, b"%d" % number * 200) or isinstance(answer, Unavailable)


def interrupted(port: int, _pid: int) -> None:
    """Interrupt some threads: they leave the order, and the connection to the others."""
    with network(port, crumble) as url, closing(patient(url)) as storage:

        def one(number: int) -> bytes | None:
            try:
                with green.timeout(0.02 if number % 3 else 60):
                    return echo(storage, f"{number}" * 100)
            except TimeoutError:
                return None

        echo(storage, "warm")
        (before,) = pipelines(storage)
        answers = together(300, one)
        assert None in answers
        assert all(a in (None, b"%d" % n * 100) for n, a in enumerate(answers))
        assert all(answers[::3])
        assert pipelines(storage) == [before]


def huge(port: int, _pid: int) -> None:
    """Let others have their turns while 64 MB go out, and while they come in."""
    with closing(RedisStorage(f"redis://127.0.0.1:{port}/0", timeout=60)) as storage:
        value = b"x" * (64 << 20)
        turns = 0
        is_done = False

        def count() -> None:
            nonlocal turns
            while not is_done:
                turns += 1
                let_others_run()

        green.spawn(count)
        with storage.server.commands() as client:
            client.run("SET", "huge", value)
            sent = turns
            assert client.run("GET", "huge") == value
        is_done = True
        assert sent > 50
        assert turns - sent > 50


def closed(port: int, _pid: int) -> None:
    """Close a storage whose connection waits for bytes: its descriptor is free for others."""
    storage = RedisStorage(f"redis://127.0.0.1:{port}/0")
    echo(storage, "warm")
    (before,) = pipelines(storage)
    descriptor = before._stream.fileno()
    storage.close()
    ours, theirs = socket.socketpair()
    if green.engine().name == "eventlet":  # gevent closes it in its loop
        assert descriptor in (ours.fileno(), theirs.fileno())
    green.spawn(theirs.sendall, b"bytes")
    assert ours.recv(5) == b"bytes"
    green.spawn(ours.sendall, b"other")
    assert theirs.recv(5) == b"other"
    assert not before.is_open


def forked(port: int, _pid: int) -> None:
    """Fork, as far as a process id shows it: a child opens a connection of its own."""
    with closing(RedisStorage(f"redis://127.0.0.1:{port}/0")) as storage:
        echo(storage, "warm")
        (before,) = pipelines(storage)
        before._pid += 1
        assert echo(storage, "other") == b"other"
        (after,) = pipelines(storage)
        assert after is not before


SCENARIOS: dict[str, Callable[[int, int], None]] = {
    each.__name__: each
    for each in (
        ordered,
        cut_off,
        spoiled,
        frozen,
        killed,
        interrupted,
        huge,
        forked,
        swallowed,
        pages,
        closed,
    )
}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
