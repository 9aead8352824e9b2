"""Whether a Redis, or each master of a cluster, is set up as the promises need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from redis.exceptions import NoPermissionError, ResponseError

from brubeck.storage.checking import Finding, fine, note, of_clock, wrong
from brubeck.storage.redis.client import RedisClient
from brubeck.timekeeping import curtime

LEAST: Final = 7
"""The first version of Redis in which a script can check the rights of its user."""


def findings(server: RedisClient) -> list[Finding]:
    """Return the findings about a Redis."""
    with server.commands(several=True) as client:
        if not hasattr(client, "get_primaries"):
            return [*_server(client, f"at {server.shown}", ""), *_rights(client)]
        state = client.cluster_info()["cluster_state"]
        whole = fine("the cluster is whole") if state == "ok" else wrong("the cluster is not whole")
        found = [whole]
        for node in client.get_primaries():
            place = f"{node.host}:{node.port}"
            found += _server(client.get_redis_connection(node), f"at {place}", f"{place}: ")
        return [*found, *_rights(client)]


def _server(client: Any, where: str, who: str) -> Iterator[Finding]:
    try:
        info: dict[str, Any] = client.info()
    except NoPermissionError:
        yield wrong(f"{who}the user may not run INFO, which every script reads: add +info")
        return
    yield _version(info["redis_version"], where)
    with suppress(NoPermissionError):
        seconds, micros = client.time()
        found = of_clock(curtime(), seconds * 1000 + micros // 1000)
        yield Finding(found.grade, who + found.text)
    for each in (_role(info), _eviction(info), _replicas(info), *_disk(info, _asked(client))):
        yield Finding(each.grade, who + each.text)


def _version(version: str, where: str) -> Finding:
    text = f"Redis {version} {where}"
    if int(version.partition(".")[0]) >= LEAST:
        return fine(text)
    return wrong(f"{text}: {LEAST}.0 or newer is needed, for a script to check its rights first")


def _rights(client: Any) -> Iterator[Finding]:
    """Try each right that a storage needs, on a key of its own, and clean up."""
    key = f"brubeck:{{check {uuid4().hex}}}"
    refused = dict.fromkeys(rule for tried in _TRIED if (rule := _refused(client, key, *tried)))
    with suppress(ResponseError):  # then nothing was written either
        client.delete(key, f"{key}:items")
    subscription = client.pubsub()
    try:
        subscription.subscribe(key)
        subscription.get_message(timeout=1.0)
        subscription.unsubscribe(key)
    except NoPermissionError as reason:
        refused[_rule(str(reason), "subscribe")] = None
    finally:
        subscription.close()
    if refused:
        yield wrong(f"the user lacks rights; add {' '.join(refused)}")
    else:
        yield fine("the user may run scripts, read, write, publish and subscribe")


_TRIED: Final = (
    *(("EVAL", "return 1", 1, "{key}"), ("EVALSHA", "0" * 40, 1, "{key}")),
    *(("HSET", "{key}", "f", "v"), ("HGET", "{key}", "f"), ("HMGET", "{key}", "f")),
    *(("HDEL", "{key}", "f"), ("EXISTS", "{key}"), ("PEXPIRE", "{key}", 1000)),
    *(("ZADD", "{key}:items", 1, "m"), ("ZCOUNT", "{key}:items", 0, 1), ("DEL", "{key}")),
    *(("ZRANGE", "{key}:items", 0, 1), ("ZRANGEBYSCORE", "{key}:items", 0, 1)),
    *(("ZRANK", "{key}:items", "m"), ("ZSCORE", "{key}:items", "m"), ("ZREM", "{key}:items", "m")),
    *(("SCAN", 0, "COUNT", 1), ("PUBLISH", "{key}", "0")),
)
"""Every command that a storage uses, with the arguments of its trial."""


def _refused(client: Any, key: str, command: str, *given: object) -> str:
    """Return the ACL rule that a user lacks to run a command; empty if it may run it."""
    words = [each.replace("{key}", key) if isinstance(each, str) else each for each in given]
    try:
        client.execute_command(command, *words)
    except NoPermissionError as reason:
        return _rule(str(reason), command.lower())
    except ResponseError:
        pass  # there is no such script: it was looked for
    return ""


def _rule(reason: str, command: str) -> str:
    if "channel" in reason:
        return "&brubeck:*"
    return "~brubeck:*" if " key" in reason else f"+{command}"


def _asked(client: Any) -> Mapping[str, str]:
    """Return settings from ``CONFIG GET``; none where that is not allowed."""
    try:
        found: Mapping[str, str] = client.config_get("appendfsync", "save")
    except ResponseError:
        return {}
    return found


def _role(info: Mapping[str, Any]) -> Finding:
    if info["role"] == "master":
        return fine("it is a master, and takes writes")
    return wrong("it is a replica, and takes no writes")


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        return fine("maxmemory-policy is noeviction")
    return wrong(f"maxmemory-policy is {policy}: an evicted key is a hole; set noeviction")


def _replicas(info: Mapping[str, Any]) -> Finding:
    count = info["connected_slaves"]
    if not count:
        return note("no replica follows: nobody takes over")
    # INFO counts good replicas only where some are required.
    if "min_slaves_good_slaves" in info:
        return fine(f"replicas: {count}, and min-replicas-to-write is set")
    return wrong(
        f"replicas: {count}, and min-replicas-to-write is 0: a master that is cut off goes on "
        "taking writes, and they are lost; set it to 1 or more"
    )


def _disk(info: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[Finding]:
    if not info["aof_enabled"]:
        kept = "what came after the last snapshot" if asked.get("save", "?") else "everything"
        yield note(f"appendonly is no: a killed server loses {kept}, and says so")
        return
    if info["aof_last_write_status"] != "ok":
        yield wrong("the append-only file cannot be written, so that writes are refused")
    how = asked.get("appendfsync")
    if how is None:
        yield note("appendonly is yes; CONFIG, which tells of appendfsync, is not allowed")
    elif how == "always":
        yield fine("appendfsync is always: a killed server keeps what it acknowledged")
    else:
        yield note(f"appendfsync is {how}: a power cut may lose a second of writes or more")
