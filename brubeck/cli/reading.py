"""``brubeck get`` and ``brubeck tail``: read a stream, and follow it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import click

from brubeck.cli.output import (
    AS_JSON,
    print_document_table,
    print_json,
    print_line,
    print_text,
)
from brubeck.cli.programs import INTERRUPTED, plain_errors
from brubeck.cli.targets import (
    FILTERS,
    TARGET,
    Pairs,
    Target,
    client_log,
    credentials,
    filters,
    open_stream,
    opened,
    parameters,
)
from brubeck.errors import BrubeckError
from brubeck.plain_text import one_line

if TYPE_CHECKING:
    from brubeck.client import Change

PAGE: Final = "1000"
"""The size of the pages that `--all` reads; a stream may give less."""


@click.command()
@TARGET
@click.argument("arguments", nargs=-1, metavar="[PATH] [NAME=VALUE]...")
@click.option("--all", "every", is_flag=True, help="Every page, as NDJSON: an item a line.")
@AS_JSON
@credentials
def get(
    target: str,
    arguments: tuple[str, ...],
    *,
    every: bool,
    as_json: bool,
    user: str | None,
    token: str | None,
) -> None:
    """Show a page of a stream, or an item.

    The target is a URL such as http://127.0.0.1:6767/quakes, or a program with a PATH such as
    /quakes. Filters and the other parameters of a page are NAME=VALUE: magnitude__gte=5 limit=10
    order=oldest. On a terminal it is a table, otherwise JSON.
    """
    path = arguments[0] if arguments and arguments[0].startswith("/") else ""
    pairs = parameters(arguments[1:] if path else arguments)
    with opened(target, user, token) as source:
        if every:
            for item in _all_items(source, path, pairs):
                print_line(item)
            return
        found = source.get(path, pairs)
    if as_json or not sys.stdout.isatty():
        print_json(found)
    else:
        _print_table(found)


def _all_items(source: Target, path: str, pairs: Pairs) -> Iterator[Any]:
    """Yield the items of every page; `click.UsageError` where there are no pages."""
    if not any(name in ("limit", "count") for name, _ in pairs):
        pairs = [*pairs, ("limit", PAGE)]
    from brubeck.client.circles import Circle

    circle = Circle()
    while True:
        if circle.closes(pairs):
            raise BrubeckError("The server sends a page again: this is no walk.")
        found = source.get(path, pairs)
        items, paging = found.get("data"), found.get("paging")
        if not isinstance(items, list) or not isinstance(paging, dict) or "next" not in paging:
            raise click.UsageError("--all is for the pages of a stream.")
        yield from items
        if paging["next"] is None:
            return
        try:
            pairs = parse_qsl(urlsplit(str(paging["next"])).query, keep_blank_values=True)
        except ValueError as reason:
            raise BrubeckError(f"The server sent a link that is no URL: {reason}.") from reason


def _print_table(found: dict[str, Any]) -> None:
    """Print a page or an item as a table, with the link to the next page below."""
    data = found.get("data")
    items: list[Any] = data if isinstance(data, list) else [data]
    if not items or not all(isinstance(each, dict) for each in items):
        if items:
            print_line(data)
        else:
            print_text("There are no items.")
        return
    print_document_table(items)
    if isinstance(paging := found.get("paging"), dict) and paging.get("next"):
        print_text("", err=True)
        print_text(f"Next page: {paging['next']}", err=True)


@click.command()
@click.argument("url")
@FILTERS
@click.option("--after", metavar="CURSOR", help="Begin after this cursor. [default: now]")
@click.option("--from-beginning", is_flag=True, help="Begin with the first change.")
@credentials
def tail(
    url: str,
    arguments: tuple[str, ...],
    *,
    after: str | None,
    from_beginning: bool,
    user: str | None,
    token: str | None,
) -> None:
    """Follow the stream at URL: print each change as one line of JSON, with its cursor.

    A server that goes away is waited for, and nothing is lost. Ctrl-C ends it: the last cursor is
    printed on the standard error, for --after, and the exit status is 130.
    """
    if after is not None and from_beginning:
        raise click.UsageError("Give either --after or --from-beginning, not both.")
    chosen = filters(arguments)
    with plain_errors(), open_stream(url, user, token) as stream, client_log():
        cursor = after
        try:
            if cursor is None and not from_beginning:
                cursor = next(stream.pages(limit=1, **chosen)).cursor
            for change in stream.follow(after=cursor, **chosen):
                print_line(_line(change))
                cursor = change.cursor
        except ValueError as reason:
            raise click.UsageError(one_line(f"{reason}.")) from None
        except KeyboardInterrupt:
            print_text(f"The last cursor: {cursor or 0}", err=True)
            sys.exit(INTERRUPTED)


def _line(change: Change) -> dict[str, Any]:
    line: dict[str, Any] = {"cursor": change.cursor, "op": change.op, "id": change.id}
    if change.version:
        line["version"] = change.version
    return {**line, "data": change.item}
