"""The rights of a Redis user on the keys of a queue: each is tried, a missing rule is named."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from redis.exceptions import NoPermissionError, ResponseError

_GROUP: Final = "workers"
_NAMED: Final = re.compile(r"the '([a-z|]+)' command")
TRIED: Final = (
    *(("EVALSHA", "0" * 40, 1, "{key}"), ("EVAL", "return 1", 1, "{key}")),
    *(("SCRIPT LOAD", "return 1"), ("TIME",)),
    ("XGROUP CREATE", "{key}", _GROUP, "0", "MKSTREAM"),
    ("XADD", "{key}", "*", "job", "null"),
    ("XREADGROUP", "GROUP", _GROUP, "w", "COUNT", 1, "STREAMS", "{key}", ">"),
    *(("XPENDING", "{key}", _GROUP), ("XINFO CONSUMERS", "{key}", _GROUP)),
    *(("XCLAIM", "{key}", _GROUP, "w", 0, "0-1", "JUSTID"), ("XACK", "{key}", _GROUP, "0-1")),
    *(("XDEL", "{key}", "0-1"), ("XLEN", "{key}"), ("XRANGE", "{key}", "-", "+", "COUNT", 1)),
    ("XGROUP DELCONSUMER", "{key}", _GROUP, "w"),
    *(("SET", "{key}:key", "1", "PX", 1000), ("GET", "{key}:key"), ("PEXPIRE", "{key}", 1000)),
    *(("ZADD", "{key}:later", 1, "m"), ("ZCARD", "{key}:later"), ("ZREM", "{key}:later", "m")),
    *(("HSET", "{key}:delayed", "f", "v"), ("HGET", "{key}:delayed", "f")),
    ("HDEL", "{key}:delayed", "f"),
    *(("ZRANGE", "{key}:later", 0, 0), ("ZRANGEBYSCORE", "{key}:later", 0, 1)),
    ("DEL", "{key}", "{key}:key", "{key}:later", "{key}:delayed"),
)
"""Every command that a queue uses, with the arguments of its trial."""


def missing_rules(client: Any) -> list[str]:
    """Return the ACL rules that the user of a client lacks, after cleaning up the trial keys."""
    key = f"brubeck-jobs:{{check {uuid4().hex}}}"
    tried = [_missing(client, key, *each) for each in TRIED]
    with suppress(ResponseError):
        client.delete(key, f"{key}:key", f"{key}:later", f"{key}:delayed")
    return list(dict.fromkeys(rule for rule in tried if rule))


def _missing(client: Any, key: str, command: str, *given: object) -> str:
    """Return the ACL rule that a user lacks to run a command; empty if it may run it."""
    words = [each.replace("{key}", key) if isinstance(each, str) else each for each in given]
    try:
        client.execute_command(command, *words)
    except NoPermissionError as reason:
        return _rule(str(reason), command)
    except ResponseError as reason:
        if "NOPERM" in str(reason):  # in the words of EXEC
            return _rule(str(reason), command)
    return ""  # there is no such script, group or entry at the worst: the command was run


def _rule(reason: str, command: str) -> str:
    if " key" in reason:
        return "~brubeck-jobs:*"
    named = _NAMED.search(reason)
    return f"+{named[1] if named else command.lower().replace(' ', '|')}"
