"""Checks of a database file: writable, on a disk of this machine, with room."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from brubeck.storage.checking import Finding, fine, note, wrong
from brubeck.storage.sqlite.database import Database

REMOTE: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "gpfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph"),
    )
)
"""Filesystems on which SQLite's processes do not share memory, which WAL needs."""
ROOM: Final = 64 << 20
"""Bytes that should be free."""
_MOUNTS: Final = Path("/proc/self/mounts")


def findings(database: Database) -> list[Finding]:
    """Return the findings about a file."""
    path = Path(database.path).absolute()
    if not path.parent.is_dir():
        return [wrong(f"there is no directory {path.parent}")]
    return [_file(database, path), _disk(path), _room(path), _commits(database)]


def _file(database: Database, path: Path) -> Finding:
    if not path.exists():
        if os.access(path.parent, os.W_OK):
            return note(f"{path} is not there yet; it is made when it is first used")
        return wrong(f"{path} is not there, and cannot be made in its directory")
    if not os.access(path, os.W_OK):
        return wrong(f"{path} may not be written by this user")
    if not os.access(path.parent, os.W_OK):
        return wrong(f"{path.parent} may not be written by this user: SQLite keeps a log there")
    database.write(lambda db: db.execute("UPDATE storage SET value = value WHERE key = 'era'"))
    return fine(f"SQLite {sqlite3.sqlite_version} writes {path}")


def _disk(path: Path) -> Finding:
    mounts = _MOUNTS.read_text() if _MOUNTS.exists() else ""
    kind = filesystem(path.resolve(), mounts)
    if kind in REMOTE:
        return wrong(f"it lies on a network filesystem ({kind}), where WAL does not work")
    if not kind:
        return note("whether it lies on a network filesystem cannot be told here")
    return fine(f"it lies on a disk of this machine ({kind})")


def _room(path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free
    found = f"{free / (1 << 20):,.0f} MiB are free"
    return fine(found) if free >= ROOM else wrong(f"only {found}")


def _commits(database: Database) -> Finding:
    if database.synchronous == "full":
        return fine("every commit is flushed to the disk")
    return note("sync is normal: a power cut may lose the last commits")


def filesystem(path: Path, mounts: str) -> str:
    r"""Return the kind of filesystem that a path lies on, by a list of mounts; "" if unknown.

    >>> mounts = 'd / ext4 rw 0 0\nhost:/x /srv/my\\040data nfs4 rw 0 0\n'
    >>> filesystem(Path('/srv/my data/quakes.db'), mounts), filesystem(Path('/srv/q.db'), mounts)
    ('nfs4', 'ext4')
    """
    kind, depth = "", 0
    for line in mounts.splitlines():
        _, place, found, *_ = line.split(" ")
        point = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), place))
        # Of two at one place the later one lies on top.
        if path.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = found, len(point.parts)
    return kind
