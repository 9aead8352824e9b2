"""Journals: lines of JSON that are whole or not there, whenever their writer was killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

Entry = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Entry).decode


class Journal:
    """A file that one process appends to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            os.write(self._file, b"\n")  # what was torn stays a line of its own

    def note(self, **entry: Any) -> None:
        """Append one entry, in one system call."""
        os.write(self._file, _encode(entry) + b"\n")


def entries(path: Path) -> list[Entry]:
    """Return the entries of a journal; a torn one was never made."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(_decode(line))
        except msgspec.DecodeError:
            continue
    return found


def last_entry(path: Path, *names: str) -> Entry | None:
    """Return the last whole entry that has one of some names, without reading all of a journal."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for back in (1 << 16, 1 << 20, size):
            file.seek(max(0, size - back))
            for line in reversed(file.read().splitlines()):
                try:
                    found = _decode(line)
                except msgspec.DecodeError:
                    continue
                if any(name in found for name in names):
                    return found
    return None
