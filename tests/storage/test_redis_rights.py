"""A user of a Redis that lacks a right: nothing is half done, and the rule is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brubeck.storage import FieldInfo, Put, RecordSchema, Unavailable, Written
from brubeck.storage.checking import Finding
from brubeck.storage.records import Delete
from brubeck.storage.redis import RedisStorage
from brubeck.storage.redis.checking import _TRIED
from brubeck.storage.redis.scripts import _LUA, _WRITING, SCRIPTS, commands
from tests.servers.redis import RedisServer

SCHEMA = RecordSchema({"place": FieldInfo("string", True, equality=True)})
ALL = ("+@all", "~brubeck:*", "&brubeck:*")
CALLED = {command for script in SCRIPTS.values() for command in commands(script.text)}
NEEDED = sorted({*CALLED, "INFO"})


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Yield an empty Redis without other users."""
    with redis_server.client() as client:
        client.flushall()
        yield redis_server
        client.execute_command("ACL", "DELUSER", "app")


def limited(server: RedisServer, *rules: str) -> RedisStorage:
    """Return a storage of a user that has these rules alone."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules)
    return RedisStorage(f"redis://app:secret@127.0.0.1:{server.port}/0")


def put(item_id: str, place: str, expected: int | None = None) -> Put:
    """Return a write of an item."""
    body = b'{"id":"%b","place":"%b"}' % (item_id.encode(), place.encode())
    token = f"{item_id} {place}"
    return Put(id=item_id, created_at=1, body=body, token=token, expected=expected)


def wrong(found: list[Finding]) -> str:
    """Return what has to be put right."""
    return "\n".join(each.text for each in found if each.grade == "wrong")


def everything(server: RedisServer) -> dict[bytes, bytes | None]:
    """Return all that a server has, but for the life that reading may note."""
    with server.client() as client:
        return {key: client.dump(key) for key in client.scan_iter() if not key.endswith(b"}")}


def test_a_user_without_channels_writes_and_is_not_told_otherwise(server: RedisServer) -> None:
    """As Redis 7 makes users: a notice that cannot be sent makes readers slower, and no more."""
    with closing(limited(server, "+@all", "~brubeck:*", "resetchannels")) as storage:
        (made,) = storage.records("notes", SCHEMA).write([put("a", "here")])
        assert isinstance(made, Written)
        assert "&brubeck:*" in wrong(storage.check())


@pytest.mark.parametrize("command", NEEDED)
def test_a_write_is_done_as_a_whole_or_not_at_all(server: RedisServer, command: str) -> None:
    """Whichever command is refused: creation, replacement and deletion."""
    with closing(limited(server, *ALL)) as storage:
        (made,) = storage.records("notes", SCHEMA).write([put("a", "here")])
        assert isinstance(made, Written)
    before = everything(server)
    with closing(limited(server, *ALL, f"-{command.lower()}")) as storage:
        assert f"+{command.lower()}" in wrong(storage.check())
        for write in (
            put("b", "there"),
            put("a", "there", made.position),
            Delete(id="a", token="d"),
        ):
            try:
                (outcome,) = storage.records("notes", SCHEMA).write([write])
            except Unavailable:
                assert everything(server) == before
            else:
                assert isinstance(outcome, Written)
                before = everything(server)


@pytest.mark.parametrize("rules", [("+@all", "&brubeck:*"), ("+@all", "~brubeck:*"), ("+ping",)])
def test_a_check_names_what_is_missing_and_leaves_nothing(
    server: RedisServer, rules: tuple[str, ...]
) -> None:
    """Keys, channels and commands."""
    with closing(limited(server, *rules)) as storage:
        said = wrong(storage.check())
    for rule in {"~brubeck:*", "&brubeck:*"} - set(rules) if "+@all" in rules else {"+info"}:
        assert rule in said
    assert "secret" not in said
    assert everything(server) == {}


def test_a_check_tries_every_command_that_is_used() -> None:
    """What a script calls is in the table."""
    assert {*NEEDED, "PUBLISH"} <= {each[0] for each in _TRIED} | {"INFO"}


def test_every_script_that_writes_looks_first(tmp_path: Path) -> None:
    """One that is added is either known to write or calls nothing that does."""
    writing = {"HSET", "HDEL", "ZADD", "ZREM", "DEL", "PEXPIRE", "SET"}
    for file in _LUA.iterdir():
        name = file.name.removesuffix(".lua")
        if name in SCRIPTS and writing & set(commands(file.read_text())):
            assert name in _WRITING
