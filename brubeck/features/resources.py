"""The resources of OGC API Features: landing page, conformance, collections, items."""

from __future__ import annotations

import re
import time
from hashlib import blake2b
from typing import Any, ClassVar, Final, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from brubeck import green
from brubeck.errors import ConfigError
from brubeck.features.api_definition import OPENAPI, api_definition
from brubeck.features.collections import (
    FeatureProgram,
    Refused,
    collection_of,
    collections_of,
    headers_of,
    item_of,
    page_members,
    read,
    read_item,
    visible,
)
from brubeck.features.parameters import Pairs, stream_pairs
from brubeck.handlers import WebMessageHandler
from brubeck.handlers.web import allowed_methods
from brubeck.http import Headers, Problem, Response
from brubeck.http.conditions import matches
from brubeck.streams.cursors import url
from brubeck.streams.feeds import origin_of
from brubeck.streams.geojson import MEDIA_TYPE, FeaturePage, features, link
from brubeck.streams.negotiation import negotiate
from brubeck.streams.parameters import no_parameters
from brubeck.streams.projection import whole
from brubeck.streams.spec import JSON, StreamSpec

CONFORMANCE: Final = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}"
    for name in ("core", "geojson", "oas30")
)
CRS: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
SEARCH_SECONDS: Final = 20.0
"""Seconds for which a request looks for the first feature of a page."""
_CURSORS: Final = ("before", "after")
_read_page: Final = msgspec.json.Decoder(FeaturePage).decode


def add_features(program: Any, path: object) -> None:
    """Serve the streams with a ``bbox`` filter as OGC API Features at a path.

    Raises `ConfigError` for what is no path, and for one that a stream has.
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ConfigError(f'features is a path such as "/ogc", not {path!r}.')
    for stream in program.streams:
        if f"{stream.path}/".startswith(f"{path}/") or f"{path}/".startswith(f"{stream.path}/"):
            raise ConfigError(f"features at {path} and {stream.__name__} at {stream.path} clash.")
    base = re.escape(path)
    one = r"/collections/(?P<name>[^/]+)"
    for ending, resource in (
        ("/?", LandingPage),
        ("/api", ApiDefinition),
        ("/conformance", Conformance),
        ("/collections", FeatureCollections),
        (one, OneCollection),
        (f"{one}/items", FeatureItems),
        (f"{one}/items/(?P<item>[^/,]+)", FeatureItem),
    ):
        bound = type(resource.__name__, (resource,), {"base": path})
        program.router.add(f"^{base}{ending}$", bound)


class FeatureResource(WebMessageHandler):
    """A resource of the features; a stream's refusal is answered as the stream has it."""

    base: ClassVar[str] = ""
    """The path of the landing page."""

    @property
    def program(self) -> FeatureProgram:
        """The program with the streams of the collections."""
        return cast("FeatureProgram", self.application)

    def __call__(self) -> Response:
        """Answer the request, for pages of other origins too where the streams are for them."""
        response = super().__call__()
        specs = [spec for _, spec in collections_of(self.program) if spec.origins is not None]
        if not specs or "access-control-allow-origin" in response.headers:
            return response
        response = response.copy()
        response.headers.update(self._cross_origin())
        if any(spec.has_named_origins for spec in specs):
            response.headers.add("Vary", "Origin")
        return response

    def _cross_origin(self) -> Headers:
        """Return the headers for pages of other origins.

        A document of several collections is for those pages that all of its streams are for.
        """
        arguments = self._url_args if isinstance(self._url_args, dict) else {}
        name = arguments.get("name")
        methods = allowed_methods(type(self))
        made = [
            Headers({})
            if spec.origins is None
            else spec.origins.headers(self.message, methods, spec.schemes)
            for known, spec in collections_of(self.program)
            if name in (None, known)
        ]
        if not all("access-control-allow-origin" in each for each in made):
            return Headers({})
        with_credentials = "access-control-allow-credentials"
        return min(made, key=lambda each: with_credentials in each, default=Headers({}))

    def href(self, path: str = "", pairs: Pairs | None = None) -> str:
        """Return the whole URL of a path below the landing page."""
        where = f"{self.message.prefix}{self.base}{path}"
        return f"{origin_of(self.message)}{url(where, pairs or [])}"

    def document(self, value: object, media_type: str = JSON) -> Response:
        """Return a JSON document, or 304 where the caller has it."""
        body = msgspec.json.encode(value)
        keep = "private, no-cache" if self.message.identity else "no-cache"
        headers = Headers({"Vary": "Accept", "Cache-Control": keep})
        headers["ETag"] = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
        headers["Content-Type"] = media_type
        return self.unless_known(body, headers)

    def unless_known(self, body: bytes, headers: Headers) -> Response:
        """Return a body with its headers, or 304 where the caller has it by its entity tag."""
        if matches(self.message.header("if-none-match"), headers.get("ETag", "")):
            headers.pop("Content-Type", None)
            return Response(b"", 304, headers=headers)
        return Response(body, 200, headers=headers)

    def error(self, err: BaseException) -> Response:
        """Return the answer of the stream that has refused, or that to another error."""
        return err.answer if isinstance(err, Refused) else super().error(err)


class LandingPage(FeatureResource):
    """The landing page: links to the others."""

    def get(self) -> Response:
        """Return the links."""
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        links = [
            link("self", self.href(), JSON),
            link("service-desc", self.href("/api"), OPENAPI),
            link("conformance", self.href("/conformance"), JSON),
            link("data", self.href("/collections"), JSON),
        ]
        title = self.program.descriptions.title or "Features"
        return self.document({"title": title, "links": links})


class ApiDefinition(FeatureResource):
    """The description of the features as OpenAPI 3.0."""

    def get(self) -> Response:
        """Return the description, with the collections that the caller may read."""
        chosen = negotiate(self.message, OPENAPI, JSON)
        no_parameters(self.message.query_pairs)
        found = dict(visible(self.program, self.message))
        about = self.program.descriptions
        made = api_definition(about.title or "Features", about.version, self.href(), found)
        return self.document(made, chosen)


class Conformance(FeatureResource):
    """The classes of requirements that are met."""

    def get(self) -> Response:
        """Return their URIs."""
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        return self.document({"conformsTo": CONFORMANCE})


class FeatureCollections(FeatureResource):
    """The collections that the caller may read."""

    def get(self) -> Response:
        """Return each of them, with links."""
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        found = [self.describe(*each) for each in visible(self.program, self.message)]
        links = [link("self", self.href("/collections"), JSON)]
        return self.document({"links": links, "collections": found})

    def describe(self, name: str, spec: StreamSpec) -> dict[str, object]:
        """Return a collection as JSON has it."""
        here = f"/collections/{name}"
        described = {
            "id": name,
            "title": spec.title or spec.path.template,
            "description": spec.description,
            "itemType": "feature",
            "crs": [CRS],
            "links": [
                link("self", self.href(here), JSON),
                link("items", self.href(f"{here}/items")),
            ],
        }
        return {key: value for key, value in described.items() if value}


class OneCollection(FeatureCollections):
    """One collection."""

    def get(self, name: str) -> Response:  # type: ignore[override]  # the path has an argument
        """Return the collection, where the caller may read its stream."""
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        spec = collection_of(self.program, name)
        answer = read(self.program, self.message, spec.path.template, [("limit", "1")])
        page_members(answer, MEDIA_TYPE)
        return self.document(self.describe(name, spec))


class FeatureItems(FeatureResource):
    """The features of a collection, page by page."""

    def get(self, name: str) -> Response:
        """Return a page of features, with a link to the next."""
        chosen = negotiate(self.message, MEDIA_TYPE, JSON)
        spec = collection_of(self.program, name)
        given = self.message.query_pairs
        pairs = stream_pairs(given, spec)
        answer, page = self._first_found(spec, pairs)
        here = f"/collections/{name}/items"
        links = [
            link("self", self.href(here, given)),
            link("collection", self.href(f"/collections/{name}"), JSON),
        ]
        kept = [pair for pair in given if pair[0] not in _CURSORS]
        links += [
            link(each["rel"], self.href(here, [*kept, *_cursor(each["href"])]))
            for each in page.links
            if each["rel"] in ("next", "prev")
        ]
        headers = headers_of(answer, chosen)
        named = [f'<{each["href"]}>; rel="{each["rel"]}"' for each in links[2:]]
        if named:
            headers["Link"] = ", ".join(named)
        made = msgspec.structs.replace(page, links=links)
        return self.unless_known(made.encode(), headers)

    def _first_found(self, spec: StreamSpec, pairs: Pairs) -> tuple[Response, FeaturePage]:
        """Return the stream's answer with the next features, and the page in it.

        A rare filter is looked for in steps, of which one may find nothing and say where to go on.
        Clients such as GDAL take an empty page for the last one; so the search goes on here, step
        by step, for as long as `SEARCH_SECONDS` and as somebody waits.
        """
        until = time.monotonic() + SEARCH_SECONDS
        bounds = [pair for pair in pairs if pair[0] not in _CURSORS]
        while True:
            green.take_turn()
            answer = read(self.program, self.message, spec.path.template, pairs)
            page = _read_page(page_members(answer, MEDIA_TYPE))
            further = [each["href"] for each in page.links if each["rel"] == "next"]
            if page.features or not further or time.monotonic() > until:
                return answer, page
            if not self.message.is_wanted():
                return answer, page
            pairs = [*bounds, *_cursor(further[0])]


class FeatureItem(FeatureResource):
    """One feature."""

    def get(self, name: str, item: str) -> Response:
        """Return the feature of an item."""
        chosen = negotiate(self.message, MEDIA_TYPE, JSON)
        no_parameters(self.message.query_pairs)
        spec = collection_of(self.program, name)
        geometry = spec.geometry
        if geometry is None:
            raise Problem(404, "The items of this stream have no coordinates.")
        answer = read_item(self.program, self.message, spec.path.template, item)
        (feature,) = features([item_of(answer)], geometry, whole)
        here = f"/collections/{name}"
        links = [
            link("self", self.href(f"{here}/items/{item}")),
            link("collection", self.href(here), JSON),
        ]
        body = b'%b,"links":%b}' % (feature[:-1], msgspec.json.encode(links))
        return self.unless_known(body, headers_of(answer, chosen))


def _cursor(href: str) -> Pairs:
    """Return the cursor in a stream's link to another page."""
    return [pair for pair in parse_qsl(urlsplit(href).query) if pair[0] in _CURSORS]
