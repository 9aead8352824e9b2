"""Moving a slot of a Redis Cluster from one master to another, a key at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from tests.servers.redis import RedisServer


class Resharding:
    """The move of one slot, as `redis-cli --cluster reshard` does it, with a pause after each step.

    Keys that are made in the slot meanwhile are moved, too.
    """

    def __init__(self, masters: list[RedisServer], key: str) -> None:
        self._masters = masters
        with masters[0].client() as client:
            self.slot: int = client.execute_command("CLUSTER", "KEYSLOT", key)
        self.moved: list[str] = []

    def owner(self) -> RedisServer:
        """Return the master that the slot belongs to now."""
        for server in self._masters:
            with server.client() as client:
                nodes: bytes = client.execute_command("CLUSTER", "MYID")
                slots: list[Any] = client.execute_command("CLUSTER", "SLOTS")
            for first, last, master, *_ in slots:
                if first <= self.slot <= last and master[2] == nodes:
                    return server
        raise AssertionError("the slot belongs to nobody")

    def steps(self, target: RedisServer) -> Iterator[str]:
        """Move the slot to a master, and yield what was done after each step."""
        source = self.owner()
        assert source is not target
        with ExitStack() as stack:
            here, there = (stack.enter_context(each.client()) for each in (source, target))
            ours, theirs = (each.execute_command("CLUSTER", "MYID") for each in (here, there))
            self._set(there, "IMPORTING", ours)
            yield "importing"
            self._set(here, "MIGRATING", theirs)
            yield "migrating"
            while keys := self._keys(here):
                for key in keys:
                    here.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
                    self.moved.append(key.decode())
                    yield self.moved[-1]
            # First where it went, so that somebody owns it at any time.
            for client in (there, here):
                self._set(client, "NODE", theirs)
                yield "given"
            for server in self._masters:
                if server not in (source, target):
                    self._set(stack.enter_context(server.client()), "NODE", theirs)

    def _set(self, client: Any, state: str, node: bytes) -> None:
        client.execute_command("CLUSTER", "SETSLOT", self.slot, state, node)

    def _keys(self, client: Any) -> list[bytes]:
        found: list[bytes] = client.execute_command("CLUSTER", "GETKEYSINSLOT", self.slot, 100)
        return found
