"""Dispatch: from a request to the handler of its path, and to the answers where there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from brubeck.explorer.error_page import as_page
from brubeck.handlers import MessageHandler, WebMessageHandler
from brubeck.handlers.message import answer_of
from brubeck.handlers.program import Program
from brubeck.http import Headers, Problem, Request, Response
from brubeck.routing import Match, Router
from brubeck.streams.resource import Resource

log = logging.getLogger("brubeck.app")

_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


class RoutedProgram(Program, Protocol):
    """A program with routes; it is a `Brubeck`."""

    router: Router
    base_handler: type[WebMessageHandler]
    """The handler of requests without a route."""


def dispatch(program: RoutedProgram, request: Request) -> Response:
    """Return the answer of the handler that the request's path and method lead to.

    Without one it is a 404, or a 405 with the methods that the path has.
    """
    path = request.path
    first = program.router.match(path)
    if first is not None and first.route.allows(request.method):
        return _handled(program, request, first)
    allowed: set[str] = set()
    for match in program.router.matches(path) if first is not None else ():
        if match.route.allows(request.method):
            return _handled(program, request, match)
        allowed |= match.route.methods or set()
    if path == "*":  # the server as a whole, and all that any of its resources may allow
        return Response(b"", 204, headers=Headers({"Allow": _METHODS}))
    base = program.base_handler(program, request)
    if not allowed:
        answer = base.render_error(404, f"No resource exists at {path[:160]}.")
        return as_page(program, request, answer)
    allow = ", ".join(sorted(allowed | {"OPTIONS"}))
    if request.method == "OPTIONS":
        response = Response(b"", 204)
        response.headers["Allow"] = allow
        return response
    detail = f"{request.method} is not allowed; allowed methods: {allow}."
    answer = base.render_problem(Problem(405, detail, headers={"Allow": allow}))
    return as_page(program, request, answer)


def failed(program: RoutedProgram, request: Request, reason: BaseException) -> Response:
    """Return the answer to an exception outside a handler, by the base handler if it can."""
    base = program.base_handler
    try:
        answer = answer_of(base(program, request).error(reason), base)
        return as_page(program, request, answer)
    except Exception:
        log.exception("The base handler failed, request %s", request.id)
        return Problem(500, f"Server error, request {request.id}.").response()


def _handled(program: RoutedProgram, request: Request, match: Match) -> Response:
    handler: Callable[..., Any] = match.route.handler
    if isinstance(handler, type):
        made: MessageHandler = handler(program, request)
        made._url_args = match.kwargs or match.args  # noqa: SLF001, as 0.4 hands them over
        answer = answer_of(made(), handler)
        if issubclass(handler, Resource):  # it has pages of its own, or shall have none
            return answer
    else:
        answer = answer_of(handler(program, request, *match.args, **match.kwargs), handler)
    return answer if answer.status < 400 else as_page(program, request, answer)
