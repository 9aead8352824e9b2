"""``brubeck run``: serve an application; and the options of the command that are settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from brubeck import green
from brubeck.cli.programs import PROGRAM, load, plain_errors, said

if TYPE_CHECKING:
    from brubeck.application import Brubeck

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--listen",
        metavar="URL",
        help="A URL, or the two sockets of a Mongrel2 with a comma between them. "
        "[default: http://127.0.0.1:6767]",
    ),
    click.option("--host", help="The address alone, instead of --listen. [default: 127.0.0.1]"),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="The port alone, instead of --listen; 0 takes any free one. [default: 6767]",
    ),
    click.option(
        "--storage", metavar="URL", help="The URL of the default store. [default: memory://]"
    ),
    click.option("--workers", metavar="N", help="How many processes share the port. [default: 1]"),
    click.option(
        "--log-level",
        metavar="LEVEL",
        help="DEBUG, INFO, WARNING, ERROR or CRITICAL. [default: INFO]",
    ),
    click.option("--access-log", is_flag=True, help="Log a line for each request."),
)


def setting_options(command: F) -> F:
    """Add the options of the command line that are settings of the server."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def configure(app: Brubeck, options: Mapping[str, Any]) -> None:
    """Give an application the settings of `setting_options`; `click.UsageError` for a conflict."""
    app.configure(**sections_of(options, app))


def sections_of(
    options: Mapping[str, Any], app: Brubeck | None = None
) -> dict[str, dict[str, object]]:
    """Return the given options as sections of settings."""
    listen, host, port = options["listen"], options["host"], options["port"]
    if listen is not None and (host is not None or port is not None):
        raise click.UsageError("Give either --listen or --host and --port, not both.")
    if host is not None or port is not None:
        listen = _url(app, host, port)
    return {
        "server": said(
            listen=listen, workers=options["workers"], access_log=options["access_log"] or None
        ),
        "app": said(log_level=options["log_level"]),
        "storage": said(default=options["storage"]),
    }


def _url(app: Brubeck | None, host: str | None, port: int | None) -> str:
    """Return the configured URL with another host or port."""
    from brubeck import config

    settings = config.load(file=config.default_file()) if app is None else app.settings
    listen = settings.server.listen
    is_url = not listen.mongrel2 and not listen.address.path
    address = listen.address
    host = host or (address.host if is_url else "127.0.0.1")
    port = port if port is not None else (address.port if is_url else config.DEFAULT_PORT)
    named = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if listen.tls else 'http'}://{named}:{port}"


@click.command()
@PROGRAM
@setting_options
@click.option("--reload", is_flag=True, help="Start again whenever a file changes.")
def run(program: str, *, reload: bool, **options: Any) -> None:
    """Serve the application APP of the module MODULE until stopped.

    Every default may be changed by the program, brubeck.toml or the environment.
    """
    with plain_errors():
        green.patch()
        app = load(program)
        configure(app, options)
        app.run(reload=reload)
