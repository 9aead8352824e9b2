"""Jobs that fail oddly, and how to wait for their end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from brubeck import Brubeck
from brubeck.jobs import GiveUp, JobHandler, JobStream
from tests.jobs.program import Jobs, state_of
from tests.servers import wait_until

LEASE = 2.0


class Exit(JobHandler):
    """Ends as a program does."""

    attempts = 1

    def work(self) -> None:
        """Leave."""
        sys.exit("a secret of ours")


class Broken(JobHandler):
    """Cannot even be made."""

    attempts = 1

    def initialize(self) -> None:
        """Fail."""
        raise RuntimeError("a secret of ours")


class Strange(JobHandler):
    """Does what cannot be written down."""

    attempts = 2
    backoff = 0.01
    begun: ClassVar[list[str]] = []

    def work(self) -> Any:
        """Do what the data say."""
        Strange.begun.append(self.job_id)
        how = self.data
        if how == "note":
            self.progress(0.5, "a\0b")
        if how == "part":
            self.progress(float("nan"))
        if how == "name":
            raise OSError(1, "no such file \udcff")
        if how == "give up":
            raise GiveUp("no such file \udcff \0")
        return {"large": "x" * (1 << 20), "nul": "\0", "deep": [[]] * 2}.get(how, how)


class Around(JobHandler):
    """Has something done to the program while it works."""

    meddle: ClassVar[Callable[[JobHandler], object]] = id
    begun: ClassVar[list[str]] = []

    def work(self) -> str:
        """Have it done."""
        Around.begun.append(self.job_id)
        Around.meddle(self)
        self.progress(0.5, "half")
        return "done"


class Troubled(JobStream):
    """All of them."""

    handlers = (
        *Jobs.handlers,
        (r"^/exit$", Exit),
        (r"^/broken$", Broken),
        (r"^/strange$", Strange),
        (r"^/around$", Around),
        (r"^/name/.+$", Strange),
    )


def ended(app: Brubeck, job_id: str) -> dict[str, Any]:
    """Wait until a job is done or a dead letter, and return it."""

    def is_over() -> bool:
        depth = app.jobs.queue.depth()
        state = state_of(app, job_id, Troubled).get("state")
        return state in ("done", "failed") and not (depth.waiting or depth.in_hand or depth.later)

    wait_until(is_over, what=f"{state_of(app, job_id, Troubled)}")
    return state_of(app, job_id, Troubled)
