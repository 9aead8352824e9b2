"""The files of a form: pieces of one place, so that a thousand of them need one file, not more."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import msgspec

from brubeck.http.problems import Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONTROLS: Final = re.compile("[\0-\x1f\x7f]")
_SEPARATORS: Final = re.compile(r"[/\\]")


class UploadedFile(msgspec.Struct, frozen=True):
    """One file of a form: ``file`` is open for reading and stands at its beginning.

    It is there until the request has been answered; what is to be kept is copied. ``filename`` and
    ``content_type`` are what the client says; of a path only the last part is left.
    """

    name: str
    filename: str
    content_type: str
    file: BinaryIO
    size: int


def bare_name(filename: str) -> str:
    r"""Return a file's name without a path; a `Problem` (400) for one with control characters.

    What names a folder, such as ``..``, names no file, and neither does nothing.

    >>> bare_name('C:\\notes\\take.txt'), bare_name('../../etc/passwd'), bare_name('a/..')
    ('take.txt', 'passwd', '')
    """
    if _CONTROLS.search(filename):
        raise Problem(400, "The name of a file contains control characters.")
    name = _SEPARATORS.split(filename)[-1]
    return "" if name in (".", "..") else name


def piece(place: BinaryIO, start: int, size: int) -> BinaryIO:
    """Return a part of a place as a file of its own, for reading; the place stays open."""
    return cast("BinaryIO", io.BufferedReader(_Piece(place, start, size)))


class _Piece(io.RawIOBase):
    """Reads a part of a place that other pieces are read from, too."""

    def __init__(self, place: BinaryIO, start: int, size: int) -> None:
        self._place, self._start, self._size = place, start, size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"there is nothing before the beginning: {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        wanted = memoryview(buffer).cast("B")
        left = max(0, self._size - self._at)
        # Somebody else has read from the place since, so it stands anywhere.
        self._place.seek(self._start + self._at)
        data = self._place.read(min(len(wanted), left))
        wanted[: len(data)] = data
        self._at += len(data)
        return len(data)
