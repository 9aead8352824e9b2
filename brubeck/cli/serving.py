"""``brubeck run``: serve an application; and the options of the command that are settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from brubeck import green
from brubeck.cli.programs import PROGRAM, load, plain_errors, said

if TYPE_CHECKING:
    from brubeck.application import Brubeck

F = TypeVar("F", bound=Callable[..., Any])
_ADDRESS = (
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
)
_OPTIONS = (
    *_ADDRESS,
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
    return _with(_OPTIONS, command)


def address_options(command: F) -> F:
    """Add the options of the address alone."""
    return _with(_ADDRESS, command)


def _with(options: Sequence[Callable[[F], F]], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def configure(app: Brubeck, options: Mapping[str, Any]) -> None:
    """Give an application the settings of `setting_options`; `click.UsageError` for a conflict."""
    app.configure(**sections_of(options, app))


def sections_of(
    options: Mapping[str, Any], app: Brubeck | None = None
) -> dict[str, dict[str, object]]:
    """Return the given options as sections of settings."""
    return {
        "server": said(
            listen=listen_of(options, app),
            workers=options["workers"],
            access_log=options["access_log"] or None,
        ),
        "app": said(log_level=options["log_level"]),
        "storage": said(default=options["storage"]),
    }


def listen_of(options: Mapping[str, Any], app: Brubeck | None) -> str | None:
    """Return the URL that `address_options` name, None without any; ``app`` has its defaults."""
    listen, host, port = options["listen"], options["host"], options["port"]
    if host is None and port is None:
        return str(listen) if listen is not None else None
    if listen is not None:
        raise click.UsageError("Give either --listen or --host and --port, not both.")
    return _url(app, host, port)


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
