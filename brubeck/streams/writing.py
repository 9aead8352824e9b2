"""Writing items: from a document as a caller sent it to the record that a storage keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final

import msgspec

from brubeck import green
from brubeck.callables import check_answer, run_hook
from brubeck.canonical import MAX_BYTES
from brubeck.dictshield.base import USER_CODE_ERRORS, ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.limits import MOST_FAULTS
from brubeck.errors import BrubeckError
from brubeck.http import Problem
from brubeck.http.json_text import decode_json
from brubeck.storage import (
    Change,
    Delete,
    Put,
    Record,
    RecordSchema,
    Refused,
    Tombstone,
    Written,
    check_canonical,
)
from brubeck.storage.ids import RULE, is_id
from brubeck.streams.access import OpenAccess
from brubeck.streams.context import Context
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.private_fields import read_visible
from brubeck.streams.problems import problem_of
from brubeck.streams.projection import Projection, members, projection, whole
from brubeck.streams.spec import StreamSpec

log = logging.getLogger("brubeck.app")

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

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._context = writer.context
        self._results: list[Result] = []
        self._puts: list[tuple[Result, Put]] = []
        self._errors_left = MOST_ERRORS
        self._most = MOST_FAULTS
        """The number of errors that are worth finding in the next item."""

    def add(self, body: bytes) -> None:
        """Take the JSON of one new item."""
        result = Result(201)
        self._results.append(result)
        try:
            put = self._writer.draft(body, str(len(self._results)), most=self._most)
        except (BrubeckError, ValueError) as reason:
            _fail(result, self._context, reason)
            self._limit_errors(result.problem)
        else:
            result.made_id = self._context.plan.is_new_id(put.id)
            result.id = put.id
            self._puts.append((result, put))

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
        self._most = max(1, min(MOST_FAULTS, self._errors_left))

    def refuse(self, problem: Problem) -> None:
        """Take note of an item that cannot even be looked at."""
        self._results.append(Result(problem.status, problem=problem))

    def write(self) -> list[Result]:
        """Write all valid items, and return the result of each item, in order."""
        context = self._context
        project = self._writer.projection
        puts = self._puts
        if context.plan.resumed:
            puts = self._left(project)
        outcomes = context.records.write([put for _, put in puts]) if puts else []
        for (result, put), outcome in zip(puts, outcomes, strict=True):
            if isinstance(outcome, Refused):
                taken = Problem(409, f"An item with the id {put.id} already exists.")
                _fail(result, context, taken)
            else:
                result.position = outcome.position
                result.body = put.body if project is whole else project(put.body)
        if self._writer.announces:
            written = zip(puts, outcomes, strict=True)
            self._writer.announce(
                changed(put, outcome.position, None)
                for (_, put), outcome in written
                if isinstance(outcome, Written)
            )
        return self._results

    def _left(self, project: Projection) -> list[tuple[Result, Put]]:
        """Return the writes that an earlier attempt at this request has not done.

        A write is known by its token, for a while; after that it is known as done by an item with
        the id that the server made for it, or by an item with the same body.
        """
        left = []
        found = self._context.records.get([put.id for _, put in self._puts])
        for (result, put), there in zip(self._puts, found, strict=True):
            same = isinstance(there, Record) and there.body == put.body
            if there is not None and (same or result.made_id):
                result.position, result.body = there.position, project(put.body)
            else:
                left.append((result, put))
        return left


def changed(put: Put, position: int, found: Record | Tombstone | None) -> Change:
    """Return the change that a write made of the entry that was found."""
    version = found.version + 1 if isinstance(found, Record) else 1
    return Change(position, put.id, Record(put.id, put.created_at, position, put.body, version))


def _fail(result: Result, context: Context, reason: Exception) -> None:
    problem = problem_of(reason, context)
    if problem is None:
        raise reason
    # Its traceback, or that of its cause, refers to the holder of the result: a cycle that would
    # keep memory, until a collection that holds up others finds the thousands of an import.
    problem.__cause__ = problem.__context__ = None
    result.status, result.problem = problem.status, problem.with_traceback(None)


class Writer:
    """The writes of one request: checked by the stream's access and hooks, and made into records.

    Its methods raise `ShieldException` or a `Problem` for what may not be written.
    """

    def __init__(self, context: Context, access: OpenAccess) -> None:
        self.context = context
        self._spec = context.spec
        self._access = access
        self._overridden = context.spec.overridden
        # A check that does nothing is not called: there may be thousands of items.
        self._checks_new_id = _overrides(access, "check_new_id")
        self._assigns_owner = _overrides(access, "assign_owner")
        self._checks_document = _overrides(access, "check_document")

    @cached_property
    def projection(self) -> Projection:
        """The function that reduces a written item to the fields that the caller may read back.

        Without the right to read that is the id alone.
        """
        return projection(None if self.may_read else (), self._spec.hidden)

    @cached_property
    def may_read(self) -> bool:
        """Whether the caller may read what it writes."""
        return check_answer(self._access.may_read(self.context), "may_read")

    def draft(
        self, body: bytes, name: str, item_id: str | None = None, most: int = MOST_FAULTS
    ) -> Put:
        """Return the write that creates an item; ``item_id`` is the one in the URL, if any is.

        ``name`` is the write's name within its request; at ``most`` so many errors are reported.
        """
        spec, context, access = self._spec, self.context, self._access
        document = read_document(spec, body, most)
        # The values set here have the types of the fields: the struct below them takes them as they
        # are.
        data = document.__data__
        given = data.id
        plan = context.plan
        if self._checks_new_id or given is not None or item_id is not None:
            self._check_new_id(given, item_id)
        data.id = item_id or given or plan.new_id()
        if data.created_at is None:
            data.created_at = plan.now
        elif not spec.accept_created_at:
            raise invalid("/created_at", "The server sets it.")
        if data.updated_at is None or not spec.accept_created_at:
            data.updated_at = plan.now
        for field in spec.set_by_server:
            setattr(document, field, None)
        if self._assigns_owner:
            run_hook(access.assign_owner, context, document)
        if "before_create" in self._overridden:
            self._run(context.hooks.before_create, document)
        if self._checks_document:
            run_hook(access.check_document, context, document)
        return put(document, spec.schema, plan.token(name))

    def _check_new_id(self, given: str | None, item_id: str | None) -> None:
        """Refuse the id of a new item, by its document or by the URL, if it may not be."""
        if given is not None and not is_id(given):
            raise invalid("/id", RULE)
        if item_id is not None and given not in (None, item_id):
            raise invalid("/id", f"The id in the URL is {item_id}.")
        if self._checks_new_id:
            run_hook(self._access.check_new_id, self.context, item_id or given)

    def stored(self, record: Record) -> StreamedDocument:
        """Return the stored document of an item that the caller may change."""
        run_hook(self._access.check_change, self.context, record)
        return self._spec.model.decode_stored(record.body)

    def revise(self, document: StreamedDocument, stored: StreamedDocument, expected: int) -> Put:
        """Return the write that replaces a live item by a document."""
        spec, context = self._spec, self.context
        if document.id not in (None, stored.id):
            raise invalid("/id", f"The id of this item is {stored.id}.")
        if document.created_at not in (None, stored.created_at):
            raise invalid("/created_at", "The time at which an item was made stays the same.")
        document.id, document.created_at = stored.id, stored.created_at
        document.updated_at = context.plan.now
        for field in (*spec.set_by_server, *spec.hidden):
            setattr(document, field, getattr(stored, field))
        if "before_update" in self._overridden:
            self._run(context.hooks.before_update, document, stored)
        run_hook(self._access.check_document, context, document)
        return put(document, spec.schema, context.plan.token(stored.id or ""), expected)

    def removal(self, record: Record) -> Delete:
        """Return the write that deletes an item as it is stored."""
        context = self.context
        run_hook(self._access.check_change, context, record)
        if self.decodes_removed:
            stored = self._spec.model.decode_stored(record.body)
            run_hook(context.hooks.before_delete, context, stored)
        token = context.plan.token(record.id)
        return Delete(id=record.id, token=token, expected=record.position)

    @property
    def decodes_removed(self) -> bool:
        """Whether a removal decodes the item, for a hook that is given the whole document."""
        return "before_delete" in self._overridden

    @property
    def announces(self) -> bool:
        """Whether the stream has a hook that is called with the changes of a request."""
        return "after_change" in self._overridden

    def announce(self, made: Iterable[Change]) -> None:
        """Call `after_change` with changes; an exception is logged, and the changes stand."""
        changes = list(made)
        if not changes or not self.announces:
            return
        try:
            run_hook(self.context.hooks.after_change, self.context, changes)
        except Exception:
            log.exception("after_change of %s failed", self._spec.name)

    def _run(
        self, hook: Callable[..., None], document: StreamedDocument, *stored: StreamedDocument
    ) -> None:
        """Run a hook that may change a document, but not its id and time.

        The fields that it has changed are validated, and those that no caller gives.
        """
        key, before = (document.id, document.created_at), _encoded(document)
        run_hook(hook, self.context, document, *stored)
        if (document.id, document.created_at) != key:
            raise TypeError(f"a hook of {self._spec.name} moved the item {key[0]}")
        spec, after = self._spec, _encoded(document)
        if before is None or after is None or type(document).validate is not Document.validate:
            document.validate(validate_all=True)
        else:
            # Those of an item that is there were copied from it: only the hook can change them.
            given = set() if stored else {*spec.set_by_server, *spec.hidden}
            document.validate_fields(given | _differing(document, before, after))


def _overrides(access: OpenAccess, name: str) -> bool:
    """Return whether a method of an access is another than that of `OpenAccess`."""
    return getattr(type(access), name) is not getattr(OpenAccess, name) or name in vars(access)


def _encoded(document: StreamedDocument) -> bytes | None:
    """Return the stored form of a document; None where a value has none, as a hook may set it."""
    try:
        return document.encode()
    except (*USER_CODE_ERRORS, RecursionError, msgspec.MsgspecError):
        return None


def _differing(document: StreamedDocument, before: bytes, after: bytes) -> set[str]:
    """Return the fields of which two encoded forms of a document differ."""
    if before == after:
        return set()
    first, second = members(before), members(after)
    names = ((name, field.uniq_field) for name, field in document._fields.items())
    return {name for name, key in names if first.get(key) != second.get(key)}


def put(
    document: StreamedDocument, schema: RecordSchema, token: str, expected: int | None = None
) -> Put:
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


SHORT: Final = 4096
"""The number of bytes that are read at once: a turn behind a thousand feeds takes many seconds."""


def read_document(spec: StreamSpec, body: bytes, most: int = MOST_FAULTS) -> StreamedDocument:
    """Return the document of a body: 400 when it is not JSON, 422 when it is not valid.

    A body that is longer than an item may be is not parsed: 413.
    """
    if len(body) > MAX_BYTES:
        raise too_long(f"{len(body)}")
    if len(body) > SHORT:  # each of its steps may take long
        green.take_turn()
    try:
        return read_visible(spec.model, body, spec.hidden, most)
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
