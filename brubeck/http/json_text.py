"""JSON in the body of a request, and the words for a body that is none (RFC 8259)."""

from __future__ import annotations

import codecs
from typing import Any, Final

import msgspec

from brubeck.green.collecting import decoded
from brubeck.http.problems import Problem

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_json(body: bytes) -> Any:
    """Return the value of a JSON text; a `Problem` (400) when it is none.

    A byte order mark is refused by name: RFC 8259 (section 8.1) lets no sender add one, and in the
    lines of an import each would be read otherwise.
    """
    try:
        return decoded(msgspec.json.decode, body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        if body.lstrip().startswith(_MARKS):
            detail = "The body begins with a byte order mark; JSON is UTF-8 without one."
            raise Problem(400, detail) from reason
        raise Problem(400, f"The body is not JSON: {reason}.") from reason
