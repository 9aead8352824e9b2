"""JSON Merge Patch (RFC 7396): a change to a document that looks like the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from brubeck.dictshield.base import ShieldDocException, child_pointer
from brubeck.dictshield.limits import Faults, TooManyFaults, add_shape_faults, parse
from brubeck.http.json_text import decode_json

MEDIA_TYPES: Final = ("application/merge-patch+json", "application/json")


def read_patch(body: bytes) -> object:
    """Return the value of a patch; a `Problem` (400) when it is no JSON.

    Raises `ShieldDocException` for an object that names a key twice, at any depth: readers differ
    in which of the two counts.
    """
    patch: object = decode_json(body)
    # What lost a member on the way in has fewer colons when it is written out again.
    if b"\\" in body or body.count(b":") != msgspec.json.encode(patch).count(b":"):
        faults = Faults()
        with suppress(TooManyFaults):
            add_shape_faults(parse(body), faults)
        if faults:
            raise ShieldDocException("patch", list(faults))
    return patch


def merge(target: object, patch: dict[str, object]) -> dict[str, object]:
    """Return the target as the patch changes it; null removes a member.

    A target that is no object counts as an empty one.

    >>> merge({'a': 1, 'b': {'c': 2, 'd': 3}}, {'a': None, 'b': {'c': 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    result = dict(target) if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            result[name] = merge(result.get(name), change)
        else:
            result[name] = change
    return result


def unknown_fields(patch: Mapping[str, object], fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the JSON pointers of unknown fields that a patch removes.

    To remove a missing field changes nothing; but a patch that removes an unknown one has misspelt
    its name, and any other value of that name would be refused.
    """
    by_name = {field.uniq_field: field for field in fields.values()}
    for name, change in patch.items():
        pointer = child_pointer("", name)
        field = by_name.get(name)
        if field is None:
            if change is None:
                yield pointer
            continue
        document = getattr(field, "document_type", None)
        if document is not None and isinstance(change, dict):
            yield from (f"{pointer}{below}" for below in unknown_fields(change, document._fields))
