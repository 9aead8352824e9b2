"""A small job for RQ: it counts itself."""

from __future__ import annotations

import os

import redis
from rq import Queue

URL = os.environ["JOBS_REDIS"]
client = redis.Redis.from_url(URL)
queue = Queue(connection=client)


def count(number: int) -> int:
    """Count one more."""
    client.incr("done")
    return number


def send(number: int) -> None:
    """Send a job."""
    queue.enqueue(count, number)
