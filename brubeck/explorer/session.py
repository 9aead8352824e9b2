"""The caller of a page in its head: the way to log in, or the name and the way to log out.

They are there where the program has a ``login_url``. A page that everybody may read knows its
caller by a cookie of the program's schemes, if there is one; bad credentials are as none there.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import chain

import msgspec

from brubeck.auth import BadCredentials, Caller, Scheme
from brubeck.auth.csrf import SAFE_METHODS
from brubeck.auth.next_url import wanted, with_next
from brubeck.auth.scheme import authenticate
from brubeck.handlers.program import Program
from brubeck.http import Problem, Request
from brubeck.storage import Unavailable
from brubeck.streams.context import Context


class Session(msgspec.Struct, frozen=True):
    """The name of the caller, empty for an unknown one, and where to log in and out."""

    name: str
    login: str
    logout: str


def session_of(program: Program, request: Request, caller: Caller | None = None) -> Session | None:
    """Return the session that a page shows, or None where the program has no log-in."""
    if not program.login_url:
        return None
    caller = caller or _by_cookie(program, request)
    name = "" if caller is None else caller.username or caller.id
    return Session(name, login_url(program, request), program.settings.app.logout_url)


def login_url(program: Program, request: Request) -> str:
    """Return the URL of the log-in, which leads back to the page of the request."""
    target = wanted(request)  # which has the path of a WSGI mount in it, but not a proxy's prefix
    prefix = request.client.prefix
    return with_next(program.login_url, None if target is None else f"{prefix}{target}")


def leads_to_login(context: Context) -> bool:
    """Return whether a refused reader is sent to log in: where a log-in can let it in.

    A form that was posted is answered by a page: what was typed would be lost.
    """
    spec = context.spec
    is_reading = context.request.method in SAFE_METHODS
    knows = "get_current_user" in spec.overridden or any(map(_is_cookie, spec.schemes))
    return bool(context.application.login_url) and is_reading and knows


def _is_cookie(scheme: Scheme) -> bool:
    return scheme.openapi().get("in") == "cookie"


def _by_cookie(program: Program, request: Request) -> Caller | None:
    if request.header("cookie") is None:
        return None
    with suppress(BadCredentials, Problem, Unavailable):
        return authenticate(_cookie_schemes(program), request, program)
    return None


def _cookie_schemes(program: Program) -> list[Scheme]:
    """Return the schemes of a program whose credentials are in a cookie."""
    declared = chain(
        getattr(program, "streams", ()),
        getattr(program, "apis", ()),
        (route.handler for route in program.router.routes),
    )
    schemes = (scheme for each in declared for scheme in getattr(each, "schemes", ()))
    return [each for each in dict.fromkeys(schemes) if _is_cookie(each)]
