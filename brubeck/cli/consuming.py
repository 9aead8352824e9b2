"""``brubeck consumers``: looking after the changes that a consumer could not be given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from brubeck.cli.output import AS_JSON, print_line, print_lines, print_text, report
from brubeck.cli.programs import FAILURE, PROGRAM, loaded
from brubeck.errors import ConfigError
from brubeck.timekeeping import millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.consumers.letters import Followed
    from brubeck.consumers.track import DeadLetter

LETTERS = click.argument("letters", nargs=-1, metavar="[LETTER]...")
ALL = click.option("--all", "every", is_flag=True, help="All of them.")


@click.group("consumers")
def consumer_commands() -> None:
    """Look after the dead letters of a program's consumers; `brubeck stats` counts them."""


@consumer_commands.command("dead")
@PROGRAM
@LETTERS
@AS_JSON
def dead(program: str, letters: tuple[str, ...], *, as_json: bool) -> None:
    """List the dead letters, a line each; of those that are named, the traceback.

    With --json each is a line with all of it.
    """
    with loaded(program) as application:
        for _, letter in _chosen(application, letters, every=not letters):
            if as_json:
                print_line(msgspec.to_builtins(letter))
                continue
            at = millis_to_rfc3339(letter.at)
            print_text(f"{letter.id}  {at}  {letter.op} {letter.key}  {letter.reason[:100]}")
            if letters:
                print_lines(letter.traceback)


@consumer_commands.command("retry")
@PROGRAM
@LETTERS
@ALL
@AS_JSON
def retry(program: str, letters: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Give changes to their consumer once more, with the items as they are now.

    One that fails stays a dead letter, and the exit status is 1.
    """
    from brubeck.consumers.letters import deliver_again

    done = failed = 0
    with loaded(program) as application:
        for place, letter in list(_chosen(application, letters, every=every)):
            try:
                deliver_again(application, place, letter)
            except Exception as reason:  # noqa: BLE001, whatever the consumer raises
                failed += 1
                print_text(f"{letter.id} failed: {type(reason).__name__}: {reason}", err=True)
            else:
                done += 1
    text = f"{done} delivered, {failed} failed."
    report({"delivered": done, "failed": failed}, text, as_json=as_json)
    if failed:
        sys.exit(FAILURE)


@consumer_commands.command("drop")
@PROGRAM
@LETTERS
@ALL
@AS_JSON
def drop(program: str, letters: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Remove dead letters for ever."""
    with loaded(program) as application:
        chosen = list(_chosen(application, letters, every=every))
        done = sum(place.track.forget(letter.id) for place, letter in chosen)
    report({"dropped": done}, f"{done} dropped.", as_json=as_json)


def _chosen(
    application: Brubeck, letters: tuple[str, ...], *, every: bool
) -> Iterator[tuple[Followed, DeadLetter]]:
    """Yield all dead letters, or those of some ids; `ConfigError` for an id that none has."""
    from brubeck.consumers.letters import followed

    if every == bool(letters):
        raise ConfigError("Name letters, as `brubeck consumers dead` lists them, or say --all.")
    missing = dict.fromkeys(letters)
    for place in followed(application):
        for letter in place.track.letters():
            if every or letter.id in missing:
                missing.pop(letter.id, None)
                yield place, letter
    for name in missing:
        raise ConfigError(f'There is no dead letter "{name}".')
