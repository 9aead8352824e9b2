"""Answers of a stream as values: items, pages, changes, results, and problems as exceptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from brubeck.client.errors import NotFound, PreconditionFailed, Problem
from brubeck.client.query import CURSOR, link_pairs
from brubeck.client.steps import Reply

_ITEM_ERRORS = {404: NotFound, 410: NotFound, 412: PreconditionFailed}
_MEMBERS = frozenset(("type", "title", "status", "detail", "errors", "id"))


class Item(dict[str, Any]):
    """An item as the server has it, with its entity tag.

    ``etag`` is what ``if_match`` takes. Items of pages have none; those of changes have one.
    """

    __slots__ = ("etag",)

    def __init__(self, members: Mapping[str, Any], etag: str | None = None) -> None:
        super().__init__(members)
        self.etag = etag

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self["id"])


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the timeline.

    ``next`` and ``previous`` are links for ``pages(start=…)``, None where nothing lies there.
    ``changes`` is the link to the changes after this page, ``cursor`` the change cursor in it.
    ``total`` is None unless it was requested; ``total_exact`` says whether it is exact.
    """

    items: list[Item]
    next: str | None
    previous: str | None
    changes: str
    total: int | None = None
    total_exact: bool = True

    @property
    def cursor(self) -> str:
        """The change cursor for ``follow(after=…)``: it was taken before the page was read."""
        return cursor_of(self.changes)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an item: its latest state, or None after its deletion.

    ``cursor`` is where ``follow(after=…)`` continues; ``position`` grows from change to change.
    ``version`` counts the writes of this life of the item, from 1; it is 0 for a deletion, and when
    the server does not say it.
    """

    op: Literal["put", "delete"]
    id: str
    item: Item | None
    position: int
    cursor: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one of several documents: the created item, or the problem."""

    status: int
    item: Item | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A step of the changes: ``cursor`` is where the next one begins.

    ``tick`` is in the URL of the next one, too: it keeps caches from giving an empty page again.
    """

    changes: list[Change]
    cursor: str
    caught_up: bool
    tick: str = ""


def json_of(reply: Reply) -> dict[str, Any]:
    """Return the object in a successful answer; a `Problem` for any other answer."""
    if not 200 <= reply.status < 300:
        raise problem_of(reply)
    value = _json(reply)
    if value is None:
        detail = f"The answer is {reply.media_type or 'of no type'}, not JSON."
        raise Problem(reply.status, detail=detail, headers=reply.headers)
    return value


def problem_of(reply: Reply) -> Problem:
    """Return the exception of an answer that is no success."""
    members = _json(reply) or {}
    detail = _text(members.get("detail"))
    if not detail and 300 <= reply.status < 400:
        detail = f"Redirects are not followed; use {reply.headers.get('location')}"
    return _problem(reply.status, members, detail, reply.headers)


def _problem(
    status: int, members: Mapping[str, Any], detail: str, headers: Mapping[str, str]
) -> Problem:
    title = _text(members.get("title")) or _phrase(status)
    extra = {name: value for name, value in members.items() if name not in _MEMBERS}
    errors = _errors(members.get("errors"))
    kind = _ITEM_ERRORS.get(status, Problem)
    return kind(status, title, detail, errors=errors, headers=headers, extra=extra)


def _json(reply: Reply) -> dict[str, Any] | None:
    """Return the JSON object of an answer, or None when it has none."""
    if reply.media_type != "application/json" and not reply.media_type.endswith("+json"):
        return None
    try:
        value = json.loads(reply.body)
    except (ValueError, RecursionError):  # cut, not UTF-8, or nested too deeply
        return None
    return value if isinstance(value, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _errors(value: object) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        return []
    found = [each for each in value if isinstance(each, dict)]
    return [(_text(each.get("pointer")), _text(each.get("detail"))) for each in found]


def item_of(reply: Reply) -> Item:
    """Return the item of an answer, with its entity tag.

    A proxy that compresses makes the tag weak, which no ``If-Match`` meets; the server's own is
    always strong.
    """
    tag = reply.headers.get("etag")
    value = json_of(reply)
    members = value.get("data")
    if not isinstance(members, dict) or not isinstance(members.get("id"), str):
        raise Problem(reply.status, detail="The answer has no item.", headers=reply.headers)
    return Item(members, tag.removeprefix("W/") if tag else None)


def page_of(reply: Reply) -> Page:
    """Return the page of an answer."""
    value = json_of(reply)
    try:
        paging = value["paging"]
        return Page(
            items=[_item(members) for members in value["data"]],
            next=_link(paging["next"]),
            previous=_link(paging["previous"]),
            changes=_changes_link(paging["changes"]),
            total=paging.get("total"),
            total_exact=paging.get("total_exact", True),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        raise _not_of_a_stream(reply) from reason


def results_of(reply: Reply) -> list[Result]:
    """Return the results of a list of documents, in order."""
    value = json_of(reply)
    try:
        return [_result(members) for members in value["data"]]
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        raise _not_of_a_stream(reply) from reason


def _result(members: Mapping[str, Any]) -> Result:
    if "status" not in members or not isinstance(members["status"], int):
        raise ValueError("a result has a status")
    status: int = members["status"]
    if status < 300:
        return Result(status, item=_item(members["data"]))
    return Result(status, problem=_problem(status, members, _text(members.get("detail")), {}))


def changes_of(reply: Reply) -> ChangesPage:
    """Return a step of the changes."""
    value = json_of(reply)
    try:
        paging = value["paging"]
        cursor = cursor_of(paging["next"])
        changes = [change_of(members, _moved(cursor, members)) for members in value["data"]]
        ticks = [value for name, value in link_pairs(paging["next"]) if name == "tick"]
        return ChangesPage(changes, cursor, paging["caught_up"] is True, *ticks[:1])
    except (KeyError, TypeError, ValueError, AttributeError) as reason:
        raise _not_of_a_stream(reply) from reason


def change_of(members: Mapping[str, Any], cursor: str) -> Change:
    """Return a change: an element of ``data[]`` of the changes, or the data of an event."""
    position, data = members["position"], members["data"]
    op: Literal["put", "delete"] = "delete" if members["op"] == "delete" else "put"
    item = None if op == "delete" else _item(data, f'"{position}"')
    item_id, version = members["id"], members.get("version", 0)
    if type(position) is not int or type(version) is not int or not isinstance(item_id, str):
        raise ValueError("a change has a position and the id of an item")
    return Change(op, item_id, item, position, cursor, version)


def _item(members: object, etag: str | None = None) -> Item:
    """Return an item; `ValueError` for any other value."""
    if not isinstance(members, dict) or not isinstance(members.get("id"), str):
        raise ValueError("an item is an object with an id")  # noqa: TRY004, as any other wrong answer
    return Item(members, etag)


def _link(value: object) -> str | None:
    """Return a link that can be followed, or None; `ValueError` for anything else."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"a link is a text, and not {value!r}")  # noqa: TRY004, likewise
    link_pairs(value)
    return value


def _changes_link(value: object) -> str:
    link = _link(value) or ""
    cursor_of(link)
    return link


def cursor_of(link: str) -> str:
    """Return the change cursor in a link; `ValueError` when there is none."""
    for name, value in link_pairs(link):
        if name == "after":
            return sent_cursor(value)
    raise ValueError(f"there is no cursor in {link!r}")


def sent_cursor(text: str) -> str:
    """Return the cursor that an event brings; `ValueError` for a text that is none."""
    if not CURSOR.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no cursor")
    return text


def _moved(cursor: str, members: Mapping[str, Any]) -> str:
    """Return the cursor of one change of a page; ``cursor`` is the page's end."""
    _, *era = cursor.split("~")
    return "~".join([str(members["position"]), *era])


def _not_of_a_stream(reply: Reply) -> Problem:
    detail = "The answer is not that of a stream."
    return Problem(reply.status, detail=detail, headers=reply.headers)


def json_value(text: str) -> dict[str, Any]:
    """Return the object of an event's data; `ValueError` when it is none."""
    try:
        value = json.loads(text)
    except RecursionError as reason:
        raise ValueError("it is nested too deeply") from reason
    if not isinstance(value, dict):
        raise ValueError("it is no object")  # noqa: TRY004, as any other wrong text
    return value
