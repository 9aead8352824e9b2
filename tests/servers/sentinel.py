"""Genuine Sentinels for tests: three of them, over a Redis with a replica."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.servers import free_port, require, wait_until
from tests.servers.certificates import Certificates
from tests.servers.processes import Server
from tests.servers.redis import RedisServer

SERVICE = "quakes"
QUORUM = 2
DOWN_AFTER = 2000
"""Milliseconds without an answer after which a Sentinel takes a server to be down."""


class Sentinel(Server):
    """One Sentinel; it keeps what it learns in its own configuration file."""

    def __init__(self, directory: Path, master: RedisServer, quorum: int = QUORUM) -> None:
        port = free_port()
        program = require("redis-server", "redis-server")
        self.configuration = directory / f"sentinel-{port}.conf"
        self.configuration.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}\n"
            f"sentinel failover-timeout {SERVICE} 5000\n"
        )
        command = [program, str(self.configuration), "--sentinel"]
        super().__init__(command, port, directory / f"sentinel-{port}.log")
        self._login: dict[str, Any] = {}

    def protect(self, password: str, tls: Certificates, *, own: bool) -> None:
        """Let in the user watcher alone, and watch by the user app over TLS; ``own``: speak it."""
        lines = [f"tls-ca-cert-file {tls.cafile}", f"tls-cert-file {tls.certfile}"]
        lines += [f"tls-key-file {tls.keyfile}", "tls-replication yes"]
        if own:
            lines += ["port 0", f"tls-port {self.port}"]
        lines += ["user default off", f'user watcher on ">{password}" ~* &* +@all']
        lines += [f"sentinel auth-user {SERVICE} app", f'sentinel auth-pass {SERVICE} "{password}"']
        with self.configuration.open("a") as file:
            file.write("\n".join(lines) + "\n")
        self._login = {"username": "watcher", "password": password}
        self._login |= tls.redis_client() if own else {}

    def client(self) -> redis.Redis:
        """Return a client of its own."""
        return redis.Redis(port=self.port, socket_timeout=5, **self._login)

    def run(self) -> None:
        """Start it and wait until it answers."""
        with self.client() as client:
            self.start(client.ping)

    def knows(self) -> bool:
        """Tell whether it knows the replica and both other Sentinels."""
        with self.client() as client:
            found: dict[str, Any] = client.info("sentinel")
        master = found.get("master0", {})
        return bool(master.get("slaves") == 1 and master.get("sentinels") == 3)

    def follows(self, master: RedisServer) -> bool:
        """Tell whether it knows a server as the master, and a replica that could take over."""
        with self.client() as client:
            found: dict[str, Any] = client.sentinel_master(SERVICE)
            replicas: list[dict[str, Any]] = client.sentinel_slaves(SERVICE)
        return bool(found["port"] == master.port) and any(
            each["flags"] == "slave" and each["master-link-status"] == "ok" for each in replicas
        )


class Watched:
    """A master, its replica, and the Sentinels that watch them."""

    def __init__(
        self, master: RedisServer, replica: RedisServer, sentinels: list[Sentinel]
    ) -> None:
        self.master = master
        self.replica = replica
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        """The URL of the service."""
        places = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}/0"


@contextmanager
def redis_watched(directory: Path) -> Iterator[Watched]:
    """Run a master that takes writes only while a replica follows it, and three Sentinels."""
    options = ["--appendonly", "yes", "--appendfsync", "always", "--min-replicas-to-write", "1"]
    options += ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]
    servers: list[Server] = []
    try:
        redises = []
        for number in range(2):
            own = directory / f"redis-{number}"
            own.mkdir()
            redises.append(RedisServer(own, *options))
            servers.append(redises[-1])
            redises[-1].run()
        master, replica = redises
        with replica.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", master.port)
        with master.client() as client:
            wait_until(
                lambda: client.info("replication").get("min_slaves_good_slaves") == 1,
                seconds=30,
                what="the replica never followed",
            )
        sentinels = [Sentinel(directory, master) for _ in range(3)]
        for each in sentinels:
            servers.append(each)
            each.run()
        for each in sentinels:
            wait_until(each.knows, seconds=30, what="the Sentinels never met")
        yield Watched(master, replica, sentinels)
    finally:
        for server in reversed(servers):
            server.kill()
