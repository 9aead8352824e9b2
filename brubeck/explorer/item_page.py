"""The page of an item: its fields with their descriptions, its JSON, and the items beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from brubeck.explorer.cells import Cell, link_of
from brubeck.explorer.columns import known_columns
from brubeck.explorer.document_form import LARGEST, form_fields, indented, texts_of
from brubeck.explorer.item_actions import action_forms
from brubeck.explorer.rendering import render
from brubeck.explorer.rights import may_change
from brubeck.explorer.stream_page import dress
from brubeck.storage import PageQuery, Record, TimelineCursor
from brubeck.streams.context import Context
from brubeck.streams.entries import plain
from brubeck.streams.projection import members, projection
from brubeck.timekeeping import EARLIEST, LATEST, millis_to_rfc3339

_OWNER: Final = ("owner_username", "owner_id")


class Member(msgspec.Struct, frozen=True):
    """A field of an item, with its value as a person reads it, whole."""

    name: str
    description: str
    value: Cell


def item_page(context: Context, record: Record, fields: tuple[str, ...] | None) -> bytes:
    """Return the page of an item."""
    changes = may_change(context, record)
    edits = changes and len(record.body) <= LARGEST
    texts = texts_of(context.spec, record.body) if edits else {}
    body = projection(fields, context.spec.hidden)(record.body)
    values: dict[str, Any] = dress(context) | {
        "heading": record.id,
        "members": list(_members(context, body)),
        "raw": indented(body),
        "position": record.position,
        "owner": _owner(context, body),
        "newer": _neighbour(context, record, descending=False),
        "older": _neighbour(context, record, descending=True),
        "back": _way_back(context, record),
        "may_change": changes,
        "actions": action_forms(context) if changes else [],
        "fields": form_fields(context.spec, texts, new=False) if edits else [],
    }
    return render("item.html", **values)


def _members(context: Context, body: bytes) -> Iterator[Member]:
    found, fields = members(body), context.spec.model._fields
    names = [name for name in known_columns(context.spec) if name in found]
    for name in [*names, *(name for name in found if name not in fields)]:
        field = fields.get(name)
        description = getattr(field, "description", None) or ""
        yield Member(name, description, _whole(bytes(found[name]), field))


def _whole(json: bytes, field: Any) -> Cell:
    """Return a value in full; a time with its milliseconds as they are stored in the title."""
    if json[:1] in (b"[", b"{"):
        return Cell(indented(json), "j")
    value = msgspec.json.decode(json)
    text = plain(value)
    if isinstance(value, str):
        link = link_of(text)
        return Cell(text, href=link[0] if link else "")
    kind = "" if field is None else field.kind
    if kind == "milliseconds" and isinstance(value, int) and EARLIEST <= value <= LATEST:
        moment = millis_to_rfc3339(value)
        return Cell(moment, "t", text, time=moment)
    return Cell(text, "b" if isinstance(value, bool) else "n" if text else "")


def _owner(context: Context, body: bytes) -> str:
    """Return the name or the id of the owner, as far as the caller sees it."""
    if not context.spec.set_by_server:
        return ""
    found = members(body)
    texts = [plain(msgspec.json.decode(found[name])) for name in _OWNER if name in found]
    return next((text for text in texts if text), "")


def _neighbour(context: Context, record: Record, *, descending: bool) -> str:
    """Return the link to the next item of the timeline in a direction; empty at its end."""
    start = TimelineCursor(record.created_at, record.id)
    query = PageQuery(limit=1, descending=descending, start=start, viewer=context.viewer)
    found = context.records.page(query).records
    return f"{context.base}/{found[0].id}" if found else ""


def _way_back(context: Context, record: Record) -> str:
    """Return the link to the stream's page that the reader came from.

    From elsewhere, it is the page that begins with the item.
    """
    came_from = urlsplit_or_none(context.request.header("referer"))
    if came_from is not None:
        host, path, query = came_from
        if host == context.request.host and path == context.base and query.isascii():
            return f"{path}?{query}" if query else path
    return f"{context.base}?before={min(record.created_at + 1, LATEST + 1)}"


def urlsplit_or_none(url: str | None) -> tuple[str, str, str] | None:
    """Return the host, path and query of a URL; None where it is none."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return parts.netloc, parts.path, parts.query
