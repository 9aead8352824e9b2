"""A genuine redis-server for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.servers import free_port, require, wait_until
from tests.servers.certificates import Certificates
from tests.servers.processes import Server


class RedisServer(Server):
    """A Redis of its own, by default one that keeps nothing on the disk and speaks no TLS."""

    def __init__(
        self,
        directory: Path,
        *options: str,
        tls: Certificates | None = None,
        hosts: Sequence[str] = (),
    ) -> None:
        """``hosts`` are further addresses to listen at."""
        port = free_port()
        program = require("redis-server", "redis-server")
        command = [program, "--bind", "127.0.0.1", *hosts, "--dir", str(directory), "--save", ""]
        command += ["--protected-mode", "no"] if hosts else []
        command += ["--port", str(port)] if tls is None else tls.redis_options(port)
        command += options
        super().__init__(command, port, directory / f"redis-{port}.log")
        self.url = f"redis{'' if tls is None else 's'}://127.0.0.1:{port}/0"
        self._tls: dict[str, Any] = {} if tls is None else tls.redis_client()

    def client(self) -> redis.Redis:
        """Return a client of its own."""
        return redis.Redis(port=self.port, socket_timeout=5, **self._tls)

    def run(self) -> None:
        """Start it and wait until it answers."""
        with self.client() as client:
            self.start(client.ping)


SLOTS = 16384


@contextmanager
def redis_cluster(
    directory: Path, masters: int = 3, *, tls: Certificates | None = None
) -> Iterator[list[RedisServer]]:
    """Run a cluster of several masters, each with its share of the slots."""
    servers: list[RedisServer] = []
    try:
        servers.extend(_started(directory, tls) for _ in range(masters))
        _join(servers)
        yield servers
    finally:
        for server in servers:
            server.stop()


def _started(directory: Path, tls: Certificates | None) -> RedisServer:
    """Start a member; again with other ports where another process has taken one of them."""
    for _ in range(4):
        member = _member(directory, tls)
        try:
            member.run()
        except RuntimeError:
            continue
        return member
    member = _member(directory, tls)
    member.run()
    return member


def _member(directory: Path, tls: Certificates | None) -> RedisServer:
    bus = str(free_port())
    options = ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{bus}.conf"]
    options += ["--cluster-port", bus]
    if tls is not None:
        options += ["--tls-cluster", "yes"]
    return RedisServer(directory, *options, tls=tls)


@contextmanager
def redis_newcomer(directory: Path, masters: list[RedisServer]) -> Iterator[RedisServer]:
    """Run one more member of a cluster, a master without slots."""
    server = _member(directory, None)
    try:
        server.run()
        _meet(server, masters)
        _await_whole([*masters, server])
        yield server
    finally:
        server.stop()


def _join(servers: list[RedisServer]) -> None:
    share = -(-SLOTS // len(servers))
    for number, server in enumerate(servers):
        with server.client() as client:
            last = min(SLOTS, (number + 1) * share) - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        _meet(server, servers[:number])
    _await_whole(servers)


def _meet(server: RedisServer, others: list[RedisServer]) -> None:
    with server.client() as client:
        for other in others:
            bus = other.command[other.command.index("--cluster-port") + 1]
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, bus)


def _await_whole(servers: list[RedisServer]) -> None:
    for server in servers:
        with server.client() as client:
            wait_until(
                lambda: _knows(client, len(servers)),
                seconds=30,
                what="the cluster did not come together",
            )


def _knows(client: Any, nodes: int) -> bool:
    info: bytes = client.execute_command("CLUSTER", "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:%d\r" % nodes in info
