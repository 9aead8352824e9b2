"""Backups as docs/storage.md tells them: taken while others write, and restored after a loss.

What each of these does is what the documentation says, step by step.
"""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.fire.grounds import GROUNDS, Ground, options
from tests.servers import wait_until
from tests.servers.mongo import MongoServer
from tests.servers.redis import RedisServer

APPEND_ONLY: Final = "appendonlydir"
"""Where Redis keeps its append-only file, in several parts."""
DUMP: Final = "dump.rdb"


class Kept(ABC):
    """A storage, a backup of it in a directory of its own, and what is there after a loss."""

    def __init__(self, ground: Ground, directory: Path) -> None:
        self.ground = ground
        self.directory = directory
        self.copy = directory / "copy"
        self.copy.mkdir()

    @abstractmethod
    def back_up(self) -> None:
        """Take the backup, whoever writes meanwhile."""

    @abstractmethod
    def restore(self) -> str:
        """Lose everything, bring the backup back, and return where that is served."""

    def close(self) -> None:
        """End whatever was started for it."""
        return


class KeptFile(Kept):
    """SQLite: ``VACUUM INTO`` reads one moment of the file, and holds up nobody."""

    @property
    def _path(self) -> Path:
        return Path(self.ground.url.removeprefix("sqlite:///").partition("?")[0])

    def back_up(self) -> None:
        """Have SQLite write a copy."""
        connection = sqlite3.connect(self._path)
        try:
            connection.execute(f"VACUUM INTO '{self.copy / 'copy.db'}'")
        finally:
            connection.close()

    def restore(self) -> str:
        """Put the copy where the file was, without what belonged to the old one."""
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        shutil.copy(self.copy / "copy.db", self._path)
        return self.ground.url


class KeptRedis(Kept):
    """What both backups of a Redis share: they are restored into a new server."""

    def __init__(self, ground: Ground, directory: Path) -> None:
        super().__init__(ground, directory)
        self.fresh: RedisServer | None = None

    @property
    def server(self) -> RedisServer:
        """The server that will be lost."""
        assert isinstance(self.ground.server, RedisServer)
        return self.ground.server

    def _start(self, *given: str) -> RedisServer:
        """Lose the old server, and start another where the copy lies."""
        self.server.kill()
        self.fresh = RedisServer(self.copy, *given)
        self.fresh.run()
        return self.fresh

    def close(self) -> None:
        """End the new server."""
        if self.fresh is not None:
            self.fresh.kill()


class KeptSnapshot(KeptRedis):
    """Redis: a snapshot that a forked process writes, of the moment at which it was forked."""

    def back_up(self) -> None:
        """Have it written, and copy it."""
        with self.server.client() as client:
            before = _last_save(client)
            wait_until(lambda: client.time()[0] > before)  # it counts in seconds
            client.bgsave()
            wait_until(lambda: _last_save(client) > before, seconds=60)
        source = Path(self.server.command[self.server.command.index("--dir") + 1])
        shutil.copy(source / DUMP, self.copy / DUMP)

    def restore(self) -> str:
        """Start without the append-only file, which would be taken instead, and begin one."""
        server = self._start("--appendonly", "no")
        with server.client() as client:
            client.config_set("appendfsync", "always")
            client.config_set("appendonly", "yes")
            wait_until(lambda: _rewrites(client) == 0, seconds=60)
        return f"{server.url}?{options()}"


def _last_save(client: Any) -> int:
    return int(client.info("persistence")["rdb_last_save_time"])


class KeptLog(KeptRedis):
    """Redis: the append-only file, while Redis does not rewrite it."""

    def back_up(self) -> None:
        """Copy all its parts; what is appended meanwhile is there, or not yet, in order."""
        source = Path(self.server.command[self.server.command.index("--dir") + 1])
        with self.server.client() as client:
            (usual,) = client.config_get("auto-aof-rewrite-percentage").values()
            client.config_set("auto-aof-rewrite-percentage", 0)
            try:
                wait_until(lambda: _rewrites(client) == 0, seconds=60)
                shutil.copytree(source / APPEND_ONLY, self.copy / APPEND_ONLY)
            finally:
                client.config_set("auto-aof-rewrite-percentage", usual)

    def restore(self) -> str:
        """Start where the copy lies."""
        server = self._start("--appendonly", "yes", "--appendfsync", "always")
        return f"{server.url}?{options()}"


def _rewrites(client: Any) -> int:
    found = client.info("persistence")
    return int(found["aof_rewrite_in_progress"]) + int(found["aof_rewrite_scheduled"])


class KeptMongo(Kept):
    """MongoDB: its files, while they are flushed and locked."""

    @property
    def server(self) -> MongoServer:
        """The server that will be lost, and started again over the copy."""
        assert isinstance(self.ground.server, MongoServer)
        return self.ground.server

    def back_up(self) -> None:
        """Copy the files; writes wait meanwhile."""
        with self.server.client() as client:
            client.admin.command("fsync", lock=True)
            try:
                lock = shutil.ignore_patterns("mongod.lock")
                shutil.copytree(self.server.data, self.copy, ignore=lock, dirs_exist_ok=True)
            finally:
                client.admin.command("fsyncUnlock")

    def restore(self) -> str:
        """Put the files back; a member of a replica set finds itself in them by its address."""
        self.server.kill()
        shutil.rmtree(self.server.data)
        shutil.copytree(self.copy, self.server.data)
        self.server.run()
        with self.server.client() as client:
            wait_until(lambda: client.admin.command("hello")["isWritablePrimary"], seconds=60)
        return self.ground.url


KEPT: Final[dict[str, tuple[str, Callable[[Ground, Path], Kept]]]] = {
    "sqlite": ("sqlite", KeptFile),
    "redis-snapshot": ("redis", KeptSnapshot),
    "redis-log": ("redis", KeptLog),
    "mongo": ("mongo", KeptMongo),
    "mongo-set": ("mongo-set", KeptMongo),
}
"""Each way to take a backup: of what, and how."""


@contextmanager
def kept(name: str, directory: Path) -> Iterator[Kept]:
    """Have a storage, and a way to take a backup of it."""
    ground, way = KEPT[name]
    with GROUNDS[ground](directory) as found:
        made = way(found, directory)
        try:
            yield made
        finally:
            made.close()
