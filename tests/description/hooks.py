"""What OpenAPI has no words for, kept from the requests that schemathesis makes.

Each of these is said in words by the description, and has a test of its own elsewhere.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import schemathesis

CONDITIONS = ("If-Match", "If-None-Match")


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], **_: Any) -> None:
    """Let no request wait, and none that is meant to be right contradict itself."""
    query = case.query or {}
    if isinstance(query.get("wait"), int | float) and query["wait"] > 0:
        query["wait"] = 0  # a long poll would take its time
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    for one, other in (("limit", "count"), ("before", "after")):
        if one in query and other in query:
            del query[one]
    path = case.path_parameters or {}
    if "name" in path:
        path["name"] = "ella"  # others' timelines are only to be read
        # A path that was changed is checked again, and then nothing in it may be encoded.
        path.update({name: unquote(str(value)) for name, value in path.items()})
    headers: Any = case.headers or {}
    item_id = str(path.get("id", ""))
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f'"{uuid4()}"'  # it names one request
    if unquote(item_id).count(","):
        for name in CONDITIONS:  # they are for one item
            headers.pop(name, None)
    if case.method == "PUT" and isinstance(case.body, dict):
        case.body.pop("created_at", None)  # an item keeps the one that it has
    case.body = whole_numbers(case.body)


def whole_numbers(value: Any) -> Any:
    """Return a value with 5 where it has 5.0: to JSON Schema both are integers, here only one."""
    if isinstance(value, dict):
        return {name: whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [whole_numbers(each) for each in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1 << 62
    return int(value) if whole else value
