"""A dictionary that keeps several values for a key, as forms and query strings send them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["MultiValueDict", "MultiValueDictKeyError"]


class MultiValueDictKeyError(KeyError):
    """A key that a `MultiValueDict` does not have."""


class MultiValueDict(dict[str, Any]):
    """A dictionary of lists that shows the last value of each.

    >>> names = MultiValueDict({'name': ['Adrian', 'Simon']})
    >>> names['name'], names.getlist('name'), names.getlist('nobody')
    ('Simon', ['Adrian', 'Simon'], [])
    """

    def __init__(
        self, key_to_list_mapping: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()
    ) -> None:
        if isinstance(key_to_list_mapping, MultiValueDict):
            key_to_list_mapping = key_to_list_mapping.lists()
        super().__init__(key_to_list_mapping)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {dict(self.lists())!r}>"

    def __getitem__(self, key: str) -> Any:
        try:
            values = super().__getitem__(key)
        except KeyError:
            raise MultiValueDictKeyError(f"Key {key!r} not found in {self!r}") from None
        return values[-1] if values else []

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, [value])

    def __copy__(self) -> MultiValueDict:
        return type(self)([(key, values[:]) for key, values in self.lists()])

    def __deepcopy__(self, memo: dict[int, Any]) -> MultiValueDict:
        return type(self)([(key, copy.deepcopy(values, memo)) for key, values in self.lists()])

    def __reduce__(self) -> Any:
        return type(self), (dict(self.lists()),)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the last value of the key, or the default when there is none."""
        values = self.getlist(key)
        return values[-1] if values else default

    def getlist(self, key: str, default: Any = None) -> Any:
        """Return the list of the key's values; the default, or an empty list, without the key."""
        fallback = [] if default is None else default
        return super().get(key, fallback)

    def setlist(self, key: str, list_: list[Any]) -> None:
        """Give the key this list of values."""
        super().__setitem__(key, list_)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the key's last value, which is the default if it had none."""
        if key not in self:
            self[key] = default
        return self[key]

    def setlistdefault(self, key: str, default_list: Iterable[Any] = ()) -> Any:
        """Return the key's list, which is the default if it had none."""
        if key not in self:
            self.setlist(key, list(default_list))
        return self.getlist(key)

    def appendlist(self, key: str, value: Any) -> None:
        """Add a value to the key's list."""
        self.setlistdefault(key).append(value)

    def items(self) -> Any:
        """Return (key, last value) pairs."""
        return [(key, self[key]) for key in self]

    def iteritems(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, last value) pairs."""
        yield from self.items()

    def lists(self) -> list[tuple[str, list[Any]]]:
        """Return (key, list) pairs."""
        return [(key, super(MultiValueDict, self).__getitem__(key)) for key in self]

    def iterlists(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield (key, list) pairs."""
        yield from self.lists()

    def values(self) -> Any:
        """Return the last value of each key."""
        return [self[key] for key in self]

    def itervalues(self) -> Iterator[Any]:
        """Yield the last value of each key."""
        yield from self.values()

    def copy(self) -> MultiValueDict:
        """Return a copy with lists of its own."""
        return copy.copy(self)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add values to the lists, rather than replace them."""
        if len(args) > 1:
            raise TypeError(f"update expected at most 1 arguments, got {len(args)}")
        for given in (*args, kwargs):
            if isinstance(given, MultiValueDict):
                for key, values in given.lists():
                    self.setlistdefault(key).extend(values)
            elif hasattr(given, "items"):
                for key, value in given.items():
                    self.appendlist(key, value)
            else:
                raise ValueError("MultiValueDict.update() takes a MultiValueDict or dictionary")

    def dict(self) -> Any:
        """Return a plain dictionary of the last values."""
        return {key: self[key] for key in self}
