"""``brubeck export``: the whole timeline of a stream in a file, NDJSON, CSV or GeoJSON."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, Final

import click

from brubeck.cli.output import AS_JSON, ShownBytes, full_output, print_json
from brubeck.cli.programs import ended_in_order, find_stream, loaded, plain_errors
from brubeck.cli.progress import Progress
from brubeck.cli.resuming import ResumableFile, behind
from brubeck.cli.targets import (
    TARGET,
    client_log,
    credentials,
    is_url,
    open_stream,
    parameters,
    stream_url,
)
from brubeck.errors import BrubeckError, ConfigError
from brubeck.plain_text import one_line

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
GEOJSON: Final = "application/geo+json"
FORMATS: Final = {".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV, ".geojson": GEOJSON}
"""The media types of imports and exports by the endings of files."""
_CHUNK: Final = 500
"""The number of a program's own items that are encoded at a time."""


@click.command()
@TARGET
@click.argument("stream")
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="The file: .ndjson, .jsonl, .csv or .geojson; - is the standard output, as NDJSON.",
)
@click.option("--resume", is_flag=True, help="Keep what is there if it breaks off, and go on.")
@AS_JSON
@credentials
def export(
    target: str,
    stream: str,
    arguments: tuple[str, ...],
    *,
    output: str,
    resume: bool,
    as_json: bool,
    user: str | None,
    token: str | None,
) -> None:
    """Write every item of a stream to a file, the oldest first.

    STREAM is the path of a stream, such as quakes or users/ella/posts. Filters, since, until and
    fields are NAME=VALUE. The file has its name only when it is complete. Of a program
    (MODULE:APP) the private fields are exported too. With --resume (NDJSON alone) an export that
    broke off is in FILE.part, and the same command goes on behind its last line.
    """
    media_type = format_of(output)
    chosen = _bounds(arguments)
    if as_json and output == "-":
        raise click.UsageError("--json reports on a file; here the standard output has the items.")
    # On a terminal the items themselves show that it goes on.
    progress = Progress("exported", quiet=output == "-" and sys.stdout.isatty())
    kept: ResumableFile | None = None
    if resume:
        if media_type != NDJSON or output == "-" or {"order", "fields", "since"} & chosen.keys():
            raise click.UsageError(
                "--resume is for whole items in a file of NDJSON, oldest first, without since."
            )
        kept = ResumableFile(output, {"target": target, "stream": stream, "chosen": chosen})
    with plain_errors(), kept.opened() if kept else _written(output) as file:
        last = kept.last if kept else None
        if last is not None:
            chosen["since"] = last.created_at
        if is_url(target):
            chunks = _from_server(stream_url(target, stream), media_type, chosen, user, token)
        else:
            chunks = _from_program(target, stream, media_type, chosen)
        if last is not None:
            chunks = behind(last, chunks)
        with progress, closing(chunks):
            for chunk in chunks:
                file.write(chunk)
                # A row of CSV may have line ends in it, so that these say little.
                progress.add(chunk.count(b"\n") if media_type == NDJSON else 0, len(chunk))
    if as_json:
        items = {"items": progress.items} if media_type == NDJSON else {}
        print_json({"file": output, "bytes": progress.bytes, **items})


def format_of(name: str) -> str:
    """Return the media type of a file by its ending; `click.UsageError` for any other."""
    if name == "-":
        return NDJSON
    found = FORMATS.get(Path(name).suffix.lower())
    if found is None:
        raise click.UsageError(f'The name of a file ends with {", ".join(FORMATS)}, not "{name}".')
    return found


def _bounds(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Return arguments as filters and bounds; a repeated one has several values."""
    found: dict[str, Any] = {}
    for name, value in parameters(arguments):
        found.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


@contextmanager
def _written(output: str) -> Iterator[IO[bytes] | ShownBytes]:
    """Open a file under a name of its own beside it, and rename it when it is complete.

    Two exports to one file are two files until then, and the last to end is the one that stays.
    """
    if output == "-":
        with full_output():
            yield ShownBytes() if sys.stdout.isatty() else sys.stdout.buffer
            sys.stdout.flush()
        return
    path, part = Path(output), Path(f"{output}.{token_hex(8)}.part")
    with ended_in_order():
        try:
            with part.open("xb") as file:
                yield file
            part.replace(path)
        except OSError as reason:
            raise BrubeckError(f"{output} cannot be written: {reason.strerror}.") from reason
        finally:
            part.unlink(missing_ok=True)


def _from_server(
    url: str, media_type: str, chosen: dict[str, Any], user: str | None, token: str | None
) -> Generator[bytes, None, None]:
    with open_stream(url, user, token) as source, client_log():
        try:
            yield from source.export(media_type, **({"order": "oldest"} | chosen))
        except ValueError as reason:
            raise click.UsageError(one_line(f"{reason}.")) from None


def _from_program(
    program: str, name: str, media_type: str, chosen: dict[str, Any]
) -> Generator[bytes, None, None]:
    from brubeck.streams import csv_rows

    if "fields" in chosen:
        raise click.UsageError("A program exports every field; fields is for servers.")
    order = chosen.pop("order", "oldest")
    if order not in ("newest", "oldest"):
        raise click.UsageError("order is newest or oldest.")

    with loaded(program) as application:
        stream, partition = find_stream(application, name)
        if media_type == GEOJSON and stream.spec.geometry is None:
            raise ConfigError(f"The items of {stream.spec.path.template} have no coordinates.")
        columns = list(stream.spec.model._fields)
        try:
            items = stream.items(partition, oldest_first=order == "oldest", **chosen)
        except (TypeError, ValueError) as reason:
            raise click.UsageError(f"{reason}") from None
        if media_type == GEOJSON:
            yield from _features(items, stream.spec.geometry)
            return
        if media_type == CSV:
            yield csv_rows.header_row(columns)
        while bodies := [each.encode() for each in islice(items, _CHUNK)]:
            if media_type == CSV:
                yield csv_rows.rows(bodies, columns)
            else:
                yield b"\n".join([*bodies, b""])


def _features(items: Iterator[Any], geometry: Any) -> Iterator[bytes]:
    """Yield a collection of features, as a server exports it."""
    from brubeck.streams import geojson

    between = geojson.BEGIN + b"\n"
    while bodies := [each.encode() for each in islice(items, _CHUNK)]:
        yield between + b",\n".join(geojson.features(bodies, geometry, bytes))
        between = b",\n"
    yield geojson.END if between == b",\n" else geojson.BEGIN + geojson.END
