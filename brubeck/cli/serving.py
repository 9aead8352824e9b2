"""``brubeck run`` and ``brubeck routes``: serving an application, and looking at it."""

from __future__ import annotations

from typing import Any

import click

from brubeck import green
from brubeck.cli.programs import PROGRAM, load, plain_errors, said


@click.command()
@PROGRAM
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
    with plain_errors():
        green.patch()
        app = load(program)
        app.configure(
            server=said(listen=listen, workers=workers, access_log=access_log or None),
            app=said(log_level=log_level),
            storage=said(default=storage),
        )
        app.run(reload=reload)


@click.command()
@PROGRAM
def routes(program: str) -> None:
    """List the routes of an application, in the order in which they are tried."""
    with plain_errors():
        from brubeck.handlers import MessageHandler, allowed_methods

        for route in load(program).router.routes:
            handler: Any = route.handler
            if isinstance(handler, type) and issubclass(handler, MessageHandler):
                methods = allowed_methods(handler)
            else:
                methods = sorted(route.methods or ["any"])
            name = getattr(handler, "__name__", repr(handler))
            click.echo(f"{route.pattern:40} {','.join(methods):40} {name}")
