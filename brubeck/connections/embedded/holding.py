"""The bytes that are held for all clients together: bodies of requests, and unread answers.

Each of them is bounded by itself, and there may be thousands of connections. A client could send
nearly all of a body and wait, keep a feed open behind one, or leave an answer unread.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from brubeck.connections.embedded.connection import Connection
from brubeck.connections.embedded.options import ServerOptions


def excess(connections: Iterable[Connection], options: ServerOptions) -> list[Connection]:
    """Return the connections to end, so that no more is held than the options allow.

    Those are the ones with the requests that began first: others are about to be answered.
    """
    in_memory, in_files = -options.max_held, -options.max_spooled
    holding = []
    for each in connections:
        if each.idle:  # as most of thousands are
            continue
        held = each.held
        if any(held):
            holding.append(each)
            in_memory, in_files = in_memory + held.in_memory, in_files + held.in_files
    found = []
    if in_memory > 0 or in_files > 0:
        for each in sorted(holding, key=attrgetter("began_at")):
            held = each.held
            if (in_memory > 0 and held.in_memory) or (in_files > 0 and held.in_files):
                in_memory, in_files = in_memory - held.in_memory, in_files - held.in_files
                found.append(each)
    return found
