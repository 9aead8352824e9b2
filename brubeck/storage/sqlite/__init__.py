"""``sqlite:///path``: streams in one file, shared by the processes of one machine.

One table has a row for each item, and indexes give the two orders; a write transaction gives the
position, so positions become visible in their order. Bodies are JSON texts, so that any tool for
SQLite can ask them.
"""

from __future__ import annotations

from brubeck.storage.sqlite.storage import SQLiteStorage

__all__ = ["SQLiteStorage"]
