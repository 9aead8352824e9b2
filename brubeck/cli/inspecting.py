"""``brubeck index``, ``shell`` and ``openapi``: build indexes, try things out, print the API."""

from __future__ import annotations

import code
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from brubeck.cli.output import AS_JSON, print_json, print_text
from brubeck.cli.programs import FAILURE, PROGRAM, loaded, print_own_lines

if TYPE_CHECKING:
    from brubeck.application import Brubeck


@click.command()
@PROGRAM
@AS_JSON
def index(program: str, *, as_json: bool) -> None:
    """Build the indexes that the streams declare and lack, and wait until they are complete.

    Run it before a new version of a program is rolled out, so that no filter is answered with 503
    meanwhile. The old version may go on running.
    """
    from brubeck.storage.indexing import IndexedRecordStream

    say = _nothing if as_json else print_text
    built: list[dict[str, Any]] = []
    with loaded(program) as application:
        for declaration in application.streams:
            stream = application.stream(declaration)
            for partition in stream.partitions():
                records = stream.opened(partition)
                path = stream.spec.path.at(partition)
                names = records.unfinished() if isinstance(records, IndexedRecordStream) else ()
                began = time.monotonic()
                if isinstance(records, IndexedRecordStream) and names:
                    say(f"{path}: building {', '.join(names)}")
                    records.build_indexes()
                    say(f"{path}: complete after {time.monotonic() - began:.1f} s")
                else:
                    say(f"{path}: every index is complete")
                seconds = round(time.monotonic() - began, 3)
                built.append({"stream": path, "built": list(names), "seconds": seconds})
    if as_json:
        print_json(built)


def _nothing(_text: str) -> None:
    """Take a text, and print none: the report is JSON."""


@click.command()
@PROGRAM
def shell(program: str) -> None:
    """Start a Python shell with the application as `app` and each stream by its name.

    The stream /quakes of the class Quakes is `quakes`: quakes.items(), quakes.insert({…}). Without
    a terminal the standard input is run.
    """
    with loaded(program) as application:
        names = namespace(application)
        if not sys.stdin.isatty():
            _run(sys.stdin.read(), names)
            return
        shown = ", ".join(name for name in names if not name.startswith("_"))
        code.interact(f"Brubeck's names: {shown}", local=names, exitmsg="")


def _run(source: str, names: dict[str, Any]) -> None:
    """Run the standard input; an error of it is shown by its own lines."""
    try:
        exec(compile(source, "<stdin>", "exec"), names)  # noqa: S102, the user's own
    except Exception as reason:  # noqa: BLE001, whatever the user's lines raise
        print_own_lines(reason)
        sys.exit(FAILURE)


def namespace(application: Brubeck) -> dict[str, Any]:
    """Return the names of a shell: ``app``, and classes and streams by their names.

    A stream's name is that of its class in lower case, with underscores between the words.
    """
    names: dict[str, Any] = {"__name__": "__console__", "app": application}
    for declaration in application.streams:
        name = declaration.__name__
        names[name] = declaration
        names[re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()] = application.stream(
            declaration
        )
        names[declaration.spec.model.__name__] = declaration.spec.model
    return names


@click.command()
@PROGRAM
def openapi(program: str) -> None:
    """Print the OpenAPI description of an application, as /openapi.json serves it."""
    with loaded(program) as application:
        body = application.descriptions.openapi.body
    print_json(msgspec.json.decode(body))
