"""`Context`, one request to a stream, and `Hooks`, the methods that a program overrides.

They stand together since each is an argument of the other: a hook gets the context of its request,
and a context knows the hooks of its stream.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

from brubeck.auth import Caller
from brubeck.auth.scheme import origins_of, unknown
from brubeck.handlers.cookies import UNSIGNED, Secret, cookie_for, read_cookie
from brubeck.handlers.program import Program
from brubeck.http import Headers, Request, Response
from brubeck.storage import Change, RecordStream
from brubeck.streams.documents import StreamedDocument
from brubeck.streams.entries import FeedEntry, default_entry
from brubeck.streams.idempotency import FreshPlan, WritePlan
from brubeck.streams.spec import StreamSpec
from brubeck.streams.stream import Stream


class Recheck(Protocol):
    """A repeated check of a request that lasts; see `brubeck.streams.access`."""

    @property
    def is_needed(self) -> bool:
        """Whether a caller's access to a stream for everybody can be lost."""

    def __call__(self, context: Context) -> None:
        """Raise a `Problem` when the caller has lost access since the request began."""


class Context:
    """One request: the stream, the request and its caller. Hooks get it as their first argument."""

    __slots__ = (
        *("_at_end", "_cookies", "_headers", "_hooks", "_is_personal", "_make_hooks", "_plan"),
        "_recheck",
        *("application", "identified", "partition", "request", "spec", "stream", "viewer"),
    )

    def __init__(
        self,
        application: Program,
        stream: Stream,
        request: Request,
        make_hooks: Callable[[], Hooks],
        recheck: Recheck,
    ) -> None:
        self.application: Program = application
        """The program that serves the stream."""
        self.stream: Stream = stream
        """The stream: its store, its partitions."""
        self.spec: StreamSpec = stream.spec
        """The compiled declaration."""
        self.request: Request = request
        """The request."""
        self.partition: str = ""
        """The key of the partition in the URL; empty where the stream has none."""
        self.identified: Caller | None = None
        """The caller, or None for a request without credentials."""
        self.viewer: str | None = None
        """The id of the viewer to whom pages and changes are limited; None for all items."""
        self._headers: Headers | None = None
        self._cookies: list[str] = []
        self._is_personal = False
        self._make_hooks = make_hooks
        self._hooks: Hooks | None = None
        self._recheck = recheck
        self._plan: WritePlan | None = None
        self._at_end: list[Callable[[], None]] = []

    @property
    def caller(self) -> Caller:
        """The authenticated caller; a `Problem` (401) where there is none."""
        if self.identified is None:
            raise unknown(self.spec.schemes, "Authentication is required.")
        return self.identified

    @property
    def caller_key(self) -> str:
        """The id of the caller; empty for all callers that are not known."""
        return "" if self.identified is None else self.identified.id

    @property
    def base(self) -> str:
        """The path of the stream, or of the partition in the URL, as the client sees it."""
        return self.request.prefix + self.spec.path.at(self.partition)

    @property
    def records(self) -> RecordStream:
        """The records of the stream, or of the partition in the URL."""
        return self.stream.opened(self.partition)

    @property
    def hooks(self) -> Hooks:
        """The hooks of the stream's class: one object for the request, made when it is needed."""
        if self._hooks is None:
            self._hooks = self._make_hooks()
        return self._hooks

    @property
    def may_share(self) -> bool:
        """Whether a feed may share the data of others: it has no viewer and needs no recheck."""
        return not (self.spec.private or self._recheck.is_needed or self.viewer is not None)

    def recheck(self) -> None:
        """Check a request that lasts again: a `Problem` when its caller has lost access."""
        self._recheck(self)

    @property
    def headers(self) -> Headers:
        """The headers that are added to the answer, or replace its own."""
        if self._headers is None:
            self._headers = Headers()
        return self._headers

    def get_cookie(
        self,
        key: str,
        default: Any = None,
        secret: Secret = UNSIGNED,
        *,
        max_age: float | None = None,
    ) -> Any:
        """Return a cookie of the request, or the default; see `WebMessageHandler.get_cookie`.

        The answer is kept out of shared caches, unless a hook sets ``Cache-Control``.
        """
        self._is_personal = True
        trusted = self.trusted_origins
        return read_cookie(self.request, key, default, secret, max_age, trusted)

    @property
    def trusted_origins(self) -> Collection[str]:
        """The origins of pages, beside our own, with a right to the browser's credentials."""
        named = () if self.spec.origins is None else self.spec.origins.named
        return {*origins_of(self.spec.schemes), *named}

    def set_cookie(self, key: str, value: Any, secret: Secret = UNSIGNED, **options: Any) -> None:
        """Add a cookie to the answer; see `WebMessageHandler.set_cookie`."""
        self._cookies.append(cookie_for(self.request, key, value, secret, options).header())

    def complete(self, response: Response) -> Response:
        """Return the answer with the headers and cookies that hooks have set, added once.

        The response that was given stays as it is: a program may give the same one to everybody.
        """
        if self.spec.max_age and self.request.identity:
            self._is_personal = True  # a hook or a renderer has looked at the credentials
        if self._headers is None and not self._cookies and not self._is_personal:
            return response
        completed = response.copy()
        if self._cookies or self._is_personal:
            completed.headers["Cache-Control"] = "private, no-store"
        completed.headers.replace(self.headers)
        for cookie in self._cookies:
            completed.headers.add("Set-Cookie", cookie)
        self._headers, self._cookies = None, []
        return completed

    @property
    def plan(self) -> WritePlan:
        """The time, ids and tokens of the request's writes, chosen before the first of them."""
        if self._plan is None:
            self._plan = FreshPlan(self.stream.clock.micros() // 1000)
        return self._plan

    @plan.setter
    def plan(self, plan: WritePlan | None) -> None:
        self._plan = plan

    def at_end(self, release: Callable[[], None]) -> None:
        """Have a function called once when the request's work is over, however it ended.

        An import whose answer is still being sent gets the call after its first lines, too.
        """
        self._at_end.append(release)

    def end(self) -> None:
        """Call the functions that wait for the end; the last one that was added comes first."""
        while self._at_end:
            self._at_end.pop()()


class Hooks:
    """The hooks of a `StreamHandler`; they do nothing until they are overridden.

    One object is made for a request, so attributes that a hook sets are there in the next one. A
    hook that returns a value where it should return None is a server error: the value could be a
    "no" that would be ignored.
    """

    def admit(self, context: Context) -> None:
        """Refuse a request by a `Problem`; called when the caller is known, before `prepare`.

        Called again every few seconds while a feed, an export or an import lasts.
        """

    def prepare(self, context: Context) -> Response | None:
        """Run the steps that all requests share; a returned response is the answer."""

    def before_create(self, context: Context, document: StreamedDocument) -> None:
        """Check a new item, or complete it; a `Problem` refuses it.

        Called when the document is valid and has its id, times and owner, before it is stored. It
        may set other fields; the result must be valid. It may be called more than once for one
        item, so it may do nothing outside the document.
        """

    def before_update(
        self, context: Context, document: StreamedDocument, stored: StreamedDocument
    ) -> None:
        """Check the next version of an item beside the stored one; as `before_create`.

        Called again with the version stored then whenever another writer has changed the item.
        """

    def before_delete(self, context: Context, stored: StreamedDocument) -> None:
        """Check an item that is about to be deleted; a `Problem` keeps it."""

    def after_change(self, context: Context, changes: Sequence[Change]) -> None:
        """Do the work that follows from the written changes; called before the caller is answered.

        It cannot undo them: an exception is logged. The server may crash in between, so work that
        must follow from *every* change belongs in a follower of the stream's changes instead.
        """

    def feed_entry(self, context: Context, item: dict[str, Any]) -> FeedEntry:  # noqa: ARG002
        """Return a feed's entry of an item: its title, a text, and perhaps its author.

        ``item`` is the item as this caller sees it, decoded from JSON: it has no hidden field, and
        with ``fields`` only those and the id. The texts are plain; they are escaped.
        """
        return default_entry(item)

    def on_finish(self, context: Context) -> None:
        """Clean up; called after the request, also after one that failed."""


HOOKS: Final = tuple(name for name in vars(Hooks) if not name.startswith("_"))
"""The names of all hooks."""
