"""A small job for Brubeck: it counts itself."""

from __future__ import annotations

import os

import redis

from brubeck import Brubeck
from brubeck.jobs import JobHandler, JobStream

URL = os.environ["JOBS_REDIS"]
client = redis.Redis.from_url(URL)


class Count(JobHandler):
    """Counts itself."""

    def work(self) -> int:
        """Count one more."""
        client.incr("done")
        return int(self.data)


class Jobs(JobStream):
    """The jobs."""

    handlers = ((r"^/count$", Count),)


app = Brubeck(streams=[Jobs], storage=URL)


def send(number: int) -> None:
    """Send a job."""
    app.jobs.send("/count", number)
