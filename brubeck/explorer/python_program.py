"""A page as a program: the items with its filters, read by `brubeck.client`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_OF_A_PAGE: Final = frozenset(("before", "after", "limit", "count", "total"))
"""The parameters of one page; the program reads all of them."""


def python_program(url: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Return a program that prints the items of a stream with the filters of a page.

    >>> print(python_program('http://localhost/quakes', [('network', 'ci'), ('limit', '5')]))
    from brubeck.client import Stream
    <BLANKLINE>
    with Stream('http://localhost/quakes') as stream:
        for item in stream.items(network='ci'):
            print(item)
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in _OF_A_PAGE:
            given.setdefault(name, []).append(value)
    arguments = ", ".join(
        f"{name}={values if len(values) > 1 else values[0]!r}" for name, values in given.items()
    )
    return (
        "from brubeck.client import Stream\n\n"
        f"with Stream({url!r}) as stream:\n"
        f"    for item in stream.items({arguments}):\n"
        "        print(item)"
    )
