"""The targets of commands that read and write: the URL of a server, or a program itself.

Both answer requests: a server over HTTP, a program in this process as `brubeck.testing` asks it. So
a command sees the same pages, filters, permissions and errors, wherever they come from.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from brubeck.cli.output import print_text
from brubeck.cli.programs import load, plain_errors

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.client import Stream

F = TypeVar("F", bound=Callable[..., Any])
Pairs = list[tuple[str, str]]

TARGET = click.argument("target", metavar="URL|MODULE:APP")
FILTERS = click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)


def credentials(command: F) -> F:
    """Add the options ``--user`` and ``--token`` to a command."""
    user = click.option(
        "--user",
        metavar="NAME:PASSWORD",
        envvar="BRUBECK_USER",
        help="The user; without a password it is asked for. [env var: BRUBECK_USER]",
    )
    token = click.option(
        "--token",
        envvar="BRUBECK_TOKEN",
        help="The token, instead of a user. [env var: BRUBECK_TOKEN]",
    )
    return user(token(command))


def is_url(target: str) -> bool:
    """Return whether a target is the URL of a server."""
    return _URL.match(target) is not None


def parameters(arguments: tuple[str, ...]) -> Pairs:
    """Return arguments such as ``magnitude__gte=5`` as pairs; `click.UsageError` for others."""
    for each in arguments:
        if not _PARAMETER.match(each):
            raise click.UsageError(f'A filter is NAME=VALUE, such as network=ci, not "{each}".')
    return [(name, value) for name, _, value in (each.partition("=") for each in arguments)]


def filters(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return arguments as the filters of `brubeck.client`; a repeated one has several values.

    `click.UsageError` for a parameter of pages, such as ``limit``; ``fields`` is none of them.
    """
    from brubeck.client.query import PAGE_PARAMETERS

    found: dict[str, Any] = {}
    for name, value in parameters(arguments):
        if name in PAGE_PARAMETERS - {"fields"}:
            raise click.UsageError(f"{name} is not taken here; give filters and fields alone.")
        found.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def auth_of(user: str | None, token: str | None) -> Any:
    """Return the ``auth`` of `brubeck.client`; `click.UsageError` for two of them."""
    from brubeck.client import Bearer

    if user is not None and token is not None:
        raise click.UsageError("Give either --user or --token, not both.")
    if token is not None:
        return Bearer(token)
    if user is None:
        return None
    name, colon, password = user.partition(":")
    return name, password if colon else click.prompt("Password", hide_input=True, err=True)


def stream_url(base: str, stream: str) -> str:
    """Return the URL of a stream of a server."""
    return f"{base.rstrip('/')}/{stream.strip('/')}"


def open_stream(url: str, user: str | None, token: str | None, **options: Any) -> Stream:
    """Return the client of a stream; `click.UsageError` for a URL that cannot be one."""
    from brubeck.client import Stream

    try:
        return Stream(url, auth=auth_of(user, token), **options)
    except ValueError as reason:
        raise click.UsageError(f"{reason}.") from None


@contextmanager
def client_log() -> Iterator[None]:
    """Print the client's messages on lost connections, which it waits for, as standard errors."""
    handler = _Lines()
    log = logging.getLogger("brubeck.client")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)


class _Lines(logging.Handler):
    """Records as lines of the standard error, above a progress."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        print_text(f"brubeck: {record.getMessage()}", err=True)


class Target(ABC):
    """A server or a program that answers requests for JSON."""

    @abstractmethod
    def get(self, path: str, pairs: Pairs) -> dict[str, Any]:
        """Return the JSON object at a path; raises a `ClientError`."""


class _Server(Target):
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def get(self, path: str, pairs: Pairs) -> dict[str, Any]:
        return self._stream.fetch(path, pairs)


class _Program(Target):
    def __init__(self, application: Brubeck, headers: dict[str, str]) -> None:
        from brubeck.testing import Client

        self._client = Client(application, headers)

    def get(self, path: str, pairs: Pairs) -> dict[str, Any]:
        from brubeck.client.answers import json_of
        from brubeck.client.steps import Reply

        found = self._client.get(path or "/", params=list(pairs))
        headers = {name.lower(): value for name, value in found.headers.items()}
        return json_of(Reply(found.status, headers, found.body))


@contextmanager
def opened(target: str, user: str | None, token: str | None) -> Iterator[Target]:
    """Open a target, report errors in one sentence, and close it at the end."""
    with plain_errors():
        if is_url(target):
            with open_stream(target, user, token) as stream, client_log():
                yield _Server(stream)
            return
        headers = _headers(auth_of(user, token))
        application = load(target)
        try:
            yield _Program(application, headers)
        finally:
            application.close()


def _headers(auth: Any) -> dict[str, str]:
    """Return the header of credentials."""
    from base64 import b64encode

    from brubeck.client import Bearer

    if auth is None:
        return {}
    if isinstance(auth, Bearer):
        return {"Authorization": f"Bearer {auth.token}"}
    return {"Authorization": f"Basic {b64encode(':'.join(auth).encode()).decode()}"}
