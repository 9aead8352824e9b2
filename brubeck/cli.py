"""The command ``brubeck``: run a program, and look at it.

Nothing heavy is imported before the engine has patched the standard library, and nothing that a
user can cause ends in a traceback, but for mistakes in the user's own code.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brubeck import __version__, green
from brubeck.errors import BrubeckError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from brubeck.application import Brubeck

_PROGRAM = click.argument("program", metavar="MODULE:APP")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="brubeck")
def main() -> None:
    """Run and inspect Brubeck programs."""


@main.command()
@_PROGRAM
@click.option("--listen", help="A URL, or the two sockets of a Mongrel2 with a comma between them.")
@click.option("--storage", help="The URL of the default store.")
@click.option("--workers", help="How many processes share the port.")
@click.option("--log-level", help="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
@click.option("--access-log", is_flag=True, help="Log a line for each request.")
@click.option("--reload", is_flag=True, help="Start again whenever a file changes.")
def run(
    program: str,
    listen: str | None,
    storage: str | None,
    workers: str | None,
    log_level: str | None,
    access_log: bool,
    reload: bool,
) -> None:
    """Serve the application APP of the module MODULE until stopped."""
    with _plain_errors():
        green.patch()
        app = load(program)
        app.configure(
            server=_said(listen=listen, workers=workers, access_log=access_log or None),
            app=_said(log_level=log_level),
            storage=_said(default=storage),
        )
        app.run(reload=reload)


@main.command()
@_PROGRAM
def routes(program: str) -> None:
    """List the routes of an application, in the order in which they are tried."""
    with _plain_errors():
        from brubeck.handlers import MessageHandler, allowed_methods

        for route in load(program).router.routes:
            handler: Any = route.handler
            if isinstance(handler, type) and issubclass(handler, MessageHandler):
                methods = allowed_methods(handler)
            else:
                methods = sorted(route.methods or ["any"])
            name = getattr(handler, "__name__", repr(handler))
            click.echo(f"{route.pattern:40} {','.join(methods):40} {name}")


@main.group("storage")
def storages() -> None:
    """Look after the stores of an application."""


@storages.command("new-era")
@_PROGRAM
@click.option("--store", default="default", help="The name of the store.")
def new_era(program: str, store: str) -> None:
    """Say that a store was restored: whoever follows its streams starts over.

    To be said before a restored backup is served. The changes that readers have seen since it was
    made are not in it, and they could not find that out by themselves.
    """
    with _plain_errors():
        application = load(program)
        era = application.store(store).new_era()
        application.close()
        click.echo(f'The store "{store}" begins the era {era}.')


@storages.command("sweep")
@_PROGRAM
def sweep(program: str) -> None:
    """Let items leave their streams as these retain them, and forget old deletions.

    A program that runs by itself does so every minute; this is for one behind another server.
    """
    with _plain_errors():
        application = load(program)
        for stream in application.streams:
            swept = application.sweeper.sweep(stream)
            click.echo(f"{stream.path:40} {swept.items} items, {swept.deletions} deletions")
        application.close()


def load(program: str) -> Brubeck:
    """Return the application that ``module:app`` names; `ConfigError` when there is none."""
    module_name, _, name = program.partition(":")
    parts = module_name.split(".")
    if parts[-1] == "py" or not all(part.isidentifier() for part in parts):
        raise ConfigError(f'Name the program as module:app, such as quakes:app, not "{program}".')
    from brubeck.application import Brubeck

    sys.path.insert(0, str(Path.cwd()))
    Brubeck.being_loaded = True
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as reason:
        if reason.name is None or not f"{module_name}.".startswith(f"{reason.name}."):
            raise
        raise ConfigError(f'There is no module "{reason.name}" here or installed.') from reason
    finally:
        Brubeck.being_loaded = False
    found = getattr(module, name or "app", None)
    if not isinstance(found, Brubeck):
        apps = [each for each, value in vars(module).items() if isinstance(value, Brubeck)]
        hint = did_you_mean(name or "app", apps) or " It has none at all."
        raise ConfigError(f'"{module_name}" has no application "{name or "app"}".{hint}')
    return found


def _said(**options: object) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End the command with one sentence for an error that Brubeck raises on purpose."""
    try:
        yield
    except BrubeckError as reason:
        click.echo(f"brubeck: {reason}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
