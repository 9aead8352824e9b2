"""How the answers of streams are asked for and read."""

from __future__ import annotations

import json
from typing import Any

from tests.behaviour.conftest import Everywhere
from tests.behaviour.connections import Answer

HEADERS = {"Content-Type": "application/json"}


def send(ask: Everywhere, method: str, target: str, document: Any, **headers: str) -> Answer:
    """Send a document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(method, target, json.dumps(document).encode(), HEADERS | named)


def data(answer: Answer) -> Any:
    """Return the data of an answer."""
    return json.loads(answer.body)["data"]


def ids(answer: Answer) -> list[str]:
    """Return the ids of a page or of changes."""
    return [each["id"] for each in data(answer)]


def paging(answer: Answer) -> Any:
    """Return the paging of an answer."""
    return json.loads(answer.body)["paging"]


def detail(answer: Answer) -> str:
    """Return what a problem says."""
    found: str = json.loads(answer.body)["detail"]
    return found
