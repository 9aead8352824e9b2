"""The answers of a stream's requests as OpenAPI has them: statuses, headers, bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from brubeck.description.components import Components, Schema
from brubeck.description.schemas import PROBLEM
from brubeck.explorer.rendering import MEDIA_TYPE as HTML
from brubeck.http.problems import MEDIA_TYPE as PROBLEM_TYPE
from brubeck.http.response import REASONS
from brubeck.streams.spec import JSON

PAGE: Final[Schema] = {"type": "string", "description": "An HTML page."}
_TEXTS: Final = {
    400: "The request is invalid; `detail` names the parameter and the allowed values.",
    401: "Authentication is required.",
    403: "The caller does not have the required permission.",
    404: "The resource does not exist, or the caller may not read it.",
    406: "No media type in `Accept` is available.",
    409: "The id already exists, or the first request of this key is still in progress.",
    410: "The item was deleted, or the cursor is no longer valid; start over at `restart`.",
    412: "The item is not at the version given in the condition.",
    413: "The body is too long, or has too many items.",
    415: "The media type of the body is not supported.",
    422: "The document is invalid; `errors` lists every error.",
    429: "There were too many requests.",
    503: "The storage is unavailable, or an item is being changed by other writers.",
}
_STRING: Final[Schema] = {"type": "string"}
_HEADERS: Final[dict[str, Schema]] = {
    "ETag": {"description": "The entity tag, for conditional requests.", "schema": _STRING},
    "Content-Disposition": {"description": "The name of an export's file.", "schema": _STRING},
    "Link": {
        "description": "The page's `next` and `prev`, or an export's `changes` (RFC 8288).",
        "schema": _STRING,
    },
    "Location": {
        "description": "The URL of the new item.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Retry-After": {
        "description": "Seconds after which to retry.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"description": "The accepted authentication schemes.", "schema": _STRING},
    "Accept": {"description": "The accepted media types of the body.", "schema": _STRING},
    "Accept-Patch": {"description": "The media types of patches (RFC 5789).", "schema": _STRING},
    "RateLimit": {
        "description": "How many requests are left (`r`), and for how many seconds (`t`).",
        "schema": _STRING,
    },
    "RateLimit-Policy": {
        "description": "How many requests there are (`q`) in how many seconds (`w`).",
        "schema": _STRING,
    },
}
_OF_RATES: Final = ("RateLimit", "RateLimit-Policy")
_OF_PROBLEMS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


class Answers:
    """The answers of one kind of thing, which may have headers that all of them share.

    ``html`` says that problems are pages, too, for those who would rather have a page.
    """

    def __init__(self, components: Components, *, limited: bool, html: bool) -> None:
        self._components = components
        self._html = html
        self._shared = _OF_RATES if limited else ()
        self.problem = components.add("schemas", "Problem", PROBLEM)

    def answer(
        self,
        text: str,
        content: Mapping[str, Schema] | None = None,
        headers: Iterable[str] = (),
        **more: object,
    ) -> Schema:
        """Return an answer: media types with their schemas, and headers that it may have."""
        made: Schema = {"description": text}
        if named := (*headers, *self._shared):
            made["headers"] = {name: self._header(name) for name in named}
        if content:
            made["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
        return {**made, **more}

    def json(self, text: str, schema: Schema, headers: Iterable[str] = ()) -> Schema:
        """Return an answer in JSON."""
        return self.answer(text, {JSON: schema}, headers)

    def problems(self, statuses: Iterable[int], **headers: str) -> dict[str, Schema]:
        """Return the errors of these statuses; ``headers`` are further ones, as ``_415='Accept'``.

        Answers that are alike for many requests are kept among the components.
        """
        made = {}
        for status in sorted(statuses):
            own = headers.get(f"_{status}")
            named = (*_OF_PROBLEMS.get(status, ()), *((own,) if own else ()))
            content = {PROBLEM_TYPE: self.problem} | ({HTML: PAGE} if self._html else {})
            answer = self.answer(_TEXTS[status], content, named)
            # Those that are JSON alone have a name of their own.
            name = REASONS[status].title().replace(" ", "") + ("" if self._html else "Problem")
            made[str(status)] = self._components.add("responses", name, answer)
        return made

    def _header(self, name: str) -> Schema:
        return self._components.add("headers", name, _HEADERS[name])
