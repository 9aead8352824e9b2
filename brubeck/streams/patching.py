"""JSON Merge Patch (RFC 7396): a change to a document that looks like the document."""

from __future__ import annotations

from typing import Final

MEDIA_TYPES: Final = ("application/merge-patch+json", "application/json")


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
