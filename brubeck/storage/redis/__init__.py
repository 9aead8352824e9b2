"""``redis://``: streams in a Redis, its Sentinels' service or its cluster.

One script a write gives the position and makes it visible in the same atomic step, and one script
is a page. Items lie there as the JSON that they are, so that a page takes them as bytes. All keys
of a stream carry one hash tag: in a cluster a stream lives on one server, and streams spread.
"""

from __future__ import annotations

from brubeck.storage.redis.storage import RedisStorage

__all__ = ["RedisStorage"]
