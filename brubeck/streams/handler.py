"""`StreamHandler`: the declaration of a stream, and the parts that all its requests share."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, ClassVar, cast

import msgspec

from brubeck.callables import run_hook
from brubeck.dictshield.base import ShieldException
from brubeck.errors import ConfigError, did_you_mean
from brubeck.handlers.message import HTTP_METHODS
from brubeck.handlers.web import allowed_methods
from brubeck.http import Headers, Problem, Response
from brubeck.http.media import best_match
from brubeck.http.proxies import network
from brubeck.storage import (
    IndexBuilding,
    LostPlace,
    NotCanonical,
    Queryset,
    Record,
    Schema,
    Unavailable,
)
from brubeck.streams.answers import StreamAnswers
from brubeck.streams.attempts import Attempts
from brubeck.streams.browsing import problem_page, wants_page
from brubeck.streams.cross_origin import Origins, declare_origins
from brubeck.streams.documents import OwnedDocument, StreamedDocument
from brubeck.streams.feeds import FeedEntry, default_entry
from brubeck.streams.filters import Filter, declare_filters, field_infos
from brubeck.streams.hooks import WRITE_HOOKS, WriteHooks
from brubeck.streams.parameters import Declared
from brubeck.streams.paths import PartitionRule, StreamPath, declare_partitions, declare_path
from brubeck.streams.plans import FreshPlan, Plan, RecordedPlan
from brubeck.streams.rates import Rate, declare_rate
from brubeck.streams.retention import Retention, declare_retention
from brubeck.streams.shapes import check_hidden_fields, hidden_fields

log = logging.getLogger("brubeck.app")

JSON = "application/json"
VARY = "Accept, Authorization, Cookie, Origin"

MAX_ERRORS = 100
KNOWN_ACCEPT = 300
"""The maximal length of an ``Accept`` header that is cached."""
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
PUBLIC_HEADERS = Headers({"Vary": VARY, "Cache-Control": "no-cache"})
_OF_AUTH = ("schemes", "scopes", "owned", "may_read", "may_write")
_HOOKS = ("admit", "feed_entry", "get_current_user", *sorted(WRITE_HOOKS))
_DECLARATIONS = (
    *("model", "path", "partitions", "filters", "page_size", "max_page_size", "max_batch"),
    *("read_only", "accept_created_at", "retain", "keep_deletions", "feed_title"),
    *("storage", "rate", "cors"),
    *_OF_AUTH,
)


_known_match = lru_cache(maxsize=256)(best_match)  # there are few clients, each with its header


class StreamHandler(WriteHooks, StreamAnswers):
    """A stream of documents, declared by class attributes and served at its ``path``.

    >>> class Quakes(StreamHandler):
    ...     model = Quake
    ...     filters = ('network', 'magnitude__gte')

    A declaration that cannot work is refused with a `ConfigError` when the class is made.
    """

    model: ClassVar[type[StreamedDocument]]
    """The document class of the items."""
    path: ClassVar[str] = ""
    """Where the stream is served; without one, at the model's name in lower case.

    One argument, as in ``/users/<owner>/posts``, makes one stream of each value: a partition.
    """
    partitions: ClassVar[str | Callable[[str], bool] | None] = None
    """The keys of partitions that there may be: an expression that matches a whole key, or a
    function that returns whether there is one. Any other is a 404; None bounds nothing."""
    filters: ClassVar[tuple[str, ...]] = ()
    """The filters: ``network`` for equality, ``magnitude__gte`` and so on."""
    page_size: ClassVar[int] = 25
    """How many items a page has when nobody says."""
    max_page_size: ClassVar[int] = 200
    """How many items a page has at the most."""
    max_batch: ClassVar[int] = 1000
    """How many items one POST may bring."""
    read_only: ClassVar[bool] = False
    """Whether only the program itself writes; writes over HTTP get 405."""
    accept_created_at: ClassVar[bool] = False
    """Whether a new item may bring its own ``created_at`` and ``updated_at``, as imports do."""
    retain: ClassVar[str | int | None] = None
    """How long items stay (``'30d'``), or how many of them; None keeps them all."""
    keep_deletions: ClassVar[str] = "30d"
    """How long deletions are kept for readers that come back; later they have to start over."""
    rate: ClassVar[str | None] = None
    """How many requests a caller has: ``'100/minute'``, ``'5/10s'``; None limits nothing."""
    cors: ClassVar[str | tuple[str, ...]] = ()
    """The origins of pages that may use the stream, or ``'*'``; without any, no other may."""
    feed_title: ClassVar[str] = ""
    """The title of the stream in feeds and HTML pages; without one, its path."""
    storage: ClassVar[str] = "default"
    """The name of the store that keeps the stream."""

    needs_queue: ClassVar[bool] = False
    """Whether the stream shows the jobs of a queue, which the program has to have."""
    _path_is_default: ClassVar[bool] = True
    partition_rule: ClassVar[PartitionRule]
    place: ClassVar[StreamPath]
    """The path as it was declared: its pattern, and the name of the stream in storages."""
    declared: ClassVar[Declared]
    retention: ClassVar[Retention]
    limit: ClassVar[Rate | None]
    origins: ClassVar[Origins | None]
    schema: ClassVar[Schema]
    set_by_server: ClassVar[tuple[str, ...]]
    """The fields that are ignored in a body: the caller does not set the owner of an item."""
    hidden: ClassVar[frozenset[str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._refuse_misspelt()
        if hasattr(cls, "model"):
            cls._declare()

    @classmethod
    def _refuse_misspelt(cls) -> None:
        """Refuse an attribute that is nearly a declaration: nothing would ever look at it."""
        for name, value in vars(cls).items():
            ours = cls.__module__.startswith("brubeck.")
            if not ours and hasattr(value, "__get__") and not hasattr(super(cls, cls), name):
                cls._refuse_misspelt_hook(name)
            if name in _OF_AUTH and hasattr(cls, "model") and not hasattr(super(cls, cls), name):
                raise ConfigError(f"{cls.__name__}.{name} takes an AuthStreamHandler.")
            if name in _DECLARATIONS or hasattr(StreamHandler, name) or hasattr(value, "__get__"):
                continue
            if near := get_close_matches(name, _DECLARATIONS, n=1, cutoff=0.8):
                raise ConfigError(
                    f'{cls.__name__}.{name} declares nothing. Did you mean "{near[0]}"?'
                )

    @classmethod
    def _refuse_misspelt_hook(cls, name: str) -> None:
        """Refuse a method that is nearly a hook: nothing would ever call it."""
        if name == "get_current_user":
            raise ConfigError(f"{cls.__name__}.{name} takes an AuthStreamHandler.")
        near = get_close_matches(name, _HOOKS, n=1, cutoff=0.8)
        if near or name.startswith(("before_", "after_")):
            hint = did_you_mean(name, near or _HOOKS)
            raise ConfigError(f"{cls.__name__}.{name} is no hook, and is never called.{hint}")

    @classmethod
    def _refuse_methods(cls) -> None:
        """Refuse a ``get`` and the like: it would replace pages, items and changes alike."""
        own = [base for base in cls.__mro__ if not base.__module__.startswith("brubeck.")]
        for name in HTTP_METHODS:
            if any(vars(base).get(name) is not None for base in own):
                raise ConfigError(
                    f"{cls.__name__}.{name} would replace the pages, the items and the changes of "
                    "the stream alike. Use the hooks of a StreamHandler, or a route of your own."
                )

    @classmethod
    def _declare(cls) -> None:
        """Check the declaration and compute the class's attributes that requests use."""
        name = cls.__name__
        cls._refuse_methods()
        model: object = cls.model
        if not (isinstance(model, type) and issubclass(model, StreamedDocument)):
            raise ConfigError(f"{name}.model must be a subclass of StreamedDocument.")
        if vars(cls).get("path"):
            cls._path_is_default = False
        elif cls._path_is_default:
            # Also for a subclass of one without a path: its model may be another.
            cls.path = f"/{cls.model.__name__.lower()}"
        cls.place = declare_path(cls.path, name)
        # As it was declared: a function is not to become a method.
        rule = inspect.getattr_static(cls, "partitions")
        cls.partition_rule = declare_partitions(rule, cls.place, name)
        if not 1 <= cls.page_size <= cls.max_page_size:
            raise ConfigError(f"{name}: 1 <= page_size <= max_page_size does not hold.")
        fields = cls.model._fields
        for field_name, field in fields.items():
            if field.uniq_field != field_name:
                raise ConfigError(
                    f"{name}.model: the field {field_name} has another name in JSON "
                    f"({field.uniq_field}); a stream's fields have one name."
                )
        cls.hidden = hidden_fields(cls.model, StreamedDocument._fields)
        check_hidden_fields(cls.model, cls.hidden, name)
        filters: dict[str, Filter] = declare_filters(cls.filters, fields, name, hidden=cls.hidden)
        cls.schema = Schema(field_infos(fields, filters))
        owned = set(OwnedDocument._fields) - set(StreamedDocument._fields)
        cls.set_by_server = tuple(sorted(owned)) if issubclass(cls.model, OwnedDocument) else ()
        cls.retention = declare_retention(cls.retain, cls.keep_deletions, name)
        cls.limit = declare_rate(cls.rate, name)
        cls.origins = declare_origins(cls.cors, name)
        visible = frozenset(fields) - cls.hidden
        cls.declared = Declared(filters, visible, cls.page_size, cls.max_page_size)

    # The caller. Here everybody may do everything; `AuthStreamHandler` restricts it.

    private: ClassVar[bool] = False
    """Whether answers are for one caller alone."""
    _headers_of_stream: ClassVar[Headers] = PUBLIC_HEADERS

    @property
    def action(self) -> str:
        """The kind of access that the request needs: ``read`` or ``write``."""
        return "read" if self.message.method in _READING else "write"

    @property
    def viewer(self) -> str | None:
        """The id of the viewer that pages and changes are limited to; None for all items."""
        return None

    @property
    def caller_key(self) -> str:
        """The key that distinguishes the caller from others; the same for all unknown callers."""
        return ""

    @property
    def may_choose_ids(self) -> bool:
        """Whether PUT may begin an item's life."""
        return True

    def admit(self) -> None:
        """Refuse a caller without access; called before `prepare`."""

    def readmit(self) -> None:
        """Refuse a caller that has lost access; called every few seconds while a request lasts."""

    def claim(self, document: StreamedDocument) -> None:
        """Set the owner of a new item; called when it has been read and is valid."""

    def check_document(self, document: StreamedDocument) -> None:
        """Refuse a document with fields that its class does not have."""

    def check_chosen_id(self, item_id: str | None) -> None:
        """Refuse an id that a caller may not choose."""

    def check_change(self, record: Record) -> None:
        """Refuse a change of an item that the caller may see."""

    # What a request is about.

    partition_key: str = ""
    """Which partition the request names; empty where the stream has none."""

    @property
    def base(self) -> str:
        """The path of the stream, or of the partition that the request names, as callers see it."""
        return self.message.prefix + self.place.at(self.partition_key)

    @property
    def queryset(self) -> Queryset:
        """The stream in its storage."""
        return self.application.queryset(type(self), self.partition_key)

    def __call__(self) -> Response:
        """Answer the message, and add the headers of every answer: rate limit and CORS."""
        response = super().__call__()
        if self._counted:
            response.headers.update(self._counted)
        if self.origins is not None:
            methods, schemes = allowed_methods(type(self)), getattr(self, "schemes", ())
            response.headers.update(self.origins.headers(self.message, methods, schemes))
            response.headers.setdefault("Vary", VARY)
        return response

    def _answer(self) -> Response:
        arguments = cast("dict[str, str]", self._url_args)
        if self.place.partition:
            self.partition_key = arguments.pop(self.place.partition)
            if not self.partition_rule.allows(self.partition_key):
                raise Problem(404, f"No resource exists at {self.message.path[:160]}.")
        method = self.message.method
        if method != "OPTIONS":
            self._enter()
        if method in _READING:
            return super()._answer()
        key = self.message.header("idempotency-key")
        # A key is recorded only for a request that can be carried out.
        if key is None or getattr(self, method.lower(), None) is None:
            return super()._answer()
        return self._once(key)

    def _enter(self) -> None:
        """Admit and count a request; one that is not admitted counts for where it comes from."""
        if self.limit is None:
            run_hook(self.admit)
            return
        try:
            run_hook(self.admit)
        except Problem:
            self._count(self.limit, f"refused {network(self.message.remote_addr)}")
            raise
        who = self.caller_key or f"from {network(self.message.remote_addr)}"
        self._count(self.limit, who)

    def _count(self, limit: Rate, who: str) -> None:
        store = self.application.store(self.storage)
        now = self.application.clock.micros() / 1e6
        self._counted = limit.count(store, f"{self.path} {who}", now)

    def _once(self, key: str) -> Response:
        """Carry a request out once, however often it is sent with its key."""
        store = self.application.store(self.storage)
        attempts = Attempts(store, f"{self.caller_key} {self.message.method} {self.message.path}")
        record = RecordedPlan.record(self.plan.now)
        with attempts.begin(key, self.message, record) as attempt:
            if attempt.answer is None:
                self._plan = RecordedPlan(attempt.plan, resumed=attempt.plan != record)
                try:
                    attempt.answer = super()._answer()
                except Exception as reason:  # noqa: BLE001, whatever it is has to become an answer
                    attempt.answer = self.error(reason)
        return attempt.answer

    # How it is shown.

    def feed_entry(self, item: dict[str, Any]) -> FeedEntry:
        """Return a feed's entry of an item: its title, a text, and perhaps its author.

        To be overridden. ``item`` is the item as this caller sees it, decoded from JSON: it has no
        hidden field, and with ``fields`` only those and the id. The texts are plain; they are
        escaped.
        """
        return default_entry(item)

    # What all answers share.

    def answer(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return a response of this stream; a body is JSON."""
        made = self.stream_headers()
        if body:
            made["Content-Type"] = JSON
        made.update(headers or {})
        return Response(body, status, headers=made)

    def stream_headers(self) -> Headers:
        """Return the headers that every answer of this stream has."""
        return self._headers_of_stream.copy()

    def negotiate(self, *offers: str) -> str:
        """Return which of the media types on offer the caller wants; 406 when none."""
        accept = self.message.header("accept")
        known = accept is None or len(accept) <= KNOWN_ACCEPT
        chosen = (_known_match if known else best_match)(accept, offers)
        if chosen is None:
            raise Problem(406, f"Available media types: {', '.join(offers)}.")
        return chosen

    def require_type(self, *accepted: str) -> None:
        """Refuse a body of another type: 415. A body that names none is taken at its word."""
        self.message.require_plain_body()
        content_type = self.message.content_type
        if content_type and content_type not in accepted:
            header = "Accept-Patch" if self.message.method == "PATCH" else "Accept"
            detail = f"The body is {' or '.join(accepted)}."
            raise Problem(415, detail, headers={header: ", ".join(accepted)})

    _counted: Mapping[str, str] = {}
    _plan: Plan | None = None

    def plan_anew(self) -> None:
        """Discard the request's plan, so that the following writes get a new one."""
        self._plan = None

    @property
    def plan(self) -> Plan:
        """The moment, ids and tokens of the request's writes, chosen before the first of them."""
        if self._plan is None:
            self._plan = FreshPlan(self.application.clock.micros() // 1000)
        return self._plan

    # Errors.

    def render_problem(self, problem: Problem) -> Response:
        """Return a problem's response with the stream's headers; for browsers, an HTML page."""
        for name, value in self._headers_of_stream.items():
            problem.headers.setdefault(name, value)
        response = super().render_problem(problem)
        if wants_page(self.message.header("accept")):
            return problem_page(self, problem, response)
        return response

    def error(self, err: BaseException) -> Response:
        """Return the response to an exception; storages' and documents' errors are problems."""
        problem = self.problem(err)
        return super().error(err) if problem is None else self.render_problem(problem)

    def problem(self, err: BaseException) -> Problem | None:
        """Return the problem that an expected error is, or None for an unexpected one."""
        if isinstance(err, ShieldException):
            errors = err.errors
            if len(errors) > MAX_ERRORS:
                last = f"There are more errors; these are the first {MAX_ERRORS}."
                errors = [*errors[:MAX_ERRORS], ("", last)]
            return Problem(422, "The document is not valid.", errors=errors)
        if isinstance(err, NotCanonical):
            errors = [(err.pointer, err.detail)]
            return Problem(422, "The document cannot be stored.", errors=errors)
        if isinstance(err, LostPlace):
            return Problem(410, f"{err} Start over.", extra={"restart": self.base})
        if isinstance(err, Unavailable):
            headers = {"Retry-After": str(err.retry_after)}
            if isinstance(err, IndexBuilding):
                return Problem(503, str(err), headers=headers)
            # The log has the storage's address for the operator, the answer has not.
            log.warning("503, request %s: %s", self.message.id, err)
            return Problem(503, "The storage is unavailable; retry later.", headers=headers)
        return None


def json_bytes(value: object) -> bytes:
    """Return a value as JSON."""
    return msgspec.json.encode(value)
