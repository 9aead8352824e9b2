"""A sorted set of keys: add and remove anywhere, walk from anywhere, in O(log n).

The keys lie in blocks of bounded size, so that an insertion moves a few hundred of them and not
all; finding a key is one binary search for its block and one inside it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Any)
_BLOCK: Final = 512


class SortedKeys(Generic[K]):
    """Unique keys in ascending order.

    >>> keys = SortedKeys()
    >>> for key in (5, 1, 3): keys.add(key)
    >>> keys.above(1, 9), keys.below(5, 9)
    ([3, 5], [3, 1])
    """

    __slots__ = ("_blocks", "_last", "_size")

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
        at = len(self._blocks) - 1
        block = self._blocks[at]
        if key > self._last[at]:
            block.append(key)  # most keys are of what is new, and the greatest
        else:
            at = bisect_left(self._last, key)
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

    def holds(self, key: K) -> bool:
        """Return whether a key is there."""
        return self.above(key, 1, inclusive=True) == [key]

    def last(self) -> K | None:
        """Return the greatest key, or None."""
        return self._last[-1] if self._last else None

    def above(self, key: K, count: int, *, inclusive: bool = False) -> list[K]:
        """Return the first ``count`` keys above a key, upwards."""
        search = bisect_left if inclusive else bisect_right
        at = search(self._last, key)
        index = search(self._blocks[at], key) if at < len(self._blocks) else 0
        found: list[K] = []
        while len(found) < count and at < len(self._blocks):
            found += self._blocks[at][index : index + count - len(found)]
            at, index = at + 1, 0
        return found

    def below(self, key: K, count: int) -> list[K]:
        """Return the first ``count`` keys below a key, downwards."""
        at = bisect_left(self._last, key)
        if at < len(self._blocks):
            index = bisect_left(self._blocks[at], key)
        else:
            at, index = at - 1, len(self._blocks[-1]) if self._blocks else 0
        found: list[K] = []
        while len(found) < count and at >= 0:
            found += self._blocks[at][max(0, index - count + len(found)) : index][::-1]
            at -= 1
            index = len(self._blocks[at])
        return found
