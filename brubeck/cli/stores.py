"""``brubeck storage``: looking after the stores of an application."""

from __future__ import annotations

import click

from brubeck.cli.output import print_text
from brubeck.cli.programs import PROGRAM, load, plain_errors


@click.group("storage")
def store_commands() -> None:
    """Look after the stores of an application."""


@store_commands.command("new-era")
@PROGRAM
@click.option("--store", default="default", help="The name of the store.")
def new_era(program: str, store: str) -> None:
    """Start a new era of a restored store: the followers of its streams start over.

    Run it before a restored backup is served. The changes that readers have seen since it was made
    are not in it, and they could not find that out by themselves.
    """
    with plain_errors():
        application = load(program)
        era = application.store(store).new_era()
        application.close()
        print_text(f'The store "{store}" begins the era {era}.')


@store_commands.command("sweep")
@PROGRAM
def sweep(program: str) -> None:
    """Let items leave their streams as these retain them, and forget old deletions.

    A program that runs by itself does so every minute; this is for one behind another server.
    """
    with plain_errors():
        application = load(program)
        for stream in application.streams:
            swept = application.sweeper.sweep(application.stream(stream))
            print_text(f"{stream.path:40} {swept.items} items, {swept.deletions} deletions")
        application.close()
