"""`AutoAPIBase`: a document class and a queryset, and the HTTP requests to them.

``/todo`` is the whole collection, ``/todo/a`` one document and ``/todo/a,b`` several. A list is
answered by a list in its order, each item with its own status unless all are well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import islice, zip_longest
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec

from brubeck import green
from brubeck.autoapi.guarded import GuardedHandler
from brubeck.autoapi.outcomes import Outcome, Step, outcome_of, problem_of
from brubeck.autoapi.stored_json import (
    INSERTS,
    UPDATES,
    known_names,
    member,
    stock,
    undecoded,
    visible,
)
from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.handlers.message import JSON
from brubeck.http import Problem, Response
from brubeck.http.media import best_match
from brubeck.http.request import MAX_JSON
from brubeck.queryset import AbstractQueryset, Queryset, Result
from brubeck.queryset.operations import id_field
from brubeck.streams.collection import json_members
from brubeck.streams.private_fields import hidden_fields, read_visible

SEPARATOR: Final = ","
MAX_IDS: Final = 100
"""How many documents a URL may name."""
MAX_LIST: Final = 8 << 20
"""The maximal number of bytes of a list of documents, which are decoded all at once."""
IDS_AT_ONCE: Final = 10
"""The number of documents read at once; those without room in the response are not read."""
_FULL: Final = "The response is full; request this document by itself."
WRITE_BYTES: Final = 1 << 20
"""The number of bytes of documents after which those of a list are written and let go."""
_RENDERING: Final = ("render", "payload", "add_to_payload")
"""The methods by which a program sees the payload."""
OF_ALL: Final = "GET, HEAD, POST, OPTIONS"
OF_SOME: Final = "GET, HEAD, POST, PUT, DELETE, OPTIONS"


class AutoAPIBase(GuardedHandler):
    """Documents of one class, over HTTP.

    >>> from brubeck.queryset import DictQueryset
    >>> class TodosAPI(AutoAPIBase):
    ...     queries = DictQueryset()
    ...     model = Document

    The methods are those of any handler and may be overridden; `prepare` is the place to let in
    only some.
    """

    model: ClassVar[type[Document]]
    """The document class."""
    queries: ClassVar[AbstractQueryset | None] = None
    """Where the documents are; without one, in the application's store ``storage``."""
    storage: ClassVar[str] = "default"
    """The name of the application's store that is used without ``queries``."""
    max_batch: ClassVar[int] = 1000
    """How many documents a request may bring."""
    max_read: ClassVar[int] = 1000
    """How many documents a GET returns at the most, the newest; also where it names no limit."""

    path: ClassVar[str] = ""
    """Where it is served; set when it is registered."""

    # What can be shaped.

    def shown(self, document: Any) -> dict[str, Any]:
        """Return the visible fields of a document, or of its decoded JSON.

        By default those are all but the hidden ones (``_private_fields``, and those that are not
        among ``_public_fields`` where a class has these).
        """
        said: dict[str, Any] = document
        if isinstance(document, Document):
            said = msgspec.json.decode(document.encode())
        return {name: value for name, value in said.items() if name not in self._hidden}

    def uri_for(self, item_id: str) -> str:
        """Return where a document is."""
        return f"{self.message.prefix}{self.path}/{quote(item_id, safe=':')}"

    @cached_property
    def queryset(self) -> AbstractQueryset:
        """The queryset: ``queries``, or one over the application's store."""
        if self.queries is not None:
            return self.queries
        app = self.application
        return Queryset(app.store(self.storage), model=self.model, clock=app.clock)

    # The methods.

    def get(self, ids: str = "") -> Response:
        """Return the newest documents, at most ``limit``; or the documents of some ids.

        ``truncated`` is true where there are more than fit in the answer; see `STEP_BYTES`.
        """
        self._negotiate()
        if not ids:
            return self._newest(self._limit())
        self._refuse_parameters()
        names = [self._stored_id(each) for each in self._ids(ids)]
        if SEPARATOR not in ids:
            return self._one(self._outcome(self._documents.read(names)[0]))
        return self._several(names)

    def post(self, ids: str = "") -> Response:
        """Create a document, or each of a list; with ids it is PUT."""
        if ids:
            return self.put(ids)
        self._negotiate()
        self._refuse_parameters()
        one, bodies = self._bodies()
        outcomes = self._write(bodies, self._insert)
        return self._one(outcomes[0]) if one else self._many(outcomes)

    def put(self, ids: str = "") -> Response:
        """Replace a document, or several, and create the missing ones."""
        if not ids:
            return self.unsupported()
        self._negotiate()
        self._refuse_parameters()
        names = self._ids(ids)
        one, bodies = self._bodies()
        if one != (SEPARATOR not in ids) or len(names) != len(bodies):
            raise Problem(400, f"The URL names {len(names)}, but the body has another number.")
        outcomes = self._write(bodies, self._update, names)
        return self._one(outcomes[0]) if one else self._many(outcomes)

    def delete(self, ids: str = "") -> Response:
        """Destroy a document, or several, and return the removed documents.

        Of several, those without room in the response are not removed.
        """
        if not ids:
            return self.unsupported()
        self._negotiate()
        self._refuse_parameters()
        names = [self._stored_id(each) for each in self._ids(ids)]
        if SEPARATOR in ids:
            return self._several(names, removes=True)
        return self._one(self._outcome(self._documents.destroy(names)[0]))

    def options(self, ids: str = "") -> Response:
        """Answer with the methods there are."""
        self.headers["Allow"] = OF_SOME if ids else OF_ALL
        return Response(b"", 204, headers=self.headers)

    def unsupported(self, ids: str = "", **_: Any) -> Response:
        """Answer 405 with the methods there are."""
        allow = OF_SOME if ids else OF_ALL
        detail = f"{self.message.method} is not allowed; allowed methods: {allow}."
        return self.render_problem(Problem(405, detail, headers={"Allow": allow}))

    def error(self, err: BaseException) -> Response:
        """Return the response to an exception; a storage's errors are problems."""
        problem = problem_of(err)
        return super().error(err) if problem is None else self.render_problem(problem)

    # The request.

    def _negotiate(self) -> None:
        if best_match(self.message.header("accept"), [JSON]) is None:
            raise Problem(406, f"Available media types: {JSON}.")

    def _refuse_parameters(self) -> None:
        for name, _ in self.message.query_pairs:
            raise Problem(400, f'There is no parameter "{name[:80]}" here.')

    def _limit(self) -> int | None:
        limits = [text for name, text in self.message.query_pairs if name == "limit"]
        if len(limits) != len(self.message.query_pairs) or len(limits) > 1:
            raise Problem(400, 'The only parameter here is "limit", given once.')
        if not limits:
            return None
        if not (limits[0].isascii() and limits[0].isdigit() and int(limits[0][:18]) > 0):
            raise Problem(400, 'The parameter "limit" takes a whole number of at least 1.')
        return int(limits[0][:18])

    def _ids(self, ids: str) -> list[str]:
        names = ids.split(SEPARATOR)
        if len(names) > MAX_IDS:
            raise Problem(400, f"A request names at most {MAX_IDS}; this one {len(names)}.")
        return names

    def _bodies(self) -> tuple[bool, Sequence[bytes]]:
        """Return whether the body is one document (not a list), and the JSON of each document."""
        self.message.require_plain_body()
        content_type = self.message.content_type
        if content_type and content_type != JSON:
            raise Problem(415, f"The body is {JSON}.", headers={"Accept": JSON})
        body = self.message.body
        if body.lstrip()[:1] != b"[":
            self.message.json()
            return True, [body]
        if len(body) > MAX_LIST:
            raise Problem(413, f"A list has at most {MAX_LIST} bytes; this one has {len(body)}.")
        members = json_members(body, self.max_batch, "documents")
        longest = max(len(memoryview(member)) for member in members)
        if longest > MAX_JSON:
            raise Problem(413, f"A document has at most {MAX_JSON} bytes; one here has {longest}.")
        return False, [bytes(member) for member in members]

    def _stored_id(self, text: str) -> str:
        """Return the text under which a document is stored, where its id has several."""
        try:
            return str(self._id_field.adopt(text))
        except (ShieldException, ValueError, TypeError):
            return text  # nothing can be stored there

    @cached_property
    def _id_field(self) -> Any:
        return id_field(self.model, self.queryset.api_id)

    @cached_property
    def _id_name(self) -> str:
        name: str = self._id_field.uniq_field
        return name

    @cached_property
    def _hidden(self) -> frozenset[str]:
        hidden = hidden_fields(self.model, {self._id_field.field_name})
        return frozenset(self.model._fields[name].uniq_field for name in hidden)

    @cached_property
    def _documents(self) -> AbstractQueryset:
        """The queryset for reading: of stored JSON, or the program's own where it has one."""
        plain = type(self).shown is AutoAPIBase.shown
        return undecoded(self.queryset) if plain else self.queryset

    @cached_property
    def _known(self) -> frozenset[str] | None:
        return known_names(self.queryset)

    # The answer.

    def _newest(self, limit: int | None) -> Response:
        """Return the newest documents, at most ``max_read`` and as many as fit in a step."""
        found = iter(self._documents.read())
        step = Step(self._show)
        for each in islice(found, min(limit or self.max_read, self.max_read)):
            green.take_turn()
            step.add(self._outcome(each))
            if step.is_full:
                break
        wants_more = limit is None or len(step.outcomes) < limit
        if wants_more and next(found, None) is not None:
            self.add_to_payload("truncated", True)
        return self._many(step.outcomes)

    def _several(self, ids: list[str], *, removes: bool = False) -> Response:
        """Read, or remove, documents; each without room in the response is a 507 and stays.

        A removed document is in the response in any case.
        """
        call = self._documents.destroy if removes else self._documents.read
        step = Step(self._show)
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = ids[start : start + IDS_AT_ONCE]
            found = [] if step.is_full else call(some)
            for item_id, result in zip_longest(some, found):
                green.take_turn()
                if result is None or (step.is_full and not removes):
                    problem = Problem(507, _FULL)
                    step.add(Outcome(507, item_id=item_id, problem=problem))
                else:
                    step.add(self._outcome(result))
        return self._many(step.outcomes)

    def _write(
        self,
        bodies: Sequence[bytes],
        call: Callable[[list[Any]], list[Any]],
        names: Sequence[str] = (),
    ) -> list[Outcome]:
        """Write documents, each by itself; ``names`` are the ids in the URL, if any are."""
        outcomes: list[Outcome] = []
        good: list[tuple[int, Document]] = []
        size = 0

        def write() -> None:
            results = call([document for _, document in good]) if good else []
            for (at, _), result in green.fairly(zip(good, results, strict=True)):
                outcomes[at] = self._outcome(result)
                if len(bodies) > 1:
                    self._show(outcomes[at])
            good.clear()

        for at, body in enumerate(green.fairly(bodies)):
            name = names[at] if names else None
            try:
                good.append((at, self._document(body, name)))
                outcomes.append(Outcome(0))
            except ShieldException as reason:
                outcomes.append(Outcome(422, item_id=name or "", problem=problem_of(reason)))
            size += len(body)
            if size >= WRITE_BYTES:
                write()
                size = 0
        write()
        return outcomes

    def _insert(self, documents: list[Any]) -> list[Any]:
        """Create documents, which have been validated as they were read."""
        known = stock(self.queryset, INSERTS)
        return (known.insert_valid if known else self.queryset.insert)(documents)

    def _update(self, documents: list[Any]) -> list[Any]:
        """Replace documents, and keep the fields that a caller cannot see."""
        hidden = hidden_fields(self.model, {self._id_field.field_name})
        queryset = stock(self.queryset, UPDATES)
        if queryset is not None:
            return queryset.update_visible(documents, hidden, valid=True)
        if hidden:
            ids = [str(self._id_field.__get__(each)) for each in documents]
            for document, (_, stored) in zip(documents, self.queryset.read(ids), strict=True):
                if isinstance(stored, Mapping):  # as a queryset without a model reads it
                    stored = self.model.from_python(stored)  # noqa: PLW2901, as the model has it
                if isinstance(stored, self.model):
                    for name in hidden:
                        setattr(document, name, getattr(stored, name))
        return self.queryset.update(documents)

    def _show(self, outcome: Outcome) -> int:
        """Put the visible JSON of a document in its place, and return the number of its bytes."""
        if outcome.problem is None and outcome.shown is None:
            outcome.shown = self._json(outcome.document)
            outcome.document, outcome.item_id = None, str(member(outcome.shown, self._id_name))
        return 0 if outcome.shown is None else len(memoryview(outcome.shown))

    def _json(self, document: Any) -> msgspec.Raw:
        """Return the visible JSON of a document, as `shown` has it."""
        if type(self).shown is AutoAPIBase.shown:
            return visible(document, self._known, self._hidden)
        return msgspec.Raw(msgspec.json.encode(self.shown(document)))

    def _outcome(self, result: Result) -> Outcome:
        return outcome_of(result, self.queryset.api_id)

    def _document(self, body: bytes, name: str | None) -> Document:
        document = read_visible(self.model, body, self._hidden)
        if name is None:
            return document
        field = self._id_field
        given = field.__get__(document)
        if given is None:
            field.__set__(document, field.adopt(name))
            field.check_given(field.__get__(document))
        elif str(given) != self._stored_id(name):
            raise ShieldException(f"The id in the URL is {name[:160]}.", self._id_name, given)
        return document

    def _one(self, outcome: Outcome) -> Response:
        if outcome.problem is not None:
            raise outcome.problem
        data = self._json(outcome.document)
        shows = type(self)
        plain = all(getattr(shows, name) is getattr(AutoAPIBase, name) for name in _RENDERING)
        self.add_to_payload("data", data if plain else msgspec.json.decode(data))
        if outcome.status == 201:
            self.headers["Location"] = self.uri_for(str(member(data, self._id_name)))
        return self._rendered(outcome.status)

    def _many(self, outcomes: Sequence[Outcome]) -> Response:
        for each in green.fairly(outcomes):
            self._show(each)
        self.add_to_payload("data", [each.shown for each in outcomes])
        statuses = {each.status for each in outcomes}
        if len(statuses) <= 1 and not any(each.problem for each in outcomes):
            return self._rendered(statuses.pop() if statuses else 200)
        results = []
        for each in outcomes:
            members: dict[str, object] = {"status": each.status}
            if each.item_id:
                members |= {"id": each.item_id, "href": self.uri_for(each.item_id)}
            results.append(members | (each.problem.to_dict() if each.problem else {}))
        self.add_to_payload("multistatus", results)
        return self._rendered(207)

    def _rendered(self, status: int) -> Response:
        self.headers["Cache-Control"] = "no-cache"
        return self.render(status_code=status)
