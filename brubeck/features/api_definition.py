"""The description of the features as OpenAPI 3.0, which OGC API Features names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from brubeck.description.parameters import filters, in_path, in_query
from brubeck.http.problems import MEDIA_TYPE as PROBLEM
from brubeck.streams.geojson import MEDIA_TYPE
from brubeck.streams.spec import JSON, StreamSpec

OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
_TEXT: Final = {"type": "string"}
_OBJECT: Final = {"type": "object"}
_DATETIME: Final = (
    "Only items of then (`created_at`): a moment (RFC 3339), or an interval of two with a slash, "
    "ends included, of which one may be `..`."
)


def api_definition(
    title: str, version: str, server: str, found: Mapping[str, StreamSpec]
) -> dict[str, Any]:
    """Return the description of the features at a URL, with its collections by id."""
    paths = {
        "/": _read("landingPage", "Links to the rest", JSON),
        "/conformance": _read("conformance", "The classes of requirements that are met", JSON),
        "/collections": _read("collections", "The collections", JSON),
    }
    for name, spec in found.items():
        path, title_of = f"/collections/{name}", spec.title or spec.path.template
        own = name.replace(":", "_")
        paths[path] = _read(f"{own}.collection", title_of, JSON)
        paths[f"{path}/items"] = _read(
            f"{own}.items", f"{title_of}: a page", MEDIA_TYPE, _of_items(spec)
        )
        item = in_path("featureId", _TEXT, "The id of the feature.")
        paths[f"{path}/items/{{featureId}}"] = _read(
            f"{own}.item", f"{title_of}: one feature", MEDIA_TYPE, [item]
        )
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "paths": paths,
    }


def _of_items(spec: StreamSpec) -> list[dict[str, Any]]:
    """Return the parameters of a collection's items; those of filters are the stream's."""
    most = spec.parameters.max_page_size
    limit = {"type": "integer", "minimum": 1, "default": spec.parameters.page_size}
    orders = {"type": "string", "enum": ["newest", "oldest"], "default": "newest"}
    return [
        in_query(
            "limit", limit | {"maximum": most}, f"How many features; more than {most} are {most}."
        ),
        in_query("datetime", _TEXT, _DATETIME),
        in_query("order", orders, "The order of the features, and the way that `next` goes."),
        in_query("before", _TEXT, "The cursor in a link to another page."),
        in_query("after", _TEXT, "The cursor in a link to another page."),
        *filters(spec.parameters),
    ]


def _read(
    name: str, summary: str, media_type: str, parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    problem = {"description": "A problem (RFC 9457).", "content": {PROBLEM: {"schema": _OBJECT}}}
    good = {"description": summary, "content": {media_type: {"schema": _OBJECT}}}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": good, "default": problem},
    }
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}
