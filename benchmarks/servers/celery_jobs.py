"""A small job for Celery: it counts itself. Acknowledged late, so that it is done at least once."""

from __future__ import annotations

import os

import redis
from celery import Celery

URL = os.environ["JOBS_REDIS"]
client = redis.Redis.from_url(URL)
app = Celery("jobs", broker=URL, backend=URL)
app.conf.task_acks_late = True


@app.task  # type: ignore[untyped-decorator]  # Celery has no types
def count(number: int) -> int:
    """Count one more."""
    client.incr("done")
    return number


def send(number: int) -> None:
    """Send a job."""
    count.delay(number)
