"""``memory://``: streams in this process, gone with it; the reference of the contract.

Every stream keeps two sorted sets of keys, one an order, over one dictionary of entries. An entry
outlives its record as a tombstone, and remembers the tokens of its last writes and the values that
filters may have seen. One lock a stream makes each method atomic; nothing under it waits.
"""

from __future__ import annotations

from brubeck.storage.memory.record_stream import MemoryRecordStream
from brubeck.storage.memory.storage import MemoryStorage

__all__ = ["MemoryRecordStream", "MemoryStorage"]
