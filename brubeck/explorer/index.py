"""The index: the streams and AutoAPIs of a program, where it has no route of its own for ``/``.

It says of a stream only facts that everybody may read anyway. One that is protected, or that a hook
or a class of the program guards, has its path and title there and no number or time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final, Protocol, cast

import msgspec

from brubeck.autoapi import AutoAPIBase
from brubeck.explorer import images
from brubeck.explorer.cells import EMPTY, Cell, time_cell
from brubeck.explorer.histogram import Sparkline
from brubeck.explorer.look import look_of
from brubeck.explorer.rendering import MEDIA_TYPE, headers_of, render
from brubeck.explorer.session import session_of
from brubeck.explorer.stream_numbers import numbers_of
from brubeck.explorer.stream_page import count_text
from brubeck.handlers import WebMessageHandler
from brubeck.handlers.program import Program
from brubeck.http import Headers, Response
from brubeck.http.conditions import matches
from brubeck.storage import Count, Unavailable
from brubeck.streams.access import GUARDS, OpenAccess, ProtectedAccess
from brubeck.streams.handler import StreamHandler
from brubeck.streams.negotiation import negotiate
from brubeck.streams.spec import JSON
from brubeck.timekeeping import millis_to_datetime

PATTERN: Final = "^/$"
_DESCRIPTIONS: Final = ("/docs", "/openapi.json", "/manifest.json")
_WRITERS: Final = {
    "anyone": "anyone writes",
    "authenticated": "known callers write",
    "owner": "owners write",
}


class IndexedProgram(Program, Protocol):
    """A program with streams and AutoAPIs; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]
    apis: list[type[AutoAPIBase]]


def serve(program: IndexedProgram) -> None:
    """Serve the index, once there is something in it, where the program has no route of its own."""
    if not (program.streams or program.apis):
        program.router.add(PATTERN, Index, fallback=True)
        program.router.add(images.PATTERN, images.Image, fallback=True)


class Known(msgspec.Struct, frozen=True):
    """The public facts of a stream: number of items, and the newest one's time, where known."""

    path: str
    title: str
    description: str
    writers: str
    href: str = ""
    count: Count | None = None
    newest: int | None = None
    sparkline: Sparkline | None = None

    def json(self) -> dict[str, object]:
        """Return the stream as a member of the JSON index; ``items`` counts them."""
        exact = None if self.count is None else self.count.exact
        return {
            "path": self.path,
            "title": self.title,
            "items": None if self.count is None else self.count.total,
            "items_exact": exact,
            "changes": f"{self.path}/changes",
            "newest": self.newest,
        }


class Index(WebMessageHandler):
    """``/``: the streams and AutoAPIs of the program."""

    def get(self) -> Response:
        """Return the index, as HTML or JSON."""
        chosen = negotiate(self.message, JSON, MEDIA_TYPE)
        program = cast("IndexedProgram", self.application)
        prefix = self.message.prefix
        streams = [_known(program, each, prefix) for each in program.streams if each.spec.explorer]
        apis = [{"path": f"{prefix}{each.path}", "title": each.__name__} for each in program.apis]
        if chosen == JSON:
            listed = {"streams": [each.json() for each in streams], "apis": apis}
            body = msgspec.json.encode(listed)
        else:
            body = self._page(program, streams, apis)
        headers = Headers({"Vary": "Accept", "Cache-Control": "no-cache"})
        headers["ETag"] = tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
        if matches(self.message.header("if-none-match"), tag):
            return Response(b"", 304, headers=headers)
        if chosen == JSON:
            headers["Content-Type"] = JSON
            return Response(body, 200, headers=headers)
        return Response(body, 200, headers=headers_of(headers, look_of(program, self.message)))

    def _page(
        self, program: IndexedProgram, streams: Sequence[Known], apis: list[dict[str, str]]
    ) -> bytes:
        root = f"{self.message.prefix}/"
        year = millis_to_datetime(program.clock.micros() // 1000).year
        described = [path for path in _DESCRIPTIONS if program.router.match(path)]
        return render(
            "index.html",
            look=look_of(program, self.message),
            icon=images.image_url(self.message.prefix, "icon"),
            session=session_of(program, self.message),
            home=root,
            root=root,
            title="Streams",
            heading="Streams",
            streams=[(each, *_texts(each, year)) for each in streams],
            apis=apis,
            described=[(path, f"{self.message.prefix}{path}") for path in described],
        )


def _texts(stream: Known, year: int) -> tuple[str, Cell]:
    """Return the number of items and the newest one's time, as a person reads them."""
    count = "" if stream.count is None else count_text(stream.count)
    return count, EMPTY if stream.newest is None else time_cell(stream.newest, year)


def _known(program: IndexedProgram, declaration: type[StreamHandler], prefix: str) -> Known:
    spec = declaration.spec
    path = f"{prefix}{spec.path.template}"
    known = Known(
        path=path,
        title=spec.title or spec.path.template,
        description=spec.description,
        writers="read-only" if spec.read_only else _WRITERS[spec.rules.write],
        href="" if spec.path.partition else path,
    )
    if not _is_public(declaration):
        return known
    with suppress(Unavailable):  # the index is there without its numbers
        found = numbers_of(program.stream(declaration))
        return msgspec.structs.replace(
            known, count=found.count, newest=found.newest, sparkline=found.sparkline
        )
    return known


def _is_public(declaration: type[StreamHandler]) -> bool:
    """Return whether everybody may read a stream, and nothing of the program decides otherwise."""
    spec = declaration.spec
    is_guarded = declaration.access not in (OpenAccess, ProtectedAccess)
    is_guarded |= declaration.collection is not None or not spec.overridden.isdisjoint(GUARDS)
    return not (is_guarded or spec.private or spec.path.partition)
