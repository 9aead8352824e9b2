"""``brubeck check``: what is wrong with a store is a line, and never a secret."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from brubeck.storage import FieldInfo, Put, RecordSchema, open_storage
from brubeck.storage.checking import Checkable, Finding, of_clock
from brubeck.storage.sqlite import SQLiteStorage, checking
from tests.servers import free_port, wait_until
from tests.servers.mongo import MongoServer, mongo_set, set_url
from tests.servers.redis import RedisServer

PROGRAM = """
from brubeck import Brubeck, StreamHandler, StreamedDocument
from brubeck.dictshield.fields import StringField

class Note(StreamedDocument):
    place = StringField()

class Notes(StreamHandler):
    model = Note
    path = '/notes'
    filters = ('place',)

app = Brubeck(streams=[Notes])
"""


def check(folder: Path, program: str = PROGRAM, **stores: str) -> tuple[int, list[str]]:
    """Run the command over some stores; return its exit status and its lines."""
    (folder / "mine.py").write_text(program)
    env = {f"BRUBECK_STORAGE_{name.upper()}": url for name, url in stores.items()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "brubeck", "check", "mine:app"],
        env=os.environ | env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def findings(url: str) -> list[Finding]:
    """Return what a storage says of itself."""
    with closing(open_storage(url)) as storage:
        assert isinstance(storage, Checkable)
        return storage.check()


def graded(found: list[Finding], grade: str) -> str:
    """Return the sentences of a grade."""
    return "\n".join(each.text for each in found if each.grade == grade)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a Redis that keeps what it acknowledges; a test may set it up otherwise."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    try:
        server.run()
        yield server
    finally:
        server.kill()


def set_up(server: RedisServer, **settings: str) -> None:
    """Change settings of a Redis while it runs."""
    with server.client() as client:
        for name, value in settings.items():
            client.config_set(name.replace("_", "-"), value)


def test_stores_that_are_as_they_should_be_end_with_zero(
    redis: RedisServer, mongo_members: list[MongoServer], tmp_path: Path
) -> None:
    """Each has its lines, and the stream's indexes have theirs."""
    status, lines = check(
        tmp_path,
        default=f"sqlite:///{tmp_path / 'notes.db'}",
        fast=redis.url,
        kept=set_url(mongo_members, f"c{uuid4().hex[:12]}"),
        gone="memory://",
    )
    assert status == 0, lines
    assert not (tmp_path / "notes.db").exists()
    assert {line.split()[1] for line in lines} == {
        *("process:", "default:", "fast:", "kept:", "gone:")
    }
    assert "fine  fast: maxmemory-policy is noeviction" in lines
    for name in ("fast", "kept"):
        assert f"fine  {name}: the clocks of this machine and of the server agree" in lines
    assert "fine  default: /notes: every index is complete" in lines
    assert any("a write is acknowledged by the majority" in line for line in lines)
    assert all(line[:6] in ("fine  ", "note  ") for line in lines)


@pytest.mark.parametrize(("limit", "grade"), [(256, "note"), (4096, "fine")])
def test_a_limit_of_files_that_connections_do_not_fit_in_is_said(
    tmp_path: Path, limit: int, grade: str
) -> None:
    """With the remedy; nothing is wrong with it while there are few."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        program = PROGRAM + "app.configure(server={'max_connections': 1000})\n"
        status, lines = check(tmp_path, program, default="memory://")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    (line,) = (each for each in lines if each.split()[1] == "process:")
    assert (status, line[:6].strip()) == (0, grade)
    assert ("raise the limit (ulimit -n, LimitNOFILE=) to 1200" in line) == (grade == "note")


def test_stores_that_are_down_or_misnamed_are_said_without_secrets(tmp_path: Path) -> None:
    """One line each, and the exit status."""
    port = free_port()
    status, lines = check(
        tmp_path,
        redis=f"redis://me:s3cret@127.0.0.1:{port}/0?timeout=300ms",
        mongo=f"mongodb://me:s3cret@127.0.0.1:{port}/x?timeout=300ms",
        sqlite=f"sqlite:///{tmp_path / 'nowhere' / 'notes.db'}",
        typed="reddis://me:s3cret@127.0.0.1/0",
        option="redis://me:s3cret@127.0.0.1/0?tiemout=2s",
    )
    assert status == 1
    wrong = {line.split()[1]: line for line in lines if line.startswith("wrong ")}
    assert wrong.keys() == {"redis:", "mongo:", "sqlite:", "typed:", "option:"}
    assert "Connection refused" in wrong["redis:"]
    assert f"127.0.0.1:{port}" in wrong["mongo:"]
    assert "there is no directory" in wrong["sqlite:"]
    assert 'Did you mean "redis://"' in wrong["typed:"]
    assert 'Did you mean "timeout"' in wrong["option:"]
    assert "s3cret" not in "".join(lines)


def test_a_configuration_that_is_wrong_is_said(tmp_path: Path) -> None:
    """As any other finding."""
    (tmp_path / "brubeck.toml").write_text("[server]\nworkers = 'two'\n")
    status, lines = check(tmp_path)
    assert status == 1
    assert lines[0].startswith("wrong configuration: ")
    assert "server.workers must be" in lines[0]


def test_a_filter_that_is_not_indexed_yet_is_told(tmp_path: Path) -> None:
    """The build is left to the program that serves."""
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    with closing(open_storage(url)) as storage:
        body = b'{"id":"a","created_at":1,"place":"here"}'
        put = Put(id="a", created_at=1, body=body, token="t")
        storage.records("notes", RecordSchema({"place": FieldInfo("string")})).write([put])
        status, lines = check(tmp_path, default=url)
    assert status == 0, lines
    assert "note  default: /notes: not complete yet, and answered 503: place" in lines
    assert any(line.startswith("fine  default: SQLite") for line in lines)


def test_the_partitions_of_a_stream_have_one_line(tmp_path: Path) -> None:
    """What one of them lacks, the stream lacks."""
    url = f"sqlite:///{tmp_path / 'notes.db'}"
    place = RecordSchema({"place": FieldInfo("string", indexed=True, equality=True)})
    with closing(open_storage(url)) as storage:
        for room, schema in (
            ("blue", place),
            ("red", RecordSchema({"place": FieldInfo("string")})),
        ):
            body = b'{"id":"a","created_at":1,"place":"here"}'
            put = Put(id="a", created_at=1, body=body, token="t")
            storage.records(f"rooms:room:notes/{room}", schema).write([put])
    parted = PROGRAM.replace("/notes", "/rooms/<room>/notes")
    status, lines = check(tmp_path, parted, default=url)
    assert status == 0, lines
    said = [line for line in lines if "/rooms/" in line]
    assert said == ["note  default: /rooms/<room>/notes: not complete yet, and answered 503: place"]


# Redis.


def test_a_redis_that_evicts_is_wrong(redis: RedisServer) -> None:
    """Whatever it evicts first."""
    assert graded(findings(redis.url), "wrong") == ""
    set_up(redis, maxmemory_policy="volatile-ttl")
    assert "maxmemory-policy is volatile-ttl" in graded(findings(redis.url), "wrong")


def test_what_a_redis_keeps_on_its_disk_is_told(redis: RedisServer) -> None:
    """By every way to keep it."""
    assert "appendfsync is always" in graded(findings(redis.url), "fine")
    set_up(redis, appendfsync="everysec")
    assert "may lose a second" in graded(findings(redis.url), "note")
    set_up(redis, appendonly="no")
    assert "loses everything" in graded(findings(redis.url), "note")
    set_up(redis, save="3600 1")
    assert "what came after the last snapshot" in graded(findings(redis.url), "note")


def test_replicas_without_a_least_number_are_wrong(redis: RedisServer, tmp_path: Path) -> None:
    """And so is a storage that is itself a replica."""
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica")
    try:
        replica.run()
        with replica.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", redis.port)
        with redis.client() as client:
            wait_until(lambda: client.info("replication")["connected_slaves"], seconds=30)
        assert "min-replicas-to-write is 0" in graded(findings(redis.url), "wrong")
        assert "takes no writes" in graded(findings(replica.url), "wrong")
        set_up(redis, min_replicas_to_write="1")
        assert "min-replicas-to-write is set" in graded(findings(redis.url), "fine")
    finally:
        replica.kill()


def test_a_redis_that_does_not_tell_its_settings_is_still_looked_at(redis: RedisServer) -> None:
    """As services run them, where CONFIG is not allowed."""
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "&*", "+@all")
        client.execute_command("ACL", "SETUSER", "app", "-config")
    found = findings(redis.url.replace("://", "://app:s3cret@"))
    assert "maxmemory-policy is noeviction" in graded(found, "fine")
    assert "CONFIG, which tells of appendfsync, is not allowed" in graded(found, "note")
    assert "s3cret" not in str(found)


def test_each_master_of_a_cluster_is_looked_at(redis_masters: list[RedisServer]) -> None:
    """One that is set up otherwise is named."""
    url = f"redis+cluster://127.0.0.1:{redis_masters[0].port}"
    found = findings(url)
    assert "the cluster is whole" in graded(found, "fine")
    assert all(f"127.0.0.1:{server.port}" in graded(found, "fine") for server in redis_masters)
    with _evicting(redis_masters[1]):
        said = graded(findings(url), "wrong")
    assert said.startswith(f"127.0.0.1:{redis_masters[1].port}: maxmemory-policy is allkeys-lru")


@contextmanager
def _evicting(server: RedisServer) -> Iterator[None]:
    set_up(server, maxmemory_policy="allkeys-lru")
    try:
        yield
    finally:
        set_up(server, maxmemory_policy="noeviction")


# MongoDB.


def test_a_mongodb_says_what_it_is(
    mongo_server: MongoServer, mongo_members: list[MongoServer]
) -> None:
    """A server alone, or a set, and by whom a write is acknowledged."""
    alone = findings(f"mongodb://127.0.0.1:{mongo_server.port}/c{uuid4().hex[:12]}")
    assert "it stands alone" in graded(alone, "note")
    assert "acknowledged by the server's journal" in graded(alone, "fine")
    one = findings(set_url(mongo_members, f"c{uuid4().hex[:12]}"))
    assert "the replica set rs0, of which 1 keep data" in graded(one, "note")
    assert "the majority has in its journal what it acknowledges" in graded(one, "fine")
    assert graded(alone, "wrong") == graded(one, "wrong") == ""


def test_a_majority_without_journals_is_wrong(tmp_path: Path) -> None:
    """What it acknowledges might be lost by all of it at once."""
    with mongo_set(tmp_path) as (member,):
        with member.client() as client:
            config = client.admin.command("replSetGetConfig")["config"]
            config |= {"version": config["version"] + 1}
            config |= {"writeConcernMajorityJournalDefault": False}
            client.admin.command("replSetReconfig", config)
            # What is the majority's by the new rule is found out with the next write.
            client.brubeck.written.insert_one({})
        said = graded(findings(set_url([member])), "wrong")
    assert said.startswith("writeConcernMajorityJournalDefault is false")


# SQLite.


def test_a_file_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    """It is found out by writing, as somebody who may do everything can only see it so."""
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database at all, but long enough to be looked at as if it were one")
    status, lines = check(tmp_path, default=f"sqlite:///{path}")
    assert status == 1
    assert any("wrong default: SQLite cannot use" in line for line in lines)


def test_a_file_that_is_flushed_now_and_then_is_noted(tmp_path: Path) -> None:
    """And one that is flushed always is fine."""
    path = tmp_path / "notes.db"
    with closing(SQLiteStorage(str(path), sync="normal")) as storage:
        assert "sync is normal" in graded(storage.check(), "note")
    with closing(SQLiteStorage(str(path))) as storage:
        assert "every commit is flushed" in graded(storage.check(), "fine")


def test_a_disk_that_is_full_or_far_away_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first write finds it out."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"root / ext4 rw 0 0\nhost:/x {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(checking, "_MOUNTS", mounts)
    monkeypatch.setattr(checking, "ROOM", 1 << 60)
    said = graded(findings(f"sqlite:///{tmp_path / 'notes.db'}"), "wrong")
    assert "it lies on a network filesystem (nfs4)" in said
    assert "MiB are free" in said
    monkeypatch.setattr(checking, "_MOUNTS", tmp_path / "nothing")
    assert "cannot be told here" in graded(findings(f"sqlite:///{tmp_path / 'notes.db'}"), "note")


def test_a_user_of_a_mongodb_that_lacks_a_right_is_named_it(tmp_path: Path) -> None:
    """Each action is tried on a collection of its own, which is gone afterwards."""
    server = MongoServer(tmp_path)
    server.command.append("--auth")
    try:
        server.run()
        with server.client() as client:
            admin = {"role": "root", "db": "admin"}
            client.admin.command("createUser", "root", pwd="s3cret", roles=[admin])
        root = f"mongodb://root:s3cret@127.0.0.1:{server.port}"
        with MongoClient[dict[str, Any]](root) as client:
            for name, role in (("reads", "read"), ("writes", "readWrite")):
                given = [{"role": role, "db": "notes"}]
                client.notes.command("createUser", name, pwd="s3cret", roles=given)
            where = f"s3cret@127.0.0.1:{server.port}/notes?authSource=notes"
            said = graded(findings(f"mongodb://reads:{where}"), "wrong")
            assert "the user may not insert, update, createIndex, remove, dropCollection" in said
            assert "role readWrite on the database notes" in said
            assert "s3cret" not in said
            assert graded(findings(f"mongodb://writes:{where}"), "wrong") == ""
            assert not [each for each in client.notes.list_collection_names() if "check" in each]
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("apart", "grade", "words"),
    [(0, "fine", "agree"), (999, "fine", "agree"), (-3500, "note", "3.5 s behind the server's")],
)
def test_clocks_that_are_apart(apart: int, grade: str, words: str) -> None:
    """Of less than a second no reader finds out."""
    found = of_clock(1_000_000 + apart, 1_000_000)
    assert found.grade == grade
    assert words in found.text
