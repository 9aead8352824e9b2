"""What OpenAPI has no words for, kept from the requests that schemathesis makes.

Each of these is said in words by the description, and has a test of its own elsewhere.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import schemathesis

CONDITIONS = ("If-Match", "If-None-Match")


Case = schemathesis.Case[Any]


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, **_: Any) -> None:
    """Let no request wait, and none that is meant to be right contradict itself."""
    query = case.query or {}
    if isinstance(query.get("wait"), int | float) and query["wait"] > 0:
        query["wait"] = 0  # a long poll would take its time
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    for one, other in (("limit", "count"), ("before", "after")):
        if one in query and other in query:
            del query[one]
    settle_path(case)
    settle_headers(case)
    settle_body(case)


def settle_path(case: Case) -> None:
    """Let ella write her own timeline, for others' are only to be read."""
    path = case.path_parameters or {}
    if "name" in path:
        path["name"] = "ella"
        # A path that was changed is checked again, and then nothing in it may be encoded.
        path.update({name: unquote(str(value)) for name, value in path.items()})


def settle_headers(case: Case) -> None:
    """Let a key name one request, and conditions be for one item."""
    headers: Any = case.headers or {}
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f'"{uuid4()}"'
    if "," in unquote(str((case.path_parameters or {}).get("id", ""))):
        for name in CONDITIONS:
            headers.pop(name, None)


def settle_body(case: Case) -> None:
    """Let an item keep its place, and the URL name what the body brings: one document."""
    body: Any = case.body
    if case.method == "PUT" and isinstance(body, dict):
        body.pop("created_at", None)
    if case.path == "/todo/{id}" and isinstance(body, list | dict):
        path: Any = case.path_parameters
        path["id"] = unquote(str(path["id"])).partition(",")[0]
        one = body[0] if isinstance(body, list) else body
        body = {name: value for name, value in one.items() if name != "id"}
    case.body = whole_numbers(body)


def whole_numbers(value: Any) -> Any:
    """Return a value with 5 where it has 5.0: to JSON Schema both are integers, here only one."""
    if isinstance(value, dict):
        return {name: whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [whole_numbers(each) for each in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1 << 62
    return int(value) if whole else value
