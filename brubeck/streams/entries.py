"""Entries: the title, text and author under which an item appears in a feed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

TITLES: Final = ("title", "name", "subject", "headline", "summary", "text")
"""The fields that may hold an item's title, in the order of preference."""
LONGEST_TITLE: Final = 120

_APART: Final = frozenset(("id", "created_at", "updated_at", "owner_id", "owner_username"))


class FeedEntry(msgspec.Struct, frozen=True):
    """A feed's entry of one item: plain texts, of which any may be empty but the title."""

    title: str
    text: str = ""
    author: str = ""


def default_entry(item: Mapping[str, Any]) -> FeedEntry:
    """Return an entry for an item of which nothing more is known.

    >>> default_entry({'id': 'ci1', 'created_at': 7, 'place': 'Ely', 'magnitude': 4.5})
    FeedEntry(title='Ely', text='magnitude: 4.5', author='')
    """
    named = _title_field(item)
    title = " ".join(str(item[named]).split()) if named else str(item.get("id", ""))
    if len(title) > LONGEST_TITLE:
        title, named = f"{title[: LONGEST_TITLE - 1]}…", ""
    rest = {name: value for name, value in item.items() if name not in _APART and name != named}
    text = "\n".join(f"{name}: {plain(value)}" for name, value in rest.items() if value is not None)
    return FeedEntry(title, text, plain(item.get("owner_username")))


def plain(value: object) -> str:
    """Return any value of an item as text: a text as it is, nothing as nothing, the rest as JSON.

    >>> plain('x'), plain(None), plain([1.5, True])
    ('x', '', '[1.5,true]')
    """
    if value is None or isinstance(value, str):
        return value or ""
    return msgspec.json.encode(value).decode()


def _title_field(item: Mapping[str, Any]) -> str:
    """Return the name of the field with an entry's title; empty where there is none."""
    for name in (*TITLES, *item):
        value = item.get(name)
        if name not in _APART and isinstance(value, str) and value.strip():
            return name
    return ""
