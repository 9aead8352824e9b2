"""The check of a body before a storage sees it, by the rules of `brubeck.canonical`."""

from __future__ import annotations

import msgspec

from brubeck.canonical import MAX_BYTES, faults
from brubeck.green.collecting import decoded
from brubeck.storage.errors import NotCanonical


def check_canonical(body: bytes, *, values: bool = True) -> None:
    """Raise `NotCanonical` for a body that is not canonical.

    ``values`` False leaves out the look at each value, for a body whose schema has already held
    its numbers, texts and depth to the rules.
    """
    if len(body) > MAX_BYTES:
        raise NotCanonical("", f"An item has at most {MAX_BYTES} bytes; this one has {len(body)}.")
    if not values and b"\\u0000" not in body:
        return
    try:
        value = decoded(msgspec.json.decode, body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise NotCanonical("", f"Not JSON: {reason}.") from reason
    for pointer, detail in faults(value):
        raise NotCanonical(pointer, detail)
