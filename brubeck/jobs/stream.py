"""`JobStream`: jobs as a stream, to be paged and followed as any other, and their handlers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from brubeck.config.values import duration
from brubeck.errors import ConfigError
from brubeck.handlers import MessageHandler, WebMessageHandler
from brubeck.jobs.documents import Job, OwnedJob
from brubeck.jobs.handler import JobHandler
from brubeck.routing import Router, path_template
from brubeck.streams import StreamHandler
from brubeck.streams.spec import StreamSpec


class JobStream(StreamHandler):
    """A stream of jobs, and the handlers that do them, by path as requests are.

    >>> from brubeck.jobs import JobHandler
    >>> class Resize(JobHandler):
    ...     def work(self):
    ...         return {'width': self.data['width']}
    >>> class Jobs(JobStream):
    ...     handlers = [(r'^/resize$', Resize)]

    Only the program writes it. As it is, everybody may read it; a subclass that is an
    `AuthStreamHandler`, too, with ``model = OwnedJob`` and ``owned = True``, shows each caller its
    own.
    """

    model = Job
    path = "/jobs"
    read_only = True
    filters = ("id", "path", "state")
    retain = "30d"

    handlers: ClassVar[Sequence[tuple[str, type[MessageHandler]]]] = ()
    """Pairs of a pattern and a handler, such as a `JobHandler`."""
    router: ClassVar[Router]
    scheduled: ClassVar[list[tuple[str, float]]]
    """The paths of the handlers that have ``every``, with the seconds of their periods."""

    @classmethod
    def _compile(cls) -> StreamSpec:
        spec = super()._compile()
        if not issubclass(cls.model, Job):
            raise ConfigError(f"{cls.__name__}.model must be a Job.")
        if spec.path.partition:
            raise ConfigError(f"{cls.__name__}.path takes no argument: there is one queue of jobs.")
        if not cls.read_only:
            raise ConfigError(f"{cls.__name__} is read only: jobs are sent by the program.")
        cls.router, cls.scheduled = Router(), []
        for rule in cls.handlers:
            cls._add(rule)
        return spec

    @classmethod
    def _add(cls, rule: object) -> None:
        if not isinstance(rule, tuple | list) or len(rule) != 2:
            raise ConfigError(
                f"{cls.__name__}.handlers holds pairs of a pattern and a handler, not {rule!r}."
            )
        pattern, handler = rule
        does_jobs = isinstance(handler, type) and issubclass(handler, MessageHandler)
        if not does_jobs or issubclass(handler, WebMessageHandler):
            shown = getattr(handler, "__name__", repr(handler))
            raise ConfigError(
                f"{cls.__name__}.handlers: {pattern!r} leads to {shown}, which does no "
                "jobs; a JobHandler does."
            )
        cls.router.add(pattern, handler)
        if issubclass(handler, JobHandler) and handler.every is not None:
            cls.scheduled.append((cls._scheduled_path(pattern, handler), _period(handler)))

    @classmethod
    def _scheduled_path(cls, pattern: str, handler: type[JobHandler]) -> str:
        """Return the path to which the jobs of a handler with ``every`` are sent."""
        path, arguments = path_template(pattern) or ("", [])
        if not path or arguments:
            raise ConfigError(
                f"{cls.__name__}.handlers: {handler.__name__} has every, and {pattern!r} is not "
                "the pattern of one path, such as '^/report$'."
            )
        if issubclass(cls.model, OwnedJob):
            raise ConfigError(
                f"{cls.__name__}.handlers: {handler.__name__} has every, and nobody owns its jobs: "
                "put it into a stream of its own, with model = Job."
            )
        return path


def _period(handler: type[JobHandler]) -> float:
    """Return the seconds of a handler's period; `ConfigError` for what is none."""
    try:
        return duration(handler.every)
    except ValueError as reason:
        raise ConfigError(f"{handler.__name__}.every {reason}") from None
