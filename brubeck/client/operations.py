"""The operations of a stream as steps: read a page, read and write items.

Nothing here does I/O: an operation yields steps and is sent their outcomes, see `steps`.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from brubeck.client.answers import (
    Item,
    Result,
    item_of,
    json_of,
    page_of,
    problem_of,
    results_of,
)
from brubeck.client.circles import Circle
from brubeck.client.errors import ClientError, NotFound, Problem, Unavailable
from brubeck.client.query import Pairs, checked_id, json_body, link_pairs, query_string
from brubeck.client.retries import Retries, RetryPolicy
from brubeck.client.steps import Emit, Failure, Open, Pause, Read, Reply, Request, Send, Steps

log = logging.getLogger("brubeck.client")

JSON: Final = "application/json"
_JSON_BODY: Final = {"Content-Type": JSON}
MERGE_PATCH: Final = "application/merge-patch+json"
NO_CONDITION: Final = ""
"""The default of ``if_match``: write whatever version the item has."""
_TAG: Final = re.compile(r'"[!#-~]*"')
MAX_DOCUMENTS: Final = 1000
"""How many documents go into one request."""
MAX_LIST_BYTES: Final = 3 << 20
"""How many bytes go into one request of several documents; the server takes 4 MiB with a key."""


@dataclass(frozen=True)
class StreamUrl:
    """The URL of a stream, and those of its items and changes."""

    base: str

    @classmethod
    def parse(cls, url: str) -> StreamUrl:
        """Return the URL of a stream; `ValueError` for a text that cannot be one."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the URL of a stream is like https://api.example/quakes, not {url!r}")
        if parts.username is not None or parts.password is not None:
            raise ValueError("give the user and password as auth=(user, password), not in the URL")
        if parts.query or parts.fragment:
            raise ValueError("give filters as arguments, magnitude__gte=4.5, and not in the URL")
        return cls(url.rstrip("/?#"))

    def request(
        self,
        method: str,
        path: str = "",
        *,
        pairs: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """Return a request to the stream, or to a path below it; a write gets its key."""
        query = query_string(pairs)
        url = f"{self.base}{path}" + (f"?{query}" if query else "")
        sent = {"Accept": JSON, **(headers or {})}
        if method != "GET":
            sent["Idempotency-Key"] = f'"{uuid.uuid4()}"'
        return Request(method, url, sent, body)

    def item(self, method: str, item_id: str, **rest: Any) -> Request:
        """Return a request to an item; `ValueError` for a text that is no id."""
        return self.request(method, f"/{checked_id(item_id)}", **rest)


def fetch(request: Request, policy: RetryPolicy) -> Steps[Reply]:
    """Send a request until there is an answer to use; `Unavailable` after the retries."""
    retries = policy.start()
    while True:
        outcome = yield Send(request, retries.request_seconds)
        if not policy.is_transient(outcome):
            assert isinstance(outcome, Reply)  # noqa: S101, every failure is transient
            return outcome
        yield _pause(request, outcome, retries)


def _pause(request: Request, outcome: Reply | Failure, retries: Retries) -> Pause:
    """Return the pause before the next attempt, and log it; `Unavailable` where there is none."""
    pause = retries.pause(outcome)
    if pause is None:
        raise unavailable(request, outcome, retries.failures)
    log.info("%s: %s; retrying in %.1f s", request, reason_of(outcome), pause)
    return Pause(pause)


def reason_of(outcome: Reply | Failure) -> str:
    """Return the reason of a failure in words."""
    return outcome.reason if isinstance(outcome, Failure) else str(problem_of(outcome))


def unavailable(request: Request, outcome: Reply | Failure, attempts: int) -> Unavailable:
    """Return the error of a request that failed for the last time."""
    problem = problem_of(outcome) if isinstance(outcome, Reply) else None
    error = Unavailable(str(request), reason_of(outcome), attempts, problem)
    error.__cause__ = problem if isinstance(outcome, Reply) else outcome.error
    return error


# Reading.


def pages(url: StreamUrl, pairs: Pairs, policy: RetryPolicy) -> Steps[None]:
    """Emit each page of a walk."""
    link: Pairs | None = pairs
    circle = Circle()
    while link is not None:
        if circle.closes(list(link)):
            raise Problem(200, detail="A page comes again: this is no walk.")
        page = page_of((yield from fetch(url.request("GET", pairs=link), policy)))
        link = None if page.next is None else link_pairs(page.next)
        yield Emit(page)


def get(url: StreamUrl, item_id: str, pairs: Pairs, policy: RetryPolicy) -> Steps[Item]:
    """Return an item; `NotFound` when there is none."""
    item = item_of((yield from fetch(url.item("GET", item_id, pairs=pairs), policy)))
    if item.get("id", item_id) != item_id:
        # The path of "report.json" is also that of the item "report" in JSON.
        raise NotFound(404, "Not Found", f"There is no item {item_id}.")
    return item


def fetch_json(
    url: StreamUrl, path: str, pairs: Iterable[tuple[str, str]], policy: RetryPolicy
) -> Steps[dict[str, Any]]:
    """Return the JSON object at a path below the stream's URL."""
    return json_of((yield from fetch(url.request("GET", path, pairs=pairs), policy)))


def export(
    url: StreamUrl, pairs: Pairs, media_type: str, policy: RetryPolicy, silence: float
) -> Steps[None]:
    """Emit the bytes of the whole timeline in a media type, as they come.

    What fails before the first byte is tried again; an export that breaks off is `Unavailable`.
    """
    request = url.request("GET", pairs=pairs, headers={"Accept": media_type})
    retries = policy.start()
    while True:
        reply = yield Open(request, silence, media_type)
        if not policy.is_transient(reply):
            break
        yield _pause(request, reply, retries)
    if (reply.status, reply.media_type) != (200, media_type):
        json_of(reply)  # a `Problem`, unless it is a success
        raise Problem(reply.status, detail=f"The answer is {reply.media_type}, not {media_type}.")
    if not reply.has_end:
        detail = "The answer ends with the connection, so that one that breaks off would look whole"
        raise Problem(reply.status, detail=f"{detail}: a proxy on the way speaks HTTP/1.0.")
    while piece := (yield Read()):
        if isinstance(piece, Failure):
            raise unavailable(request, piece, 1)
        yield Emit(piece)


# Writing.


def condition(if_match: str | None) -> dict[str, str]:
    """Return the header of a condition; `ValueError` for an entity tag that is missing."""
    if if_match is None:
        raise ValueError(
            "if_match is None: items of pages have no ETag; get() the item, or leave if_match out"
        )
    if if_match == NO_CONDITION:
        return {}
    if not _TAG.fullmatch(if_match):
        raise ValueError(f"if_match is the etag of an item, and not {if_match!r}")
    return {"If-Match": if_match}


def write(request: Request, policy: RetryPolicy) -> Steps[Item]:
    """Send a write, and return the item as it is stored."""
    return item_of((yield from fetch(request, policy)))


def create(url: StreamUrl, document: Mapping[str, Any]) -> Request:
    """Return the request that creates an item."""
    return url.request("POST", body=json_body(document), headers=_JSON_BODY)


def replace(
    url: StreamUrl,
    item_id: str,
    document: Mapping[str, Any],
    if_match: str | None,
    *,
    if_absent: bool,
) -> Request:
    """Return the request that replaces an item, or begins it."""
    headers = condition(if_match)
    if if_absent:
        if headers:
            raise ValueError("if_match and if_absent exclude each other")
        headers = {"If-None-Match": "*"}
    return url.item("PUT", item_id, body=json_body(document), headers=headers | _JSON_BODY)


def update(
    url: StreamUrl, item_id: str, changes: Mapping[str, Any], if_match: str | None
) -> Request:
    """Return the request that changes the named fields of an item."""
    headers = condition(if_match) | {"Content-Type": MERGE_PATCH}
    return url.item("PATCH", item_id, body=json_body(changes), headers=headers)


def delete(url: StreamUrl, item_id: str, if_match: str | None, policy: RetryPolicy) -> Steps[None]:
    """Delete an item; `NotFound` when there is none."""
    reply = yield from fetch(url.item("DELETE", item_id, headers=condition(if_match)), policy)
    if reply.status != 204:
        json_of(reply)


def create_many(
    url: StreamUrl, documents: Iterable[Mapping[str, Any] | bytes], policy: RetryPolicy
) -> Steps[list[Result]]:
    """Create several items, and return a result for each document.

    An error carries the results of the requests before it as ``results``.
    """
    results: list[Result] = []
    try:
        for chunk in chunks(_encoded(documents)):
            yield from _create_chunk(url, chunk, policy, results)
    except ClientError as error:
        error.results = results
        raise
    return results


def _encoded(documents: Iterable[Mapping[str, Any] | bytes]) -> list[bytes]:
    """Return the JSON of each document; `ValueError` names the one that has none."""
    bodies = []
    for number, document in enumerate(documents):
        try:
            bodies.append(document if isinstance(document, bytes) else json_body(document))
        except ValueError as reason:
            raise ValueError(f"document {number}: {reason}") from reason
    return bodies


def chunks(bodies: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the bodies of one request after another: bounded by their number and size."""
    chunk: list[bytes] = []
    size = 0
    for body in bodies:
        if chunk and (len(chunk) == MAX_DOCUMENTS or size + len(body) > MAX_LIST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(body)
        size += len(body) + 1
    if chunk:
        yield chunk


def _create_chunk(
    url: StreamUrl, chunk: list[bytes], policy: RetryPolicy, results: list[Result]
) -> Steps[None]:
    """Create the items of one request, and add the results.

    A list that is too long (413) goes in halves: a stream may have a lower ``max_batch``, and a
    proxy a lower bound of bytes. Nothing of a list that is refused so was written.
    """
    request = url.request("POST", body=b"[%b]" % b",".join(chunk), headers=_JSON_BODY)
    reply = yield from fetch(request, policy)
    if reply.status != 413:
        added = results_of(reply)
        if len(added) != len(chunk):
            detail = f"{len(added)} results for {len(chunk)} documents."
            raise Problem(reply.status, detail=detail)
        results += added
    elif len(chunk) == 1:
        results.append(Result(413, problem=problem_of(reply)))
    else:
        middle = len(chunk) // 2
        yield from _create_chunk(url, chunk[:middle], policy, results)
        yield from _create_chunk(url, chunk[middle:], policy, results)
