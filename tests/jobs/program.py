"""A program with jobs of every kind, which tests import and workers run."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic
from typing import Any

from brubeck import Brubeck, WebMessageHandler
from brubeck.handlers import MessageHandler
from brubeck.http import Problem, Response
from brubeck.jobs import GiveUp, JobHandler, JobStream
from brubeck.storage import Record
from tests.servers import wait_until

LONGEST = 30.0


class Add(JobHandler):
    """Adds up numbers."""

    def work(self) -> dict[str, Any]:
        """Return the sum."""
        for done, _ in enumerate(self.data["numbers"]):
            self.progress(done / len(self.data["numbers"]), f"{done} added")
        return {"sum": sum(self.data["numbers"])}


class Fail(JobHandler):
    """Fails as it is told to."""

    attempts = 3
    backoff = 0.05

    def work(self) -> str:
        """Raise what the data say, until the attempt that they say."""
        how = self.data.get("how", "error")
        if self.attempt < self.data.get("until", 100):
            if how == "give up":
                raise GiveUp("Nothing can be done.")
            if how == "problem":
                raise Problem(422, "The picture is none.")
            if how == "later":
                raise Problem(503, "The other side is away.")
            raise RuntimeError("a secret of ours")
        return f"attempt {self.attempt}"


class Kill(JobHandler):
    """Kills its worker, every time."""

    def work(self) -> None:
        """Die as if the kernel had run out of memory."""
        os.kill(os.getpid(), signal.SIGKILL)


class Wait(JobHandler):
    """Says that it has begun, and waits until a file is there."""

    def work(self) -> str:
        """Wait for ``go``."""
        with Path(self.data["begun"]).open("a") as file:
            file.write(f"{os.getpid()}\n")
        wait_until(Path(self.data["go"]).exists, seconds=LONGEST)
        self.progress(0.5, "going")
        return f"{os.getpid()}"


class Note(JobHandler):
    """Writes a line, and is done."""

    def work(self, name: str) -> str:
        """Append the name to a file, in one write."""
        with Path(self.data["file"]).open("ab", buffering=0) as file:
            file.write(f"{name}\n".encode())
        if name == self.data.get("dead"):
            raise GiveUp("It asked for it.")
        return name


class Classic(MessageHandler):
    """A handler as in 0.4, that knows nothing of jobs."""

    def post(self) -> Response:
        """Answer with a payload."""
        self.add_to_payload("heard", self.message.json())
        self.set_status(self._SUCCESS_CODE)
        return self.render()


class Odd(JobHandler):
    """Returns what JSON cannot say."""

    attempts = 1

    def work(self) -> object:
        """Return an object."""
        return object()


class Jobs(JobStream):
    """All of them."""

    handlers = (
        (r"^/add$", Add),
        (r"^/fail$", Fail),
        (r"^/kill$", Kill),
        (r"^/wait$", Wait),
        (r"^/note/(?P<name>.+)$", Note),
        (r"^/classic$", Classic),
        (r"^/odd$", Odd),
    )


class Additions(WebMessageHandler):
    """Where the web asks for sums."""

    def post(self) -> Response:
        """Have the numbers added up."""
        key = self.message.header("idempotency-key")
        return self.application.jobs.send("/add", self.message.json(), key=key)


app = Brubeck(handler_tuples=[(r"^/additions$", Additions)], streams=[Jobs])


def state_of(application: Brubeck, job_id: str, stream: type[JobStream] = Jobs) -> dict[str, Any]:
    """Return a job as its stream has it."""
    (found,) = application.stream(stream).records().get([job_id])
    return stream.model.decode_stored(found.body).to_python() if isinstance(found, Record) else {}


def elapsed(since: float) -> float:
    """Return the seconds since a moment."""
    return monotonic() - since
