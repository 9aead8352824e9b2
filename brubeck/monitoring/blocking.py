"""A watch on the hub: when one green thread computes for long, all others of its process wait.

A thread of the system looks whether the hub has run lately. If not, it notes the line that is being
executed, and the hub logs it as soon as it runs again. One that never runs again is reported by the
watching thread itself, on standard error: no log can be written then.
"""

from __future__ import annotations

import logging
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final

from brubeck import green

log = logging.getLogger("brubeck.server")

_HUNG: Final = 30.0
"""Seconds after which the watching thread does not wait for the log any longer."""
_FOREIGN: Final = tuple(
    str(Path(each)) for each in {*sysconfig.get_paths().values(), str(Path(__file__).parents[1])}
)


class HubWatch:
    """The watch of one process: `run` in a green thread, for as long as the process serves.

    ``seconds`` is how long the hub may be held up before the line is logged, and ``count`` is
    called with the time each time.
    """

    def __init__(self, seconds: float, count: Callable[[float], object] | None = None) -> None:
        self._seconds, self._count = seconds, count
        self._beat = monotonic()
        self._ident = 0
        self._seen = ""
        self._stopped = False

    def run(self) -> None:
        """Beat until `stop`, and log what has held the hub up."""
        self._ident = green.native("_thread", "get_ident")()
        green.native("_thread", "start_new_thread")(self._watch, ())
        green.supervise(self._beat_once, "The watch on the hub")

    def stop(self) -> None:
        """End the watch."""
        self._stopped = True

    def _beat_once(self) -> bool:
        before = self._beat = monotonic()
        pause = self._seconds / 4
        green.sleep(pause)
        late = monotonic() - before - pause
        seen, self._seen = self._seen, ""
        if late >= self._seconds:
            if self._count is not None:
                self._count(late)
            log.warning("Everything waited %.2f s for %s", late, seen or "an unknown line")
        return not self._stopped

    def _watch(self) -> None:
        """Look at the beat, as a thread of the system; no lock of the program may be taken."""
        sleep, write = green.native("time", "sleep"), green.native("os", "write")
        reported = 0.0
        while not self._stopped:
            sleep(self._seconds / 4)
            beat = self._beat
            late = monotonic() - beat
            if late < self._seconds * 1.25:
                continue
            frame = sys._current_frames().get(self._ident)  # noqa: SLF001, the documented way
            if frame is not None and not self._seen:
                self._seen = line_of(frame)
            if late > _HUNG and reported != beat:
                reported = beat
                text = f"brubeck: everything has waited {late:.0f} s for {self._seen}\n"
                write(2, text.encode(errors="replace"))


def line_of(frame: FrameType) -> str:
    """Return the innermost line of the program itself: ``app.py:12 in compute``.

    A line of a library or of Brubeck is returned where no other is executed.
    """
    found, at = frame, frame.f_back
    if _is_foreign(frame):
        while at is not None and _is_foreign(at):
            at = at.f_back
        found = at or frame
    code = found.f_code
    return f"{code.co_filename}:{found.f_lineno} in {code.co_name}"


def _is_foreign(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(("<", *_FOREIGN))
