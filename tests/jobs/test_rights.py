"""A user of the queue's Redis that lacks a right: no step of a job is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files

import pytest

from brubeck.connections.jobs import Job, JobQueue, QueueUnavailable
from brubeck.connections.jobs.scripts import _CALLS, _NAMES
from tests.servers.redis import RedisServer

_LUA = files("brubeck.connections.jobs") / "lua"
CALLED = sorted(
    {call[0] for name in _NAMES for call in _CALLS.findall((_LUA / f"{name}.lua").read_text())}
)


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Yield an empty Redis without other users."""
    with redis_server.client() as client:
        client.flushall()
        yield redis_server
        client.execute_command("ACL", "DELUSER", "app")
        client.flushall()


def limited(server: RedisServer, *rules: str) -> JobQueue:
    """Return the queue of a user that has these rules alone."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules)
    return JobQueue(f"redis://app:secret@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize("command", CALLED)
def test_a_step_is_done_as_a_whole_or_not_at_all(server: RedisServer, command: str) -> None:
    """Whichever command is refused: what a step would move is where it was, and nowhere else."""
    with closing(limited(server, "+@all", "~*")) as queue:
        for number in range(4):
            queue.send(Job(path="/one", id=f"one{number}"))
        first, second, third = queue.take("w", 3, 1)
        queue.bury("w", first, "why", "")
        (letter,) = queue.dead()
    with closing(limited(server, "+@all", "~*", f"-{command.lower()}")) as queue:
        steps: dict[str, Callable[[], object]] = {
            "send": lambda: queue.send(Job(path="/two", id="two"), "key"),
            "later": lambda: queue.later("w", second, 60),
            "bury": lambda: queue.bury("w", third, "why", ""),
            "revive": lambda: queue.revive(letter),
        }
        for name, step in steps.items():
            called = [call[0] for call in _CALLS.findall((_LUA / f"{name}.lua").read_text())]
            before = _everything(server)
            if command in called:
                with pytest.raises(QueueUnavailable, match=command):
                    step()
                assert _everything(server) == before
            else:
                step()


def _everything(server: RedisServer) -> dict[bytes, bytes | None]:
    with server.client() as client:
        return {key: client.dump(key) for key in client.scan_iter()}
