"""A sorted set of keys: add and remove anywhere, walk from anywhere, in O(log n).

The keys lie in blocks of bounded size, so that an insertion moves a few hundred of them and not
all; finding a key is one binary search for its block and one inside it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Any)
_BLOCK: Final = 512


class SortedKeys(Generic[K]):
    """Unique keys in ascending order.

    >>> keys = SortedKeys()
    >>> for key in (5, 1, 3): keys.add(key)
    >>> list(keys.after(1)), list(keys.before(5))
    ([3, 5], [3, 1])
    """

    def __init__(self) -> None:
        self._blocks: list[list[K]] = []
        self._last: list[K] = []  # the greatest key of each block
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, key: K) -> None:
        """Add a key that is not there yet."""
        self._size += 1
        if not self._blocks:
            self._blocks, self._last = [[key]], [key]
            return
        at = min(bisect_left(self._last, key), len(self._blocks) - 1)
        block = self._blocks[at]
        insort(block, key)
        if len(block) > 2 * _BLOCK:
            self._blocks[at : at + 1] = [block[:_BLOCK], block[_BLOCK:]]
            self._last[at : at + 1] = [block[_BLOCK - 1], block[-1]]
        else:
            self._last[at] = block[-1]

    def remove(self, key: K) -> None:
        """Remove a key; `KeyError` when it is not there."""
        at = bisect_left(self._last, key)
        block = self._blocks[at] if at < len(self._blocks) else []
        index = bisect_left(block, key)
        if index == len(block) or block[index] != key:
            raise KeyError(key)
        del block[index]
        self._size -= 1
        if block:
            self._last[at] = block[-1]
        else:
            del self._blocks[at], self._last[at]

    def last(self) -> K | None:
        """Return the greatest key, or None."""
        return self._last[-1] if self._last else None

    def after(self, key: K | None, *, inclusive: bool = False) -> Iterator[K]:
        """Yield the keys above a key, upwards; all of them above None."""
        at = index = 0
        if key is not None:
            search = bisect_left if inclusive else bisect_right
            at = search(self._last, key)
            index = search(self._blocks[at], key) if at < len(self._blocks) else 0
        while at < len(self._blocks):
            block = self._blocks[at]
            for each in range(index, len(block)):
                yield block[each]
            at, index = at + 1, 0

    def before(self, key: K | None) -> Iterator[K]:
        """Yield the keys below a key, downwards; all of them below None."""
        at, index = len(self._blocks) - 1, -1
        if key is not None:
            found = bisect_left(self._last, key)
            if found < len(self._blocks):
                at, index = found, bisect_left(self._blocks[found], key) - 1
                if index < 0:
                    at -= 1
        while at >= 0:
            block = self._blocks[at]
            for each in range(len(block) - 1 if index < 0 else index, -1, -1):
                yield block[each]
            at, index = at - 1, -1
