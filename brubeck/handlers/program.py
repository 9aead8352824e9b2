"""`Program`: the parts of the application that handlers use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from brubeck.auth import Accounts
from brubeck.auth.caller import Caller
from brubeck.config import Settings
from brubeck.http.response import Response
from brubeck.routing import Router
from brubeck.storage import Storage
from brubeck.timekeeping import Clock


class JobSender(Protocol):
    """The jobs of a program, as far as sending goes; see `brubeck.jobs.Jobs`."""

    def send(
        self,
        path: str,
        data: Any = None,
        *,
        key: str | None = None,
        owner: Caller | None = None,
        delay: str | float | timedelta | None = None,
        at: str | int | datetime | None = None,
    ) -> Response:
        """Send a job to the handler of a path; return the answer to a request that asks for it."""

    def cancel(self, job_id: str, *, owner: Caller | None = None) -> Response:
        """Cancel a job that waits; return its state as the answer to a request."""


class Program(Protocol):
    """The application that a handler belongs to; it is a `Brubeck`."""

    clock: Clock
    db_conn: Any
    router: Router

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    @property
    def accounts(self) -> Accounts:
        """The provider of the accounts."""

    @property
    def cookie_keys(self) -> Sequence[str]:
        """The keys of signed cookies; the first one signs, all of them verify."""

    @property
    def login_url(self) -> str:
        """The URL of the login page."""

    @property
    def jobs(self) -> JobSender:
        """The jobs of the program."""

    def store(self, name: str = "default") -> Storage:
        """Return the store of a name."""

    def stream(self, declaration: Any, /) -> Any:
        """Return a declared stream as the application keeps it; see `Brubeck.stream`."""

    @property
    def template_env(self) -> Any:
        """The environment of the template engine."""

    def render_template(self, template_file: str, /, **context: Any) -> str:
        """Return a page: a template rendered with a context."""
