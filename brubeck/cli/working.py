"""``brubeck work`` and ``brubeck jobs``: having jobs done, and looking after those that failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from brubeck import green
from brubeck.cli.output import print_lines, print_text
from brubeck.cli.programs import PROGRAM, load, plain_errors, said
from brubeck.errors import ConfigError
from brubeck.timekeeping import millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck.jobs.queue import DeadLetter, JobQueue

LETTERS = click.argument("letters", nargs=-1, metavar="[LETTER]...")
ALL = click.option("--all", "every", is_flag=True, help="All of them.")


@click.command()
@PROGRAM
@click.option("--queue", help="The URL of the Redis in which jobs wait.")
@click.option("--storage", help="The URL of the default store.")
@click.option("--workers", help="How many processes do jobs.")
@click.option("--concurrency", help="How many jobs each of them does at once.")
@click.option("--log-level", help="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
def work(
    program: str,
    queue: str | None,
    storage: str | None,
    workers: str | None,
    concurrency: str | None,
    log_level: str | None,
) -> None:
    """Do the jobs of the application APP of the module MODULE until stopped.

    Jobs run in threads; with BRUBECK_GREEN=eventlet or gevent, in green ones.
    """
    with plain_errors():
        if os.environ.get("BRUBECK_GREEN"):
            green.patch()
        app = load(program)
        app.configure(
            jobs=said(queue=queue, workers=workers, concurrency=concurrency),
            app=said(log_level=log_level),
            storage=said(default=storage),
        )
        app.work()


@click.group("jobs")
def job_commands() -> None:
    """Look after the jobs of a program."""


@job_commands.command("count")
@PROGRAM
def count(program: str) -> None:
    """Count the jobs that wait, are in hand, are to be tried again, and are dead letters."""
    with _queue(program) as queue:
        depth = queue.depth()
        print_lines(f"waiting  {depth.waiting}\nin hand  {depth.in_hand}")
        print_lines(f"later    {depth.later}\ndead     {depth.dead}")


@job_commands.command("dead")
@PROGRAM
@LETTERS
def dead(program: str, letters: tuple[str, ...]) -> None:
    """List the dead letters, a line each; of those that are named, the traceback and the data."""
    with _queue(program) as queue:
        if not letters:
            for each in queue.dead():
                path = each.job.path if each.job is not None else "(no job)"
                reason = each.reason.partition("\n")[0][:100]
                print_text(f"{each.letter}  {millis_to_rfc3339(each.buried_at)}  {path}  {reason}")
        for letter in letters:
            found = queue.dead_letter(letter)
            if found is None:
                raise ConfigError(f'There is no dead letter "{letter}".')
            print_lines(f"{found.raw.decode(errors='replace')}\n{found.traceback or found.reason}")


@job_commands.command("retry")
@PROGRAM
@LETTERS
@ALL
def retry(program: str, letters: tuple[str, ...], every: bool) -> None:
    """Put dead letters back into the queue, to be tried as often as new jobs."""
    with _queue(program) as queue:
        done = 0
        for found in _chosen(queue, letters, every=every):
            if found.job is None:
                print_text(f"{found.letter} is no job, and stays where it is.", err=True)
            else:
                done += queue.revive(found)
        print_text(f"{done} put back.")


@job_commands.command("drop")
@PROGRAM
@LETTERS
@ALL
def drop(program: str, letters: tuple[str, ...], every: bool) -> None:
    """Remove dead letters for ever."""
    with _queue(program) as queue:
        done = sum(queue.forget(found) for found in _chosen(queue, letters, every=every))
        print_text(f"{done} dropped.")


@contextmanager
def _queue(program: str) -> Iterator[JobQueue]:
    with plain_errors():
        app = load(program)
        try:
            yield app.jobs.queue
        finally:
            app.close()


def _chosen(queue: JobQueue, letters: tuple[str, ...], *, every: bool) -> Iterator[DeadLetter]:
    if every == bool(letters):
        raise ConfigError("Name dead letters, as `brubeck jobs dead` lists them, or say --all.")
    if every:
        yield from list(queue.dead())
    for letter in letters:
        found = queue.dead_letter(letter)
        if found is None:
            raise ConfigError(f'There is no dead letter "{letter}".')
        yield found
