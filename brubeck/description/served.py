"""``/openapi.json`` and ``/manifest.json``: the descriptions as handlers serve them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from brubeck.description.handlers import describe_route
from brubeck.description.viewing import Viewer
from brubeck.description.whole import Description, check_info
from brubeck.handlers import WebMessageHandler
from brubeck.http import Headers, Problem, Response
from brubeck.http.conditions import matches
from brubeck.http.media import best_match
from brubeck.streams.spec import JSON

if TYPE_CHECKING:
    from brubeck.routing import Route, Router


class Served(msgspec.Struct, frozen=True):
    """A description in bytes, and its entity tag."""

    body: bytes
    tag: str


class Descriptions:
    """The descriptions of one application, made when somebody first asks."""

    def __init__(self, title: str, version: str, info: Mapping[str, Any]) -> None:
        check_info(info)
        self.title = title
        self.version = version
        self._info = info
        self._describe: list[Callable[[Description], None]] = []
        self._routes: list[Route] = []

    def add(self, describe: Callable[[Description], None], router: Router) -> None:
        """Describe one thing more, and serve it all where the program serves nothing itself."""
        if not self._describe:
            for handler in (OpenAPI, Manifest):
                bound = type(handler.__name__, (handler,), {"descriptions": self})
                router.add(handler.pattern, bound, fallback=True)
            for pattern in Viewer.patterns:
                router.add(pattern, Viewer, fallback=True)
        self._describe.append(describe)
        self._forget()

    def add_route(self, route: Route) -> None:
        """Describe a route, where anything is described at all."""
        self._routes.append(route)
        self._forget()

    def _forget(self) -> None:
        for made in ("whole", "openapi", "manifest"):
            self.__dict__.pop(made, None)

    @cached_property
    def whole(self) -> Description:
        """The description of everything."""
        made = Description(self.title, self.version, self._info)
        for describe in self._describe:
            describe(made)
        for route in self._routes:
            describe_route(route, made)
        return made

    @cached_property
    def openapi(self) -> Served:
        """Return the answer of ``/openapi.json``."""
        return _served(self.whole.openapi())

    @cached_property
    def manifest(self) -> Served:
        """Return the answer of ``/manifest.json``."""
        return _served(self.whole.manifest())


def _served(value: object) -> Served:
    """Return a description ready to be sent."""
    body = msgspec.json.encode(value)
    return Served(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


class _Described(WebMessageHandler):
    descriptions: ClassVar[Descriptions]
    pattern: ClassVar[str]

    def description(self) -> Served:
        """Return the description of the application, made once for all requests."""
        raise NotImplementedError

    def get(self) -> Response:
        """Return the description."""
        if best_match(self.message.header("accept"), [JSON]) is None:
            raise Problem(406, f"Available media types: {JSON}.")
        made = self.description()
        headers = Headers({"ETag": made.tag, "Cache-Control": "no-cache", "Vary": "Accept"})
        if matches(self.message.header("if-none-match"), made.tag):
            return Response(b"", 304, headers=headers)
        headers["Content-Type"] = JSON
        return Response(made.body, 200, headers=headers)


class OpenAPI(_Described):
    """``/openapi.json``: every path, parameter, answer and scheme."""

    pattern = r"^/openapi\.json$"

    def description(self) -> Served:
        """Return the OpenAPI document."""
        made = self.descriptions.openapi
        if not (prefix := self.message.prefix):
            return made
        mounted = {"servers": [{"url": prefix}]}
        return _served(msgspec.json.decode(made.body, type=dict[str, Any]) | mounted)


class Manifest(_Described):
    """``/manifest.json``: the JSON Schema of every model."""

    pattern = r"^/manifest\.json$"

    def description(self) -> Served:
        """Return the list of schemas."""
        return self.descriptions.manifest
