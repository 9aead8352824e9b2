"""G5, acknowledged means kept: servers are killed in the middle of writes, and started again."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from brubeck.storage import ChangesQuery, Head, LostCursor, Put, RecordStream, Unavailable, Written
from tests.fire.crew import STREAM, Crew
from tests.fire.grounds import GROUNDS, TIMEOUT, dice, options, sqlite_ground
from tests.fire.nursery import Nursery
from tests.fire.reaper import Reaper
from tests.fire.verdict import check, judge, view_of, walked
from tests.fire.writes import SCHEMA, Sent, fresh, open_under_fire, send
from tests.servers import wait_until
from tests.servers.mongo import MongoServer, await_primary, mongo_set, set_url
from tests.servers.processes import Server, suspend
from tests.servers.redis import RedisServer
from tests.servers.sentinel import Watched, redis_watched
from tests.soak import often

DEATHS = often(2, 20)
"""How often a server is killed."""
ELECTIONS = often(1, 20)
"""How often a primary is, which others have to notice before they agree on another."""
WRITES = {
    "sqlite": 1200,
    "redis": often(4000, 6000),
    "mongo": often(600, 1200),
    "mongo-set": often(600, 1200),
    "members": often(600, 1200),
}


def _again(server: Server) -> Callable[[], None]:
    def kill() -> None:
        server.kill()
        assert isinstance(server, RedisServer | MongoServer)
        server.run()

    return kill


def _survives(
    crew: Crew, url: str, kill: Callable[[], None], random: random.Random, deaths: int = DEATHS
) -> list[str]:
    """Have a crew work while its server is killed; return every fault."""
    reaper = Reaper(kill, random, deaths)
    storage = open_under_fire(url)
    stream = storage.records(STREAM, SCHEMA)
    try:
        crew.work(seconds=180, pause=(0.1, 0.5), also=reaper)
        crew.catch_up(stream)
        faults = judge(stream, crew.sent(), crew.readings())
    finally:
        crew.end()
        storage.close()
    print(crew.tally, deaths - reaper.left)
    assert reaper.left < deaths, "the server was never killed"
    return faults


@pytest.mark.parametrize("ground", ["redis", "mongo", "mongo-set"])
def test_a_killed_server_keeps_what_it_acknowledged(
    ground: str, crib: Nursery, tmp_path: Path
) -> None:
    """Its data directory and its port stay; every acknowledged write is there, none twice."""
    random = dice(ground)
    with GROUNDS[ground](tmp_path) as found:
        assert found.server is not None
        crew = Crew(crib, found.url, tmp_path, random, total=WRITES[ground])
        faults = _survives(crew, found.url, _again(found.server), random)
    check(faults, crew.tally)
    assert not crew.tally.lost or found.loses_eras


def test_killed_workers_lose_nothing_of_a_file_that_is_flushed_now_and_then(
    crib: Nursery, tmp_path: Path
) -> None:
    """``sync=normal`` keeps what is acknowledged as long as the machine runs."""
    random = dice("sqlite-normal")
    with sqlite_ground(tmp_path) as found:
        url = f"{found.url}&sync=normal"
        crew = Crew(crib, url, tmp_path, random, total=WRITES["sqlite"])
        storage = open_under_fire(url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            crew.work(seconds=180, pause=(0.1, 0.5))
            crew.catch_up(stream)
            faults = judge(stream, crew.sent(), crew.readings())
        finally:
            crew.end()
            storage.close()
    check(faults, crew.tally)
    assert not crew.tally.lost


def test_a_redis_without_a_disk_loses_everything_and_says_so(tmp_path: Path) -> None:
    """Its stream begins anew, with places past all that were given out."""
    with _written_and_killed(tmp_path, "--appendonly", "no") as (stream, before, written):
        assert stream.get([each.id for each in written]) == [None] * len(written)
        _assert_lost(stream, before)


def test_a_redis_that_flushes_every_second_says_that_it_may_have_lost_something(
    tmp_path: Path,
) -> None:
    """What it has is the beginning of what was written, without a gap."""
    options = ("--appendonly", "yes", "--appendfsync", "everysec")
    with _written_and_killed(tmp_path, *options) as (stream, before, written):
        there = [each is not None for each in stream.get([each.id for each in written])]
        assert there == sorted(there, reverse=True)
        _assert_lost(stream, before)


@contextmanager
def _written_and_killed(
    directory: Path, *given: str
) -> Iterator[tuple[RecordStream, Head, list[Sent]]]:
    """Write to a Redis, kill it, start it again and yield its stream as it is now."""
    server = RedisServer(directory, *given)
    server.run()
    storage = open_under_fire(f"{server.url}?{options()}")
    try:
        stream = storage.records(STREAM, SCHEMA)
        written = [fresh("create", f"known-{number}") for number in range(200)]
        for each in written:
            send(stream, [each])
        before = stream.head()
        server.kill()
        server.run()
        wait_until(lambda: _is_up(stream.head), seconds=30)
        yield stream, before, written
    finally:
        storage.close()
        server.kill()


def _assert_lost(stream: RecordStream, before: Head) -> None:
    assert stream.head().era != before.era
    with pytest.raises(LostCursor):
        stream.changes(ChangesQuery(limit=1, after=before.position, era=before.era))
    late = fresh("create", "late")
    send(stream, [late])
    assert late.position is not None
    assert late.position > before.position


def _kill_primary(members: list[MongoServer]) -> None:
    """Kill the primary, wait for another, and start the old one again."""
    old = await_primary(members, seconds=30)
    old.kill()
    await_primary(members, seconds=180)
    old.run()


def test_a_killed_primary_loses_nothing(crib: Nursery, tmp_path: Path) -> None:
    """The writers go on with the new one."""
    random = dice("members")
    with mongo_set(tmp_path, members=3) as members:
        url = f"{set_url(members)}&{options()}"
        crew = Crew(crib, url, tmp_path, random, total=WRITES["members"])
        faults = _survives(crew, url, lambda: _kill_primary(members), random, ELECTIONS)
    check(faults, crew.tally)
    assert not crew.tally.lost


@pytest.mark.parametrize("ground", ["redis", "mongo"])
def test_what_a_follower_was_shown_is_still_so(ground: str, crib: Nursery, tmp_path: Path) -> None:
    """A server and all its writers die at once: what nobody will send again was not shown."""
    random = dice(ground)
    faults = []
    with GROUNDS[ground](tmp_path) as found:
        assert isinstance(found.server, RedisServer | MongoServer)
        for number in range(DEATHS):
            directory = tmp_path / f"{number}"
            directory.mkdir()
            crew = Crew(crib, found.url, directory, random, total=400_000)
            crew.stream = f"{STREAM}-{number}"
            storage = open_under_fire(found.url)
            stream = storage.records(crew.stream, SCHEMA)
            try:
                crew.work(
                    seconds=60, pause=(0.1, 0.2), lasts=random.uniform(0.5, 1), ends=found.server
                )
                found.server.run()
                wait_until(partial(_is_up, stream.head), seconds=30)
                crew.catch_up(stream)
                faults += judge(stream, crew.sent(), crew.readings())
            finally:
                crew.end()
                storage.close()
    check(faults)


# Redis and its replica: what is acknowledged may not have got there yet.


@contextmanager
def _paused(server: Server) -> Iterator[None]:
    assert server.process is not None
    suspend(server.process.pid)
    try:
        yield
    finally:
        if server.process is not None:
            server.process.send_signal(signal.SIGCONT)


def _await_promotion(watched: Watched) -> None:
    """Wait until the replica has taken over."""
    with watched.replica.client() as client:
        wait_until(
            lambda: client.info("replication")["role"] == "master",
            seconds=180,
            what="the replica was never made the master",
        )


def _bring_back(watched: Watched) -> None:
    """Start the old master again, and wait until one of the two follows the other.

    The Sentinels tell the old one so themselves, but only after ten seconds. Which one it is in the
    end is for them to say: one that stands still for a moment is failed over back.
    """
    watched.master.run()
    with watched.replica.client() as one, watched.master.client() as other:
        if one.info("replication")["role"] == "master":
            other.execute_command("REPLICAOF", "127.0.0.1", watched.replica.port)

        def is_followed() -> bool:
            found = [each.info("replication") for each in (one, other)]
            return any(
                each["role"] == "master" and each.get("min_slaves_good_slaves") == 1
                for each in found
            )

        wait_until(is_followed, seconds=180, what="neither ever followed the other")


def _large(number: int) -> Put:
    sent = fresh("create", f"large-{number}", created_at=number)
    body = msgspec.json.encode(msgspec.json.decode(sent.body) | {"much": "x" * 200_000})
    return Put(id=sent.id, created_at=sent.created_at, body=body, token=sent.token)


def test_what_a_failover_lost_is_said(tmp_path: Path) -> None:
    """A replica may lack what was acknowledged: then a new era tells every follower so."""
    with redis_watched(tmp_path) as watched:
        storage = open_under_fire(f"{watched.url}?{options()}")
        stream = storage.records(STREAM, SCHEMA)
        try:
            known = [fresh("create", f"known-{number}") for number in range(50)]
            send(stream, known)
            with _paused(watched.replica):
                large = [stream.write([_large(number)])[0] for number in range(150)]
                assert all(isinstance(each, Written) for each in large)
                before = stream.head()
                stream.changes(ChangesQuery(limit=1, after=before.position, era=before.era))
                watched.master.kill()
            _await_promotion(watched)
            # As yet nobody follows the new master, so it takes no writes; but it can be read.
            wait_until(lambda: _is_up(stream.head), seconds=60, what="nobody answers any more")
            after = stream.head()
            assert after.era != before.era
            with pytest.raises(Unavailable, match="NOREPLICAS"):
                send(stream, [fresh("create", "early")])
            _bring_back(watched)
            wait_until(lambda: _is_up(lambda: send(stream, [fresh("create", "late")])), seconds=60)
            assert stream.head().era == after.era
            with pytest.raises(LostCursor):
                stream.changes(ChangesQuery(limit=1, after=before.position, era=before.era))
            there = view_of(walked(stream, limit=20, descending=True))
            lost = 150 - sum(item_id.startswith("large") for item_id in there)
            print(f"{lost} of 150 acknowledged writes were lost, and it was said")
            assert all(each.id in there for each in known)
            assert lost > 0
        finally:
            storage.close()


def _is_up(action: Callable[[], object]) -> bool:
    try:
        action()
    except Unavailable:
        return False
    return True


def test_followers_of_a_failed_over_redis_agree_with_it(crib: Nursery, tmp_path: Path) -> None:
    """Whatever was lost on the way, every reader's view is the stream that there is now."""
    random = dice("sentinel")
    with redis_watched(tmp_path) as watched:

        def kill() -> None:
            watched.master.kill()
            _await_promotion(watched)
            _bring_back(watched)
            watched.master, watched.replica = watched.replica, watched.master
            if reaper.left:  # the Sentinels promote no replica that they have not heard of
                wait_until(
                    lambda: all(each.follows(watched.master) for each in watched.sentinels),
                    seconds=180,
                    what="the Sentinels never knew both servers",
                )

        url = f"{watched.url}?{options()}"
        crew = Crew(crib, url, tmp_path, random, total=4000)
        reaper = Reaper(kill, random, often(1, 5))
        storage = open_under_fire(url)
        stream = storage.records(STREAM, SCHEMA)
        try:
            crew.work(seconds=180, pause=(TIMEOUT * 0.2, TIMEOUT), also=reaper)
            crew.catch_up(stream)
            sent = crew.sent()
            readings = crew.readings()
            views = judge(stream, [], readings, ids=sorted({each.id for each in sent}))
            unkept = judge(stream, sent, readings)
        finally:
            crew.end()
            storage.close()
    print(crew.tally, f"{len(unkept)} acknowledged writes were lost or done again")
    check(views, crew.tally)
    assert all(each.lost for each in readings)
