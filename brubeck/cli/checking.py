"""``brubeck check``: whether the stores of an application are set up as its promises need it."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

from brubeck.cli.output import AS_JSON, print_json, print_marked
from brubeck.cli.programs import PROGRAM, load, plain_errors
from brubeck.errors import BrubeckError, ConfigError

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.storage.checking import Finding


_COLORS: Final = {"fine": "green", "note": "yellow", "wrong": "bold red"}
_OTHER_FILES: Final = 200
"""The number of files beside connections: logs, stores, libraries."""


@click.command()
@PROGRAM
@AS_JSON
def check(program: str, *, as_json: bool) -> None:
    """Check whether the stores of an application are set up as its promises require.

    Prints a line for each check: "fine"; "note" for the limits of a setting or an index that is
    not complete yet; "wrong" for an error that has to be corrected, such as a store that is down,
    a Redis that evicts keys or a disk that is full. No item is changed and no index started. The
    exit status is 1 when anything is wrong, else 0.
    """
    with plain_errors():
        application = load(program)
        found = []
        for place, finding in _findings(application):
            text = " ".join(finding.text.split())
            found.append({"grade": finding.grade, "place": place, "text": text})
            if not as_json:
                print_marked(finding.grade, f"{place}: {text}", color=_COLORS[finding.grade])
        application.close()
    if as_json:
        print_json(found)
    sys.exit(1 if any(each["grade"] == "wrong" for each in found) else 0)


def _findings(application: Brubeck) -> Iterator[tuple[str, Finding]]:
    """Yield the findings about each store, and about each stream in it."""
    from brubeck.storage.checking import wrong

    try:
        names = application.store_names
    except ConfigError as reason:
        yield "configuration", wrong(str(reason))
        return
    yield "process", _of_files(application)
    for name in names:
        try:
            for finding in _of_store(application, name):
                yield name, finding
        except BrubeckError as reason:
            yield name, wrong(str(reason))
    if any(application.stream(each).spec.schemes for each in application.streams):
        try:
            yield "accounts", _of_accounts(application)
        except BrubeckError as reason:
            yield "accounts", wrong(str(reason))
    if has_jobs(application):
        try:
            yield "jobs", _of_queue(application)
        except BrubeckError as reason:
            yield "jobs", wrong(str(reason))


def _of_files(application: Brubeck) -> Finding:
    """Return whether a process may have as many open files as it may have connections."""
    from brubeck.storage.checking import fine, note

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = application.settings.server.max_connections
    if limit != resource.RLIM_INFINITY and limit < most + _OTHER_FILES:
        return note(
            f"at most {limit} files may be open here, and server.max_connections is {most}: raise "
            f"the limit (ulimit -n, LimitNOFILE=) to {most + _OTHER_FILES}, or lower the setting"
        )
    return fine(f"{most} connections fit in the limit of open files")


def _of_accounts(application: Brubeck) -> Finding:
    """Return whether accounts outlive a process, and whether there is any."""
    from brubeck.models import StoredAccounts
    from brubeck.storage.checking import fine, note

    accounts = application.accounts
    if not isinstance(accounts, StoredAccounts):
        return fine("the program has accounts of its own")
    if not accounts.storage.shared:
        return note("they are kept in the memory of one process, and are gone when it ends")
    if not accounts.users.all():
        return note("there are no users yet; `brubeck user add` makes one")
    return fine("they are kept in a store, and there are users")


def has_jobs(application: Brubeck) -> bool:
    """Return whether an application has a queue of jobs, or a stream of them."""
    from brubeck.jobs import JobStream

    return bool(application.settings.jobs.queue) or any(
        issubclass(stream, JobStream) for stream in application.streams
    )


def _of_queue(application: Brubeck) -> Finding:
    """Return whether the queue is set up so that jobs can be sent and done."""
    return application.jobs.queue.check()


def _of_store(application: Brubeck, name: str) -> Iterator[Finding]:
    from brubeck.storage.checking import Building, Checkable, Progressing, fine

    store = application.store(name)
    if isinstance(store, Checkable):
        yield from store.check()
    else:
        yield fine(f"{len(store.streams())} streams are there; it says no more of itself")
    for stream in application.streams:
        if stream.storage == name:
            served = application.stream(stream)
            parts = [served.opened(key) for key in served.partitions()]
            building = [each for each in parts if isinstance(each, Building)]
            unfinished = dict.fromkeys(field for each in building for field in each.unfinished())
            known = [each.progress() for each in building if isinstance(each, Progressing)]
            if building:
                yield _of_indexes(stream.path, unfinished, known if unfinished else [])


def _of_indexes(path: str, unfinished: Iterable[str], known: Iterable[dict[str, float]]) -> Finding:
    """Return which indexes of a stream are built; of several partitions, the slowest counts."""
    from brubeck.storage.checking import fine, note

    fields = []
    for name in unfinished:
        parts = [each[name] for each in known if name in each]
        fields.append(f"{name} ({int(min(parts) * 100)} % built)" if parts else name)
    if not fields:
        return fine(f"{path}: every index is complete")
    return note(f"{path}: not complete yet, and answered 503: {', '.join(fields)}")
