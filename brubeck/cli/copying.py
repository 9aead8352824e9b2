"""``brubeck copy``: the streams of a program from its storage to another, while writes go on."""

from __future__ import annotations

import signal
from types import FrameType
from typing import TYPE_CHECKING

import click
import msgspec

from brubeck.cli.output import AS_JSON, print_json, print_table, print_text
from brubeck.cli.programs import PROGRAM, loaded
from brubeck.errors import ConfigError

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.storage import Storage
    from brubeck.streams.local import LocalStream

DIFFERENT = 1


@click.command("copy")
@PROGRAM
@click.argument("target", metavar="TO")
@click.option("--from", "source", help="The URL of the store to copy; by default the program's.")
@click.option("--stream", "chosen", multiple=True, help="Only the stream at this path.")
@click.option("--follow", is_flag=True, help="Go on copying changes until Ctrl-C, then compare.")
@AS_JSON
def copy_command(
    program: str,
    target: str,
    source: str | None,
    chosen: tuple[str, ...],
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Copy the streams of a program to the store of the URL TO, and compare both.

    Writes may go on: changes are followed until there are none, with --follow until Ctrl-C. Ids,
    times and items are the same; readers of the original start over (410), since positions are
    not. A copy that was interrupted is begun again, and writes only what differs. The exit status
    is 1 where something differs at the end.
    """
    from brubeck.documents.copying import Copier

    with loaded(program) as application:
        if source is not None:
            application.configure(storage={"default": source})
        streams = _streams(application, chosen, target)
        store = _opened(target, application)
        stop = _Stop()
        if follow:
            signal.signal(signal.SIGINT, stop)
        rows: list[dict[str, object]] = []
        try:
            for stream in streams:
                for partition in stream.partitions():
                    name = stream.spec.path.stream(partition)
                    copy = store.records(name, stream.spec.schema)
                    path = stream.spec.path.at(partition)
                    if follow and not as_json:
                        print_text(f"{path}: following until Ctrl-C", err=True)
                    more = (lambda: not stop.is_set) if follow else (lambda: False)
                    state = Copier(stream.opened(partition), copy).run(more)
                    rows.append({"stream": path, **msgspec.to_builtins(state)})
        finally:
            store.close()
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("STREAM", "ITEMS", "CHANGES", "DIFFERENT"),
            [tuple(str(value) for value in row.values()) for row in rows],
        )
    if any(row["different"] for row in rows):
        print_text("brubeck: The copy differs; copy again, best without writers.", err=True)
        raise SystemExit(DIFFERENT)


def _streams(application: Brubeck, chosen: tuple[str, ...], target: str) -> list[LocalStream]:
    """Return the chosen streams, by default all; `ConfigError` for a wrong path or target."""
    streams = [application.stream(each) for each in application.streams]
    paths = [each.spec.path.template for each in streams]
    for path in chosen:
        if path not in paths:
            raise ConfigError(f"There is no stream at {path}; there are {', '.join(paths)}.")
    streams = [each for each in streams if not chosen or each.spec.path.template in chosen]
    for stream in streams:
        if target == application.settings.storage.get(stream.spec.storage):
            raise ConfigError(f"{stream.spec.path.template} is in that store; name another.")
    return streams


def _opened(target: str, application: Brubeck) -> Storage:
    """Open the store of a copy; `ConfigError` for one that would be lost."""
    from brubeck.storage import open_storage

    if target.startswith("memory:"):
        raise ConfigError("A copy in memory would end with this command; name another store.")
    return open_storage(target, clock=application.clock)


class _Stop:
    """The wish to stop, of Ctrl-C; a second one ends the command at once."""

    def __init__(self) -> None:
        self.is_set = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_set:
            raise KeyboardInterrupt
        self.is_set = True
