"""The steps of an operation: everything a client does to the world, as values.

Operations are generators: they yield a step, and are sent its outcome. They do no I/O, so that the
two faces of the client share all of them: `connection` performs the steps with threads,
`async_connection` with coroutines.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server: ``url`` is absolute, without credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the names of headers are lower case; the body of an open feed is still to come.

    ``has_end`` says whether a body that breaks off differs from a whole one: it does unless it
    ends with the connection, as over HTTP/1.0.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    has_end: bool = True

    @property
    def media_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without an answer, or a feed that broke; ``silent`` when its time ran out."""

    reason: str
    error: Exception | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and read the whole answer within so many seconds: `Reply` or `Failure`."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request, and leave an answer of a media type open: `Reply` or `Failure`.

    ``silence`` is how many seconds may pass without a byte. Any other answer is read to its end.
    """

    request: Request
    silence: float
    media_type: str = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Read:
    """Read more of the open answer: bytes, which are empty at its end, or a `Failure`."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Hand a value to the user."""

    value: T


Step = Send | Open | Read | Pause | Emit[Any]
Steps = Generator[Step, Any, T]


def collect(steps: Steps[T], receive: Callable[[Any], object]) -> Steps[T]:
    """Return steps without their `Emit`: each emitted value goes to ``receive``."""
    outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        if isinstance(step, Emit):
            receive(step.value)
            outcome = None
        else:
            outcome = yield step
