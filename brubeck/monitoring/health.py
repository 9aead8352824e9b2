"""``/-/health`` and ``/-/ready``: what an orchestrator asks before it restarts or sends requests.

- Health: the process answers. It says nothing of stores: restarting would not mend them.
- Readiness: the stores of the streams answer, too, within two seconds each. 503 otherwise, with the
  names of those that do not. Nothing else of the configuration is in the answer.

``server.health = false`` takes both away; a route of the program at these paths comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol, cast

import msgspec

from brubeck import green
from brubeck.handlers import WebMessageHandler
from brubeck.handlers.program import Program
from brubeck.http import Headers, Problem, Response
from brubeck.routing import Router
from brubeck.storage import Unavailable
from brubeck.streams import StreamHandler

log = logging.getLogger("brubeck.server")

STORE_SECONDS: Final = 2.0
"""Seconds in which a store has to answer."""
_HEADERS: Final = Headers({"Content-Type": "application/json", "Cache-Control": "no-store"})


class CheckedProgram(Program, Protocol):
    """A program with streams; it is a `Brubeck`."""

    streams: list[type[StreamHandler]]


class Health(WebMessageHandler):
    """``/-/health``: whether the process answers."""

    def prepare(self) -> None:
        """Answer 404 where the setting takes it away."""
        if not self.application.settings.server.health:
            raise Problem(404, f"No resource exists at {self.message.path[:160]}.")

    def get(self) -> Response:
        """Return that it does."""
        return Response(b'{"status":"ok"}', 200, headers=_HEADERS.copy())


class Ready(Health):
    """``/-/ready``: whether the stores of the streams answer."""

    def get(self) -> Response:
        """Return the state of each store: 200 when all of them answer, else 503."""
        program = cast("CheckedProgram", self.application)
        stores = {name: _state(program, name) for name in _stores(program.streams)}
        ready = all(state == "ready" for state in stores.values())
        body = {"status": "ready" if ready else "unavailable", "stores": stores}
        headers = _HEADERS.copy()
        if not ready:
            headers["Retry-After"] = "1"
        return Response(msgspec.json.encode(body), 200 if ready else 503, headers=headers)


def _stores(streams: Sequence[type[StreamHandler]]) -> list[str]:
    return list(dict.fromkeys(each.storage for each in streams))


def _state(program: CheckedProgram, name: str) -> str:
    """Return ``ready``, or ``unavailable`` for a store that does not answer in time."""
    stream = next(each for each in program.streams if each.storage == name)
    try:
        with green.timeout(STORE_SECONDS):
            program.stream(stream).opened("-").head()
    except (Unavailable, TimeoutError) as reason:
        log.warning("The store %s is not ready: %s", name, reason)
        return "unavailable"
    return "ready"


def add_health(router: Router) -> None:
    """Add both routes, behind those of the program."""
    router.add(r"^/-/health$", Health, fallback=True)
    router.add(r"^/-/ready$", Ready, fallback=True)
