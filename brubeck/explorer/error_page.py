"""Errors outside streams as pages in the explorer's dress, for browsers."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from brubeck.explorer.images import image_url
from brubeck.explorer.look import look_of
from brubeck.explorer.rendering import headers_of, render, wants_page
from brubeck.explorer.session import session_of
from brubeck.handlers.program import Program
from brubeck.http import Request, Response
from brubeck.http.headers import list_values
from brubeck.http.problems import MEDIA_TYPE


class _Error(msgspec.Struct):
    pointer: str
    detail: str


class _Told(msgspec.Struct):
    """The members of a problem that are shown."""

    title: str
    status: int
    detail: str = ""
    errors: list[_Error] = []


def as_page(program: Program, request: Request, response: Response) -> Response:
    """Return an error as a page where a browser asks; any other response as it is."""
    if response.status < 400 or response.headers.get("Content-Type") != MEDIA_TYPE:
        return response
    is_explored = any(each.spec.explorer for each in getattr(program, "streams", ()))
    if not (is_explored and wants_page(request.header("accept"))):
        return response
    with suppress(msgspec.MsgspecError):
        return _page(program, request, response)
    return response  # a problem of another form, as a handler of the program made it


def _page(program: Program, request: Request, response: Response) -> Response:
    problem = msgspec.json.decode(response.body, type=_Told)
    look, root = look_of(program, request), f"{request.prefix}/"
    body = render(
        "problem.html",
        look=look,
        icon=image_url(request.prefix, "icon"),
        session=session_of(program, request),
        home="",
        root=root,
        title="Brubeck",
        heading=f"{problem.status} {problem.title}",
        problem=problem,
        errors=[(each.pointer, each.detail) for each in problem.errors],
    )
    headers = headers_of(response.headers.copy(), look)
    headers["Vary"] = ", ".join(dict.fromkeys([*list_values(headers.get("Vary", "")), "Accept"]))
    return Response(body, response.status, headers=headers)
