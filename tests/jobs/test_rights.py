"""A user of the queue's Redis that lacks a right: no step of a job is half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from brubeck.jobs.checking import TRIED
from brubeck.jobs.queue import QueuedJob, QueueUnavailable
from brubeck.jobs.redis_queue import RedisQueue
from brubeck.jobs.scripts import _CALLS, _NAMES, guarded
from brubeck.storage.redis.scripts import SCRIPTS
from tests.servers.redis import RedisServer
from tests.test_check import check

_LUA = files("brubeck.jobs") / "lua"
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


def limited(server: RedisServer, *rules: str) -> RedisQueue:
    """Return the queue of a user that has these rules alone."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules)
    return RedisQueue(f"redis://app:secret@127.0.0.1:{server.port}/0")


@pytest.mark.parametrize("command", CALLED)
def test_a_step_is_done_as_a_whole_or_not_at_all(server: RedisServer, command: str) -> None:
    """Whichever command is refused: what a step would move is where it was, and nowhere else."""
    with closing(limited(server, "+@all", "~*")) as queue:
        for number in range(4):
            queue.send(QueuedJob(path="/one", id=f"one{number}"))
        first, second, third = queue.take("w", 3, 1)
        queue.archive("w", first, "why", "")
        (letter,) = queue.dead()
    with closing(limited(server, "+@all", "~*", f"-{command.lower()}")) as queue:
        steps: dict[str, Callable[[], object]] = {
            "send": lambda: queue.send(QueuedJob(path="/two", id="two"), "key"),
            "later": lambda: queue.later("w", second, 60),
            "archive": lambda: queue.archive("w", third, "why", ""),
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


WORDS = sorted({command.lower().replace(" ", "|") for command, *_ in TRIED})


@pytest.mark.parametrize("command", WORDS)
def test_a_check_names_the_missing_command(server: RedisServer, command: str) -> None:
    """Whichever it is, alone, and leaves no key behind."""
    with closing(limited(server, "+@all", "~brubeck-jobs:*", f"-{command}")) as queue:
        missing = queue.missing_rules()
    assert missing == [f"+{command}"]
    left = [] if command == "del" else list(_everything(server))
    assert not [key for key in left if b"check" in key]


def test_a_check_names_the_missing_keys(server: RedisServer) -> None:
    """And nothing to a user who lacks nothing."""
    with closing(limited(server, "+@all", "~elsewhere:*")) as queue:
        assert queue.missing_rules() == ["~brubeck-jobs:*"]
    with closing(limited(server, "+@all", "~brubeck-jobs:*")) as queue:
        assert queue.missing_rules() == []


def test_every_command_of_a_script_is_tried() -> None:
    """One that is added to a script is added to the check."""
    known = {command.partition(" ")[0] for command, *_ in TRIED}
    assert set(CALLED) <= known


def test_the_check_of_a_program_looks_at_its_queue(server: RedisServer, tmp_path: Path) -> None:
    """Where the program has one; a queue that is down is said, too."""
    url = f"redis://app:secret@127.0.0.1:{server.port}/0"
    with closing(limited(server, "+@all", "~brubeck-jobs:*", "-xreadgroup", "-xadd")):
        (tmp_path / "brubeck.toml").write_text(f'[jobs]\nqueue = "{url}"\n')
        status, lines = check(tmp_path)
    assert status == 1
    (said,) = [line for line in lines if " jobs: " in line]
    assert said == "wrong jobs: the user of the queue lacks rights; add +xadd +xreadgroup"
    with closing(limited(server, "+@all", "~brubeck-jobs:*")):
        status, lines = check(tmp_path)
    assert status == 0
    assert any(line.startswith("fine  jobs: the user may send and do jobs at") for line in lines)
    (tmp_path / "brubeck.toml").unlink()
    assert not [line for line in check(tmp_path)[1] if " jobs: " in line]


def test_a_redis_that_cannot_check_rights_is_refused(server: RedisServer) -> None:
    """As one before 7.0, which has no such function: nothing is written."""
    for text in (guarded("return redis.call('XADD', KEYS[1], '*', 'a', 'b')"), _text("write")):
        old = text.replace("redis.acl_check_cmd", "redis.not_there")
        with server.client() as client, pytest.raises(ResponseError, match="or newer is needed"):
            client.eval(old, 1, "brubeck:{old}")
    assert _everything(server) == {}


def _text(name: str) -> str:
    return SCRIPTS[name].text


def _everything(server: RedisServer) -> dict[bytes, bytes | None]:
    with server.client() as client:
        return {key: client.dump(key) for key in client.scan_iter()}
