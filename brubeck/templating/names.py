"""From a template's name to its file, which is never outside the folder."""

from __future__ import annotations

import os
from pathlib import Path

from brubeck.errors import BrubeckError

Stamp = tuple[int, int, int]
"""The stamp of a file's state: its inode, its size, and its time of modification."""


class NoSuchTemplate(BrubeckError):
    """A name that no template in the folder has."""


def file_of(folder: Path, name: str) -> Path:
    """Return the file of a template; `NoSuchTemplate` where there is none below the folder."""
    path = Path(os.path.normpath(folder / name))
    # os.path has an answer for names that no file can have; pathlib raises.
    if not path.is_relative_to(folder) or not os.path.isfile(path):  # noqa: PTH113
        raise NoSuchTemplate(f"There is no template {name!r}.")
    return path


def stamp_of(path: Path) -> Stamp | None:
    """Return the state of a file; None where it is no more."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
