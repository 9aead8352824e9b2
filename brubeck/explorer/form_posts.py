"""Forms that a browser posts: to create, change and delete items.

They go to the stream's own URL as ``application/x-www-form-urlencoded``, which no other request to
it may be, from a browser (``Accept`` prefers HTML) and from a page of this site: any other is
refused (403). The field ``action`` says what to do; ``id`` and ``position`` name the item and the
version that the person saw, as ``If-Match`` does. Answers are pages, or lead to one (303).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from brubeck.auth.csrf import require_same_site
from brubeck.auth.scheme import origins_of
from brubeck.documents.repository import Entry, Repository
from brubeck.errors import BrubeckError
from brubeck.explorer.document_form import (
    changes_of,
    compared,
    form_fields,
    given_texts,
    other_errors,
    texts_of,
)
from brubeck.explorer.rendering import headers_of, render, wants_page
from brubeck.explorer.stream_page import dress
from brubeck.http import Problem, Request, Response
from brubeck.storage import Change, Delete, Put, Record
from brubeck.streams.items import MAX_ATTEMPTS, patched, present
from brubeck.streams.parameters import no_parameters
from brubeck.streams.problems import problem_of
from brubeck.streams.spec import StreamSpec
from brubeck.streams.writing import Drafts, Writer, changed, read_document

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_AT_FIELDS: Final = frozenset((409, 413, 422))
"""The statuses of problems that are shown in the form, with what was typed."""


class _Changed(Exception):
    """The item is not at the version that the person saw."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.id)
        self.record = record


def is_form_post(request: Request, spec: StreamSpec) -> bool:
    """Return whether a POST is a form of the explorer."""
    is_form = spec.explorer and request.content_type == MEDIA_TYPE
    return is_form and wants_page(request.header("accept"))


def post_form(writer: Writer) -> Response:
    """Carry out a form; return the page of its errors, or the way to the result."""
    context = writer.context
    request = context.request
    require_same_site(request, origins_of(context.spec.schemes))
    no_parameters(request.query_pairs)
    pairs = request.form.fields
    given = dict(pairs)
    action = _ACTIONS.get(given.get("action", ""))
    if action is None:
        raise Problem(400, f"The field action is one of {', '.join(_ACTIONS)}.")
    return action(writer, given, given_texts(pairs))


def _create(writer: Writer, _given: Mapping[str, str], texts: Mapping[str, str]) -> Response:
    try:
        body = msgspec.json.encode(changes_of(writer.context.spec, texts))
    except Problem as problem:
        return _form_page(writer, problem, texts, None)
    drafts = Drafts(writer)
    drafts.add(body)
    (result,) = drafts.write()
    if result.problem is None:
        return _see(writer, f"/{result.id}")
    return _form_page(writer, result.problem, texts, None)


def _update(writer: Writer, given: Mapping[str, str], texts: Mapping[str, str]) -> Response:
    context, spec = writer.context, writer.context.spec
    item_id, position = given.get("id", ""), _position(given)

    def propose(found: Entry) -> Put:
        record = _seen(item_id, found, position)
        stored = writer.stored(record)
        changes = changes_of(spec, texts, texts_of(spec, record.body))
        ignored = {"updated_at", *spec.set_by_server, *spec.hidden}
        document = read_document(spec, patched(stored, changes, ignored))
        return writer.revise(document, stored, record.position)

    try:
        written = _repository(writer).change(item_id, propose, MAX_ATTEMPTS)
    except _Changed as reason:
        return _conflict_page(writer, reason.record, texts)
    except (BrubeckError, ValueError) as reason:
        problem = problem_of(reason, context)
        if problem is None:
            raise
        return _form_page(writer, problem, texts, (item_id, position))
    if written is not None:
        put, outcome = written
        writer.announce([changed(put, outcome.position)])
    return _see(writer, f"/{item_id}")


def _delete(writer: Writer, given: Mapping[str, str], _texts: Mapping[str, str]) -> Response:
    item_id, position = given.get("id", ""), _position(given)

    def propose(found: Entry) -> Delete:
        return writer.removal(_seen(item_id, found, position))

    try:
        written = _repository(writer).change(item_id, propose, MAX_ATTEMPTS)
    except _Changed as reason:
        return _conflict_page(writer, reason.record, None)
    if written is not None:
        writer.announce([Change(written[1].position, item_id, None)])
    return _see(writer, "")


_ACTIONS: Final[Mapping[str, Callable[..., Response]]] = {
    "create": _create,
    "update": _update,
    "delete": _delete,
}


def _repository(writer: Writer) -> Repository:
    return Repository(writer.context.records, writer.context.viewer)


def _position(given: Mapping[str, str]) -> int:
    text = given.get("position", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Problem(400, "The field position is that of the version that is changed.")
    return int(text)


def _seen(item_id: str, found: Entry, position: int) -> Record:
    """Return the record, as it was when the form was made."""
    record = present(item_id, found)
    if record.position != position:
        raise _Changed(record)
    return record


def _see(writer: Writer, path: str) -> Response:
    """Return the way to a page, which a browser then gets."""
    headers = writer.context.spec.headers.copy()
    headers["Location"] = f"{writer.context.base}{path}"
    return Response(b"", 303, headers=headers)


def _form_page(
    writer: Writer, problem: Problem, texts: Mapping[str, str], item: tuple[str, int] | None
) -> Response:
    """Return the form with what was typed and the errors at their fields."""
    if problem.status not in _AT_FIELDS:
        raise problem
    spec = writer.context.spec
    others = other_errors(spec, problem.errors, new=item is None)
    heading = "New item" if item is None else f"Edit {item[0]}"
    body = render(
        "form.html",
        **dress(writer.context) | {"heading": heading},
        detail=problem.detail,
        others=others,
        item_id=item[0] if item else "",
        position=item[1] if item else 0,
        fields=form_fields(spec, texts, problem.errors, new=item is None),
        differences=[],
    )
    return _page(writer, body, problem.status)


def _conflict_page(writer: Writer, record: Record, texts: Mapping[str, str] | None) -> Response:
    """Return both versions of an item, and the form with the person's own; 412.

    A caller who may not read is shown neither: a made-up position would be a way to read.
    """
    if not writer.may_read:
        raise Problem(412, "The item has changed since.")
    spec = writer.context.spec
    stored = texts_of(spec, record.body)
    mine = stored if texts is None else {**stored, **texts}
    body = render(
        "form.html",
        **dress(writer.context) | {"heading": f"{record.id} was changed"},
        detail="Somebody changed the item after you opened it, and nothing of yours was written.",
        others=[],
        item_id=record.id,
        position=record.position,
        fields=form_fields(spec, mine, new=False) if texts is not None else [],
        differences=list(compared(spec, stored, mine)),
    )
    return _page(writer, body, 412)


def _page(writer: Writer, body: bytes, status: int) -> Response:
    headers = headers_of(writer.context.spec.headers.copy())
    headers["Cache-Control"] = "no-store"
    return Response(body, status, headers=headers)
