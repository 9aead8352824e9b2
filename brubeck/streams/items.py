"""The items of a stream: one by its id, or several by theirs.

The strong entity tag of an item is its position in quotes; another shape of it appends a suffix,
and ``If-Match`` compares the position alone. A write without a condition reads the item and writes
it back where it stood, again and again until nobody came between; one with a condition does so
once, and fails with 412.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar, cast
from zlib import crc32

import msgspec

from brubeck import green
from brubeck.callables import check_answer
from brubeck.canonical import MAX_BYTES, faults
from brubeck.dictshield.structure import NO_SUCH_FIELD
from brubeck.documents.repository import Changed, Entry, Repository
from brubeck.explorer import rendering
from brubeck.explorer.item_page import item_page
from brubeck.explorer.look import look_of
from brubeck.http import Problem, Response
from brubeck.http.conditions import matches, opaque_tags
from brubeck.storage import Change, Delete, NotCanonical, Put, Record, Refused, Tombstone
from brubeck.storage.ids import RULE, is_id
from brubeck.storage.sizes import STEP_BYTES
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.negotiation import negotiate, require_type
from brubeck.streams.pages import shaped_tag
from brubeck.streams.parameters import item_parameters, no_parameters
from brubeck.streams.patching import MEDIA_TYPES, merge, read_patch, unknown_fields
from brubeck.streams.problems import MAX_ERRORS
from brubeck.streams.projection import Projection, json_list, members, projection
from brubeck.streams.resource import Resource
from brubeck.streams.spec import JSON
from brubeck.streams.writing import Result, Writer, changed, read_document, too_long

MAX_IDS = 100
MAX_ATTEMPTS = 100
"""The number of attempts at a write that other writers overtake."""
_AT_ONCE = 10
DELETE_BYTES = 8 << 20
"""The number of bytes of items that `before_delete` is given in one request."""
_FULL = "The answer is full; request this item by itself."
_TOO_LARGE = "The items of this request are too large together; delete this item by itself."
_TAG = re.compile(r"(\d{1,19})(?![0-9A-Za-z])", re.ASCII)
_CONDITIONS = ("if-match", "if-none-match")

W = TypeVar("W", bound=Put | Delete)


class Items(Resource):
    """``/quakes/<id>``: an item; ``/quakes/a,b,c``: several."""

    # Reading.

    def get(self, ids: str) -> Response:
        """Return an item, or a result for each of several."""
        if ids.endswith(".json") and self._found([ids]) == [None]:
            ids = ids.removesuffix(".json")
            self.message.headers["Accept"] = JSON
        has_page = self.spec.explorer and "," not in ids
        chosen = negotiate(self.message, *((JSON, rendering.MEDIA_TYPE) if has_page else (JSON,)))
        fields = item_parameters(self.message.query_pairs, self.spec.parameters)
        if "," in ids:
            project = projection(fields, self.spec.hidden)
            answer = self._several(ids, lambda each, found: _shown(present(each, found), project))
            if answer.status == 200:
                answer.headers.update(self.spec.reading_headers)
            return answer
        record = self._live(ids)
        suffix = "" if fields is None else f"-{crc32(','.join(fields).encode()):08x}"
        tag = f'"{record.position}{suffix}"'
        self._check_if_match(record.position)
        page = b""
        if chosen != JSON:
            page = item_page(self.context, record, fields)
            tag = shaped_tag(f'"{record.position}{suffix}-{crc32(page):08x}"', "html")
        if matches(self.message.header("if-none-match"), tag):
            respond = self.reading_answer if chosen == JSON else self.answer
            return respond(b"", 304, {"ETag": tag})
        if chosen != JSON:
            look = look_of(self.application, self.message, self.spec)
            headers = rendering.headers_of(self.spec.headers.copy(), look)
            headers["ETag"] = tag
            headers["Vary"] = f"{headers['Vary']}, Referer"  # for the link back
            return Response(page, 200, headers=headers)
        body = projection(fields, self.spec.hidden)(record.body)
        return self.reading_answer(b'{"data":%b}' % body, 200, {"ETag": tag})

    def _live(self, item_id: str) -> Record:
        """Return a live item; `Problem` 410 for a deleted one, 404 for one that never was."""
        (found,) = self._found([item_id])
        return present(item_id, found)

    def _found(self, ids: Sequence[str]) -> list[Entry]:
        """Return the items, tombstones or None at some ids for this caller, read at once."""
        known = [each for each in ids if is_id(each)]
        found = dict(zip(known, self.context.records.get(known, self.context.viewer), strict=True))
        return [found.get(each) for each in ids]

    def _several(self, ids: str, result_of: Callable[[str, Entry], Result]) -> Response:
        results: list[Result] = []
        room = STEP_BYTES
        for some in _batches(self._names(ids)):
            found = self._found(some) if room > 0 else [None] * len(some)
            for name, there in zip(some, found, strict=True):
                green.take_turn()
                if room > 0:
                    result = _result(name, partial(result_of, name, there))
                else:
                    result = Result(507, name, problem=Problem(507, _FULL))
                results.append(result)
                room -= len(result.body)
        return self._results(results)

    def _names(self, ids: str) -> list[str]:
        """Return the ids of several items, that a request names."""
        names = ids.split(",")
        if len(names) > MAX_IDS:
            raise Problem(400, f"A request names at most {MAX_IDS} items; this one {len(names)}.")
        if any(name in self.message.headers for name in _CONDITIONS):
            raise Problem(400, "Conditions are for one item at a time.")
        return names

    def _results(self, results: list[Result]) -> Response:
        alike = {result.status for result in results} <= {200}
        body = b'{"data":%b}' % json_list(result.json() for result in results)
        return self.answer(body, 200 if alike else 207)

    # Writing.

    def put(self, ids: str) -> Response:
        """Replace an item by the body, or begin its life."""
        self._prepare_write(ids, JSON)
        body, writer = self.message.body, self._writer

        def propose(found: Entry) -> Put:
            if isinstance(found, Record):
                self._check_preconditions(found)
                stored = writer.stored(found)
                document = read_document(self.spec, body)
                return writer.revise(document, stored, found.position)
            if not check_answer(self.access.may_choose_ids(self.context), "may_choose_ids"):
                raise _absent(ids, found)
            if "if-match" in self.message.headers:
                raise _precondition_failed()
            return writer.draft(body, ids, ids)

        return self._write(ids, propose)

    def patch(self, ids: str) -> Response:
        """Apply the merge patch in the body to an item (RFC 7396)."""
        self._prepare_write(ids, *MEDIA_TYPES)
        body, writer = self.message.body, self._writer
        if len(body) > MAX_BYTES:
            raise too_long(f"{len(body)}")
        change = read_patch(body)
        if not isinstance(change, dict):
            raise Problem(422, "A merge patch of an item is an object.")
        for pointer, fault in faults(change):
            raise NotCanonical(pointer, fault)
        unknown = [f"/{name}" for name in sorted(self.spec.hidden & change.keys())]
        unknown += unknown_fields(change, self.spec.model._fields)
        if unknown:
            errors = [(pointer, NO_SUCH_FIELD) for pointer in unknown]
            raise Problem(422, "The document is not valid.", errors=errors[:MAX_ERRORS])

        ignored = {"updated_at", *self.spec.set_by_server, *self.spec.hidden}

        def propose(found: Entry) -> Put:
            found = present(ids, found)
            self._check_preconditions(found)
            stored = writer.stored(found)
            document = read_document(self.spec, patched(stored, change, ignored))
            return writer.revise(document, stored, found.position)

        return self._write(ids, propose)

    def delete(self, ids: str) -> Response:
        """Delete an item, or each of several."""
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        if "," in ids:
            return self._delete_several(self._names(ids))
        self._delete(ids)
        return self.answer(b"", 204)

    def _delete_several(self, names: list[str]) -> Response:
        """Delete several items in one write; those that were changed meanwhile, one by one."""
        results, deletes = self._proposed_deletions(names)
        outcomes = self.context.records.write(list(deletes.values())) if deletes else []
        changes = []
        for (at, delete), outcome in zip(deletes.items(), outcomes, strict=True):
            if isinstance(outcome, Refused):
                results[at] = _result(delete.id, partial(self._delete_again, delete.id))
            else:
                changes.append(Change(outcome.position, delete.id, None))
        self._writer.announce(changes)
        return self._results(results)

    def _proposed_deletions(self, names: list[str]) -> tuple[list[Result], dict[int, Delete]]:
        """Return the results of a deletion, and the writes that it takes, by their places there.

        Of the items that a hook has to see, no more than `DELETE_BYTES` are decoded.
        """
        results: list[Result] = []
        deletes: dict[int, Delete] = {}
        room = DELETE_BYTES

        def propose(found: Entry) -> Result:
            at = len(results)
            if room <= 0:
                raise Problem(507, _TOO_LARGE)
            if self._happened(names[at]) is None:
                deletes[at] = self._deletion(names[at], found)
            return Result(200, names[at])

        for some in _batches(names):
            for found in self._found(some) if room > 0 else [None] * len(some):
                green.take_turn()
                results.append(_result(names[len(results)], partial(propose, found)))
                if self._writer.decodes_removed and isinstance(found, Record):
                    room -= len(found.body)
        return results, deletes

    def _delete_again(self, item_id: str) -> Result:
        """Delete an item that has changed since the first attempt."""
        self._delete(item_id)
        return Result(200, item_id)

    def _deletion(self, item_id: str, found: Entry) -> Delete:
        """Return the write that deletes an item as it stands; a `Problem` where that may not be."""
        record = present(item_id, found)
        self._check_preconditions(record)
        return self._writer.removal(record)

    def _delete(self, item_id: str) -> None:
        """Delete an item, again when another writer came between."""
        if self._happened(item_id) is not None:
            return
        done = self._change(item_id, lambda found: self._deletion(item_id, found))
        self._writer.announce([Change(done.outcome.position, item_id, None)])

    def _change(self, item_id: str, propose: Callable[[Entry], W]) -> Changed[W]:
        """Write a proposed change, proposed again when another writer came first."""
        repository = Repository(self.context.records, self.context.viewer)
        done = repository.change(item_id, propose, MAX_ATTEMPTS)
        if done is None:
            raise TypeError("every change of an item proposes a write")
        return done

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.context, self.access)

    def _prepare_write(self, item_id: str, *accepted: str) -> None:
        negotiate(self.message, JSON)
        no_parameters(self.message.query_pairs)
        require_type(self.message, *accepted)
        if "," in item_id:
            raise Problem(400, "Only one item at a time can be written.")
        if not is_id(item_id):
            raise Problem(400, f'"{item_id[:160]}" cannot be the id of an item. {RULE}')

    def _write(self, item_id: str, propose: Callable[[Entry], Put]) -> Response:
        """Write the proposed version of the item, again when another writer came between.

        The conditions are checked each time against the item as it is then: of writers that name
        one version the first wins, and the others are refused. Raises `Contended` after
        `MAX_ATTEMPTS` attempts.
        """
        if (position := self._happened(item_id)) is not None:
            return self._as_it_is(item_id, position)
        put, outcome, found = self._change(item_id, propose)
        self._writer.announce([changed(put, outcome.position, found)])
        return self._written(put, outcome.position)

    def _happened(self, item_id: str) -> int | None:
        """Return where the write of a request that is carried out again was put, if it was.

        A token is looked at before anything else, and nothing can stand where this is expected.
        """
        if not self.context.plan.resumed:
            return None
        probe = Delete(id=item_id, token=self.context.plan.token(item_id), expected=0)
        (outcome,) = self.context.records.write([probe])
        return None if isinstance(outcome, Refused) else outcome.position

    def _as_it_is(self, item_id: str, position: int) -> Response:
        """Answer a write that has happened, but was never answered, with the item as it is now."""
        record = self._live(item_id)
        body = b'{"data":%b}' % self._writer.projection(record.body)
        return self.answer(body, 200, {"ETag": f'"{position}"'})

    def read_again(self, answer: Response) -> Response:
        """Return the answer to a PATCH that was not kept whole, with the item as it is now."""
        record = self._live(cast("dict[str, str]", self._url_args)["ids"])
        body = b'{"data":%b}' % self._writer.projection(record.body)
        return Response(body, answer.status, headers=answer.headers)

    def _written(self, put: Put, position: int) -> Response:
        body = b'{"data":%b}' % self._writer.projection(put.body)
        headers = {"ETag": f'"{position}"'}
        if put.expected is not None:
            return self.answer(body, 200, headers)
        return self.answer(body, 201, headers | {"Location": f"{self.context.base}/{put.id}"})

    # Conditions.

    def _check_if_match(self, position: int) -> None:
        wanted = self.message.header("if-match")
        if wanted is None or wanted.strip() == "*":
            return
        # Proxies that compress make a tag weak or add a suffix. It is the position all the same,
        # which stands for one version; so a weak tag is compared, too (RFC 9110, 13.1.1, is for
        # tags that say less).
        if position not in map(_position_of, opaque_tags(wanted)):
            raise _precondition_failed()

    def _check_preconditions(self, found: Record) -> None:
        """Refuse a change (412) of an item that is not at the version of the conditions."""
        self._check_if_match(found.position)
        unwanted = self.message.header("if-none-match")
        if matches(unwanted, f'"{found.position}"'):
            raise _precondition_failed()


def _position_of(tag: str) -> int | None:
    """Return the position in a tag of an item, whatever a proxy or a page has added to it.

    >>> _position_of('17-br'), _position_of('17;gzip'), _position_of('17x'), _position_of('')
    (17, 17, None, None)
    """
    found = _TAG.match(tag)
    return int(found[1]) if found else None


def patched(stored: StreamedDocument, change: dict[str, object], ignored: Collection[str]) -> bytes:
    """Return the JSON of a stored document with a merge patch applied.

    Members that the patch does not name stay the bytes they are, however large. Those of
    ``ignored`` names are left out: they keep their stored values.
    """
    result: dict[str, Any] = {
        name: value for name, value in members(stored.encode()).items() if name not in ignored
    }
    for name, new in change.items():
        green.take_turn()
        if name in ignored:
            continue
        if new is None:
            result.pop(name, None)
        elif isinstance(new, dict):
            former = result.get(name)
            target = msgspec.json.decode(former) if isinstance(former, msgspec.Raw) else None
            result[name] = merge(target, new)
        else:
            result[name] = new
    return msgspec.json.encode(result)


def _batches(names: list[str]) -> Iterator[list[str]]:
    """Yield the ids of several items, as many at a time as are read at once."""
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))


def _result(item_id: str, made: Callable[[], Result]) -> Result:
    """Return the result of one item of several; a `Problem` is the result of that item alone."""
    try:
        return made()
    except Problem as problem:
        return Result(problem.status, item_id, problem=problem.with_traceback(None))


def _shown(record: Record, project: Projection) -> Result:
    return Result(200, record.id, record.position, project(record.body))


def present(item_id: str, found: Entry) -> Record:
    """Return a live item; `Problem` 410 for a deleted one, 404 for one that never was."""
    if isinstance(found, Record):
        return found
    raise _absent(item_id, found)


def _absent(item_id: str, found: Entry) -> Problem:
    if isinstance(found, Tombstone):
        return Problem(410, f"The item {item_id} was deleted.")
    return Problem(404, f"The item {item_id[:160]} does not exist.")


def _precondition_failed() -> Problem:
    return Problem(412, "The item is not at the version given in the condition.")
