"""The names of the streams in a Redis, found among all of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from brubeck.storage.records import Head
from brubeck.storage.redis.client import RedisClient

_SHARE: Final = 20
"""How many times as long as a look at all keys takes, the next one waits for."""
_BEFORE, _AFTER = b"brubeck:{", b"}"


def stream_key(name: str) -> str:
    """Return the key of a stream's head, with a hash tag that keeps all its keys on one server."""
    return f"{_BEFORE.decode()}{name}{_AFTER.decode()}"


class StreamNames:
    """The names of the streams that have been written to.

    A Redis knows none of them by itself: the keys are looked through, and all keys of the database
    with them, such as those of attempts and hits, of which clients may make a million.
    """

    def __init__(self, server: RedisClient) -> None:
        self._server = server
        self._found: list[str] = []
        self._next_look = 0.0

    def look(self) -> None:
        """Look through all keys."""
        began = monotonic()
        with self._server.commands(several=True) as client:
            keys = client.scan_iter(match=_BEFORE + b"*:items", count=1000)
            names = {key.removeprefix(_BEFORE).removesuffix(_AFTER + b":items") for key in keys}
        self._found = sorted(name.decode() for name in names)
        now = monotonic()
        self._next_look = now + _SHARE * (now - began)

    def lately(self, prefix: str) -> list[str]:
        """Return the names with a prefix, after another look where one is due.

        However many keys there are, the looks take no more than a twentieth of the time.
        """
        if monotonic() >= self._next_look:
            self.look()
        return self.below(prefix)

    def below(self, prefix: str) -> list[str]:
        """Return the names with a prefix that were found last."""
        return [name for name in self._found if name.startswith(prefix)]


def read_heads(client: Any, names: Sequence[str]) -> dict[str, Head]:
    """Return the heads of streams as the last writes left them, without those that have none."""
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(stream_key(name), "position", "era", "horizon", "floor")
        answers = pipe.execute()
    return {
        name: Head(int(position), era.decode(), int(horizon or 0), int(floor or 0))
        for name, (position, era, horizon, floor) in zip(names, answers, strict=True)
        if position is not None
    }
