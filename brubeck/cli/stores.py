"""``brubeck storage``: looking after the stores of an application."""

from __future__ import annotations

import click

from brubeck.cli.output import AS_JSON, print_json, print_table, report
from brubeck.cli.programs import PROGRAM, load, plain_errors


@click.group("storage")
def store_commands() -> None:
    """Look after the stores of an application."""


@store_commands.command("new-era")
@PROGRAM
@click.option("--store", default="default", help="The name of the store.")
@AS_JSON
def new_era(program: str, store: str, *, as_json: bool) -> None:
    """Start a new era of a restored store: the followers of its streams start over.

    Run it before a restored backup is served. The changes that readers have seen since it was made
    are not in it, and they could not find that out by themselves.
    """
    with plain_errors():
        application = load(program)
        era = application.store(store).new_era()
        application.close()
        text = f'The store "{store}" begins the era {era}.'
        report({"store": store, "era": era}, text, as_json=as_json)


@store_commands.command("sweep")
@PROGRAM
@AS_JSON
def sweep(program: str, *, as_json: bool) -> None:
    """Let items leave their streams as these retain them, and forget old deletions.

    A program that runs by itself does so every minute; this is for one behind another server.
    """
    with plain_errors():
        application = load(program)
        rows = []
        for stream in application.streams:
            swept = application.sweeper.sweep(application.stream(stream))
            rows.append((stream.path, swept.items, swept.deletions))
        application.close()
    if as_json:
        names = ("stream", "items", "deletions")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(("STREAM", "ITEMS", "DELETIONS"), rows)
