"""The sweeper, which applies the retention of all streams of a program."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from brubeck import green
from brubeck.storage import StorageError
from brubeck.streams.retention import Swept
from brubeck.streams.stream import Stream

log = logging.getLogger("brubeck.app")

EVERY: Final = 60.0
"""Seconds between two sweeps of a stream."""


class Sweeper:
    """Sweeps every stream now and then; of several processes one sweeps a stream."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def run(self) -> None:
        """Sweep every stream, wait, and sweep again, for as long as the program serves."""
        green.supervise(self._sweep_all, "The sweeper", every=EVERY)

    def _sweep_all(self) -> None:
        for stream in self._streams:
            path = stream.spec.path.template
            try:
                if stream.store.hit(f"sweep:{path}", EVERY) == 1:
                    self.sweep(stream)
            except StorageError as reason:
                log.warning("%s was not swept: %s", path, reason)
            except Exception:  # the other streams are swept all the same
                log.exception("%s was not swept.", path)

    def sweep(self, stream: Stream) -> Swept:
        """Sweep one stream, all its partitions; return how many items and deletions left."""
        swept = stream.sweep()
        if swept.items:
            log.info("%s: %d items left, as it retains", stream.spec.path.template, swept.items)
        return swept
