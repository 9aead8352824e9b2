"""The collections of a program's features: which streams they are, and how they are read.

A read is a request to the stream's own path, with the headers of the caller, dispatched as any
other. So access rules, rate limit, hooks and private fields are those of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from brubeck.description.served import Descriptions
from brubeck.dispatch import RoutedProgram, dispatch
from brubeck.http import Headers, Problem, Request, Response
from brubeck.storage.ids import is_id
from brubeck.streams import StreamHandler
from brubeck.streams.cursors import url
from brubeck.streams.filters import BBOX, BoxFilter
from brubeck.streams.geojson import MEDIA_TYPE
from brubeck.streams.spec import JSON, StreamSpec

_OF_THE_CALL: Final = (
    *("accept-encoding", "range", "if-match", "if-none-match", "if-modified-since"),
    *("if-unmodified-since", "if-range", "content-type", "content-length", "transfer-encoding"),
)
"""The headers that are about the request to the features, and not about the one to the stream."""
_REFUSALS: Final = frozenset((401, 403, 404, 405, 406, 410))
"""The statuses of a stream that is not there for a caller."""


class FeatureProgram(RoutedProgram, Protocol):
    """A program with streams; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]
    descriptions: Descriptions


def collections_of(program: FeatureProgram) -> Iterator[tuple[str, StreamSpec]]:
    """Yield the id and the spec of each stream that is a collection of features.

    Those are the streams with ``bbox`` among their filters, but for partitions: of these there may
    be as many as anybody can think of.
    """
    for each in program.streams:
        spec = each.spec
        box = spec.parameters.filters.get(BBOX)
        if isinstance(box, BoxFilter) and not spec.path.partition:
            yield spec.path.template.strip("/").replace("/", ":"), spec


def collection_of(program: FeatureProgram, name: str) -> StreamSpec:
    """Return the spec of a collection; a `Problem` (404) where there is none of the name."""
    for known, spec in collections_of(program):
        if known == name:
            return spec
    raise Problem(404, f"There is no collection {name[:160]}.")


def visible(program: FeatureProgram, request: Request) -> Iterator[tuple[str, StreamSpec]]:
    """Yield the collections that the caller may read: each stream is asked for one item.

    Raises a `Refused` where a stream cannot say so now: a list without it would look whole.
    """
    for name, spec in collections_of(program):
        answer = read(program, request, spec.path.template, [("limit", "1")])
        if answer.status in _REFUSALS:
            continue
        if answer.status != 200:
            raise Refused(answer)
        yield name, spec


class Refused(Exception):
    """The answer of a stream that is passed on as it is."""

    def __init__(self, answer: Response) -> None:
        super().__init__(f"{answer.status}")
        self.answer = answer


def read(
    program: FeatureProgram,
    request: Request,
    path: str,
    pairs: list[tuple[str, str]],
    media_type: str = MEDIA_TYPE,
) -> Response:
    """Return the answer of a stream to the caller of another request."""
    headers = request.headers.having("Accept", media_type)
    for name in _OF_THE_CALL:
        headers.pop(name, None)
    asked = request.derived("GET", url(path, pairs), headers, b"")
    asked.assign_id(request.id)
    answer = dispatch(program, asked)
    request.note_identity(asked.identity)
    return answer


def page_members(answer: Response, media_type: str) -> bytes:
    """Return the body of a stream's answer of a media type; any other is passed on (`Refused`)."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if answer.status != 200 or kind != media_type or not isinstance(answer.body, bytes):
        raise Refused(answer)
    return answer.body


class _Item(msgspec.Struct):
    data: msgspec.Raw


_read_item: Final = msgspec.json.Decoder(_Item).decode


def read_item(program: FeatureProgram, request: Request, path: str, name: str) -> Response:
    """Return the answer of a stream for one item; a `Problem` (404) for an impossible id."""
    if not is_id(name):  # it could be another resource of the stream
        raise Problem(404, f"There is no feature {name[:160]}.")
    return read(program, request, f"{path}/{name}", [], JSON)


def item_of(answer: Response) -> bytes:
    """Return the JSON of the item in a stream's answer."""
    return bytes(_read_item(page_members(answer, JSON)).data)


def headers_of(answer: Response, media_type: str) -> Headers:
    """Return the headers of a stream's answer for the features in it."""
    headers = answer.headers.copy()
    headers["Content-Type"] = media_type
    headers.pop("Link", None)
    if tag := headers.get("ETag"):
        headers["ETag"] = f'W/{tag.removeprefix("W/")[:-1]}-ogc"'  # its links depend on the host
    return headers
