"""The page of a problem, with a way back to the stream."""

from __future__ import annotations

from brubeck.explorer.rendering import headers_of, render
from brubeck.explorer.stream_page import dress
from brubeck.http import Problem, Response
from brubeck.streams.context import Context
from brubeck.streams.paths import is_key


def problem_page(context: Context, problem: Problem, response: Response) -> Response:
    """Return the response of a problem as a page."""
    # A partition that cannot be has no page that one could go back to.
    at_home = not context.spec.path.partition or is_key(context.partition)
    values = dress(context, home=at_home) | {"heading": f"{problem.status} {problem.title}"}
    body = render("problem.html", **values, problem=problem, errors=problem.errors)
    headers = headers_of(response.headers, values["look"])
    return Response(body, problem.status, headers=headers)
