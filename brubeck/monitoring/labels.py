"""The route of a request, as a label: few values, however many paths there are."""

from __future__ import annotations

from functools import lru_cache

from brubeck.http import Problem, Request
from brubeck.routing import Router, path_template


def route_of(router: Router, request: Request) -> str:
    """Return the template of the route that a request leads to, empty without one.

    >>> from brubeck import Brubeck, WebMessageHandler
    >>> app = Brubeck(handler_tuples=[(r'^/users/(?P<name>[^/]+)$', WebMessageHandler)])
    >>> route_of(app.router, Request('GET', '/users/ella'))
    '/users/{name}'
    """
    try:
        found = router.match(request.path)
    except Problem:  # the path cannot be decoded
        return ""
    return "" if found is None else _template(found.route.pattern)


@lru_cache(maxsize=1000)
def _template(pattern: str) -> str:
    readable = path_template(pattern)
    return pattern if readable is None else readable[0]
