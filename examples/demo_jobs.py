"""Longer running jobs: primes are counted, and the page shows how far they are.

brubeck run examples.demo_jobs:app

The jobs wait in memory and are done by the server itself; with a file, or a Redis, by workers:

brubeck run examples.demo_jobs:app --storage sqlite:///jobs.db
brubeck work examples.demo_jobs:app --storage sqlite:///jobs.db

open http://127.0.0.1:6767/
curl -i --json '{"below": 1000000}' localhost:6767/primes
curl localhost:6767/jobs
"""

from __future__ import annotations

from math import isqrt
from pathlib import Path

from brubeck import Brubeck, JSONMessageHandler, WebMessageHandler
from brubeck.http import Response
from brubeck.jobs import GiveUp, JobHandler, JobStream

PAGE = Path(__file__).with_suffix(".html").read_text()
STEPS = 20


class CountPrimes(JobHandler):
    """Counts the primes below a number, in steps."""

    def work(self) -> dict[str, int]:
        """Return how many there are."""
        below = self.data.get("below") if isinstance(self.data, dict) else None
        if not isinstance(below, int) or not 0 <= below <= 10_000_000:
            raise GiveUp("Primes are counted below a number of at most 10000000.")
        step = -(-below // STEPS) or 1
        found = 0
        for start in range(0, below, step):
            self.progress(start / below, f"{found} primes below {start}")
            found += count_primes(start, min(start + step, below))
        return {"below": below, "primes": found}


def count_primes(start: int, end: int) -> int:
    """Return how many primes there are from one number to another, by sieving that part."""
    prime = bytearray([1]) * (end - start)
    for each in range(start, min(2, end)):
        prime[each - start] = 0
    for divisor in range(2, isqrt(max(0, end - 1)) + 1):
        first = max(divisor * divisor, -(-start // divisor) * divisor)
        prime[first - start :: divisor] = bytes(len(range(first, end, divisor)))
    return sum(prime)


class Jobs(JobStream):
    """The jobs, at ``/jobs``, and who does them."""

    handlers = ((r"^/primes$", CountPrimes),)


class Primes(JSONMessageHandler):
    """Where the web asks for primes: the answer is 202, and where the job is."""

    def post(self) -> Response:
        """Have the primes counted."""
        return self.application.jobs.send("/primes", self.message.json())


class Page(WebMessageHandler):
    """The page."""

    def get(self) -> Response:
        """Show it."""
        self.headers["Content-Type"] = "text/html; charset=utf-8"
        self.set_body(PAGE)
        return self.render()


app = Brubeck(
    handler_tuples=[(r"^/$", Page), (r"^/primes$", Primes)],
    streams=[Jobs],
)
