"""Writing items: from a document as a caller sent it to the record that a storage keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from brubeck.callables import run_hook
from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.limits import MOST_FAULTS
from brubeck.errors import BrubeckError
from brubeck.http import Problem
from brubeck.http.json_text import decode_json
from brubeck.storage import Change, Put, Record, Refused, Schema, check_canonical
from brubeck.storage.canonical import MAX_BYTES
from brubeck.storage.ids import RULE, is_id
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.shapes import Shape, read_visible, shape

if TYPE_CHECKING:
    from brubeck.streams.handler import StreamHandler


MOST_ERRORS: Final = 1000
"""How many errors an answer names for all items of a request together."""


class Result(msgspec.Struct):
    """The outcome of one item of several: its status, and its body or its problem."""

    status: int
    id: str = ""
    position: int = 0
    body: bytes = b"null"
    problem: Problem | None = None
    made_id: bool = False
    """Whether the server made the id."""

    def json(self) -> bytes:
        """Return the result as one element of a list of results."""
        if self.problem is None:
            return b'{"status":%d,"data":%b}' % (self.status, self.body)
        members = {"status": self.status} | self.problem.to_dict()
        if self.id:
            members = {"id": self.id} | members
        return msgspec.json.encode(members)


class Drafts:
    """New items of one request, written in one go; each succeeds or fails by itself."""

    def __init__(self, handler: StreamHandler) -> None:
        self._handler = handler
        self._results: list[Result] = []
        self._puts: list[tuple[Result, Put]] = []
        self._errors_left = MOST_ERRORS

    def add(self, body: bytes) -> None:
        """Take the JSON of one new item."""
        result = Result(201)
        self._results.append(result)
        try:
            put = draft(self._handler, body, str(len(self._results)), most=self._most)
        except (BrubeckError, ValueError) as reason:
            _fail(result, self._handler, reason)
            self._limit_errors(result.problem)
        else:
            result.made_id = self._handler.plan.made(put.id)
            result.id = put.id
            self._puts.append((result, put))

    @property
    def _most(self) -> int:
        """The number of errors that are worth finding in the next item."""
        return max(1, min(MOST_FAULTS, self._errors_left))

    def _limit_errors(self, problem: Problem | None) -> None:
        """Cut the errors to `MOST_ERRORS` of all items together; each item keeps its first."""
        if problem is None or not problem.errors:
            return
        left = max(1, self._errors_left)
        if len(problem.errors) > left:
            problem.errors = [
                *problem.errors[:left],
                ("", "There are more errors in this request."),
            ]
        self._errors_left -= len(problem.errors)

    def refuse(self, problem: Problem) -> None:
        """Take note of an item that cannot even be looked at."""
        self._results.append(Result(problem.status, problem=problem))

    def write(self) -> list[Result]:
        """Write all valid items, and return the result of each item, in order."""
        handler = self._handler
        cut = shape(None, handler.hidden)
        puts = self._puts
        if handler.plan.resumed:
            puts = self._left(cut)
        outcomes = handler.queryset.write([put for _, put in puts]) if puts else []
        changes = []
        for (result, put), outcome in zip(puts, outcomes, strict=True):
            if isinstance(outcome, Refused):
                _fail(
                    result, handler, Problem(409, f"An item with the id {put.id} already exists.")
                )
            else:
                result.position, result.body = outcome.position, cut(put.body)
                changes.append(changed(put, outcome.position))
        handler.tell(changes)
        return self._results

    def _left(self, cut: Shape) -> list[tuple[Result, Put]]:
        """Return the writes that an earlier attempt at this request has not done.

        A write is known by its token, for a while; after that it is known as done by an item with
        the id that the server made for it, or by an item with the same body.
        """
        left = []
        found = self._handler.queryset.get([put.id for _, put in self._puts])
        for (result, put), there in zip(self._puts, found, strict=True):
            same = isinstance(there, Record) and there.body == put.body
            if there is not None and (same or result.made_id):
                result.position, result.body = there.position, cut(put.body)
            else:
                left.append((result, put))
        return left


def changed(put: Put, position: int) -> Change:
    """Return the change that a write made."""
    return Change(position, put.id, Record(put.id, put.created_at, position, put.body))


def _fail(result: Result, handler: StreamHandler, reason: Exception) -> None:
    problem = reason if isinstance(reason, Problem) else handler.problem(reason)
    if problem is None:
        raise reason
    # Its traceback refers to the holder of the result: a cycle that would keep memory.
    result.status, result.problem = problem.status, problem.with_traceback(None)


def draft(
    handler: StreamHandler,
    body: bytes,
    name: str,
    item_id: str | None = None,
    most: int = MOST_FAULTS,
) -> Put:
    """Return the write that creates an item; ``item_id`` is the one in the URL, if any is.

    ``name`` is what the write is called within its request.

    Raises `ShieldException` or a `Problem` (422, or 400 for a body that is not JSON).
    """
    document = read_document(handler, body, most)
    # What is set here has the types of the fields already: the struct below them takes it as it is.
    data = document.__data__
    given = data.id
    if given is not None and not is_id(given):
        raise invalid("/id", RULE)
    if item_id is not None and given not in (None, item_id):
        raise invalid("/id", f"The id in the URL is {item_id}.")
    run_hook(handler.check_chosen_id, item_id or given)
    data.id = item_id or given or handler.plan.new_id()
    if data.created_at is not None and not handler.accept_created_at:
        raise invalid("/created_at", "The server sets it.")
    if data.created_at is None:
        data.created_at = handler.plan.now
    if data.updated_at is None or not handler.accept_created_at:
        data.updated_at = handler.plan.now
    for field in handler.set_by_server:
        setattr(document, field, None)
    handler.claim(document)
    if handler.looks_at_writes:
        _look(handler, handler.before_create, document)
    run_hook(handler.check_document, document)
    return put(document, handler.schema, handler.plan.token(name))


def revise(
    handler: StreamHandler, document: StreamedDocument, stored: StreamedDocument, expected: int
) -> Put:
    """Return the write that replaces a live item by a document."""
    if document.id not in (None, stored.id):
        raise invalid("/id", f"The id of this item is {stored.id}.")
    if document.created_at not in (None, stored.created_at):
        raise invalid("/created_at", f"This item was made at {stored.created_at}.")
    document.id, document.created_at = stored.id, stored.created_at
    document.updated_at = handler.plan.now
    for field in (*handler.set_by_server, *handler.hidden):
        setattr(document, field, getattr(stored, field))
    if handler.looks_at_writes:
        _look(handler, handler.before_update, document, stored)
    run_hook(handler.check_document, document)
    return put(document, handler.schema, handler.plan.token(stored.id or ""), expected)


def _look(
    handler: StreamHandler,
    hook: Callable[..., None],
    document: StreamedDocument,
    *args: StreamedDocument,
) -> None:
    """Run a hook that may change a document, but not its id and time; then validate it."""
    place = document.id, document.created_at
    run_hook(hook, document, *args)
    if (document.id, document.created_at) != place:
        raise TypeError(f"a hook of {type(handler).__name__} moved the item {place[0]}")
    document.validate(validate_all=True)


def put(document: StreamedDocument, schema: Schema, token: str, expected: int | None = None) -> Put:
    """Return the write of a finished, valid document."""
    body = document.encode()
    check_canonical(body, values=False)
    schema.check(body)  # here it is the fault of one item, in the storage of all its neighbours
    data = document.__data__
    return Put(
        id=data.id or "",
        created_at=data.created_at or 0,
        body=body,
        token=token,
        expected=expected,
    )


def read_document(handler: StreamHandler, body: bytes, most: int = MOST_FAULTS) -> StreamedDocument:
    """Return the document of a body: 400 when it is not JSON, 422 when it is not valid.

    One that is longer than an item may be is not even looked at: 413.
    """
    if len(body) > MAX_BYTES:
        raise too_long(f"{len(body)}")
    try:
        return read_visible(handler.model, body, handler.hidden, most)
    except ShieldException:
        parse_json(body)
        raise


def too_long(size: str) -> Problem:
    """Return the problem of an item that is longer than it may be."""
    return Problem(413, f"An item has at most {MAX_BYTES} bytes; this one has {size}.")


def parse_json(body: bytes) -> object:
    """Return the value of a JSON text; a `Problem` (400) when it is none."""
    return decode_json(body)


def invalid(pointer: str, detail: str) -> Problem:
    """Return the problem of one wrong field."""
    return Problem(422, "The document is not valid.", errors=[(pointer, detail)])
