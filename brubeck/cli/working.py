"""``brubeck work`` and ``brubeck jobs``: having jobs done, and looking after those that failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from brubeck import green
from brubeck.cli.output import AS_JSON, print_json, print_line, print_lines, print_text, report
from brubeck.cli.programs import PROGRAM, load, plain_errors, said
from brubeck.errors import ConfigError
from brubeck.http import Problem
from brubeck.timekeeping import millis_to_rfc3339

if TYPE_CHECKING:
    from brubeck import Brubeck
    from brubeck.jobs.queue import DeadLetter, JobQueue

LETTERS = click.argument("letters", nargs=-1, metavar="[LETTER]...")
ALL = click.option("--all", "every", is_flag=True, help="All of them.")


@click.command()
@PROGRAM
@click.option("--queue", metavar="URL", help="The URL of the Redis or SQLite file of jobs.")
@click.option("--storage", metavar="URL", help="The URL of the default store. [default: memory://]")
@click.option("--workers", metavar="N", help="How many processes do jobs. [default: 1]")
@click.option(
    "--concurrency", metavar="N", help="How many jobs each of them does at once. [default: 10]"
)
@click.option(
    "--log-level",
    metavar="LEVEL",
    help="DEBUG, INFO, WARNING, ERROR or CRITICAL. [default: INFO]",
)
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
@AS_JSON
def count(program: str, *, as_json: bool) -> None:
    """Count the jobs that wait, are in hand, are to be tried again, and are dead letters."""
    with _jobs_of(program) as app:
        depth = app.jobs.queue.depth()
    if as_json:
        print_json(msgspec.to_builtins(depth))
    else:
        print_lines(f"waiting  {depth.waiting}\nin hand  {depth.in_hand}")
        print_lines(f"later    {depth.later}\ndead     {depth.dead}")


@job_commands.command("dead")
@PROGRAM
@LETTERS
@AS_JSON
def dead(program: str, letters: tuple[str, ...], *, as_json: bool) -> None:
    """List the dead letters, a line each; of those that are named, the traceback and the data.

    With --json each is a line with all of it.
    """
    with _jobs_of(program) as app:
        queue = app.jobs.queue
        if as_json:
            for each in list(_chosen(queue, letters, every=not letters)):
                print_line(_shown(each))
            return
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
@AS_JSON
def retry(program: str, letters: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Put dead letters back into the queue, to be tried as often as new jobs."""
    with _jobs_of(program) as app:
        queue, done = app.jobs.queue, 0
        for found in _chosen(queue, letters, every=every):
            if found.job is None:
                print_text(f"{found.letter} is no job, and stays where it is.", err=True)
            else:
                done += queue.revive(found)
        report({"retried": done}, f"{done} put back.", as_json=as_json)


@job_commands.command("drop")
@PROGRAM
@LETTERS
@ALL
@AS_JSON
def drop(program: str, letters: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Remove dead letters for ever."""
    with _jobs_of(program) as app:
        queue = app.jobs.queue
        done = sum(queue.forget(found) for found in _chosen(queue, letters, every=every))
        report({"dropped": done}, f"{done} dropped.", as_json=as_json)


@job_commands.command("cancel")
@PROGRAM
@click.argument("jobs", nargs=-1, metavar="ID...", required=True)
@AS_JSON
def cancel(program: str, jobs: tuple[str, ...], *, as_json: bool) -> None:
    """Cancel jobs that wait, or are to be done or tried again later."""
    with _jobs_of(program) as app:
        for job in jobs:
            try:
                app.jobs.cancel(job)
            except Problem as reason:
                raise ConfigError(f"{job}: {reason.detail}") from None
        report({"cancelled": len(jobs)}, f"{len(jobs)} cancelled.", as_json=as_json)


@contextmanager
def _jobs_of(program: str) -> Iterator[Brubeck]:
    """Load a program with jobs that this process can see."""
    with plain_errors():
        app = load(program)
        try:
            if not app.jobs.is_shared:
                raise ConfigError(
                    "The jobs wait in the memory of the process that serves, which no other sees: "
                    'set jobs.queue = "sqlite:///jobs.db" or "redis://…".'
                )
            yield app
        finally:
            app.close()


def _shown(found: DeadLetter) -> dict[str, Any]:
    """Return a dead letter for JSON."""
    return {
        "letter": found.letter,
        "buried_at": millis_to_rfc3339(found.buried_at),
        "path": found.job.path if found.job is not None else None,
        "reason": found.reason,
        "traceback": found.traceback,
        "data": found.raw.decode(errors="replace"),
    }


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
