"""Files beside one that the user has named: their names are known to others before they are there.

In a folder of somebody else, a link of such a name would lead to a file of the user's, and a pipe
would be waited for. Neither is followed, and neither is opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from brubeck.errors import ConfigError


def write_beside(path: Path, text: str) -> None:
    """Write a file in place of one that may be there."""
    path.unlink(missing_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def open_beside(path: Path, mode: str) -> IO[bytes]:
    """Open a file in a binary mode; `ConfigError` for one that is no ordinary file."""
    try:
        file: IO[bytes] = open(path, mode, opener=_open)  # noqa: SIM115, the caller closes it
    except OSError:
        if path.is_symlink():
            raise _refused(path) from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _refused(path)
    return file


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def _refused(path: Path) -> ConfigError:
    return ConfigError(f"{path} is no ordinary file; remove it.")
