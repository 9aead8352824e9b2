"""`Resource`: one request to a stream, in the order in which its parts have their say.

The caller is admitted and counted (a refused one counts for its network), the partition is checked,
the hook ``prepare`` runs, a repeated request gets its recorded answer, any other its method's.
Errors of storages and documents become problems, and every answer gets the stream's headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast

from brubeck.auth.csrf import require_same_site_of_simple_requests
from brubeck.callables import check_answer, check_type, run_hook
from brubeck.explorer.problem_page import problem_page
from brubeck.explorer.rendering import wants_page
from brubeck.explorer.session import leads_to_login, login_url
from brubeck.green.collecting import rested
from brubeck.handlers import WebMessageHandler
from brubeck.handlers.program import Program
from brubeck.handlers.web import allowed_methods
from brubeck.http import Headers, Problem, Request, Response
from brubeck.http.proxies import network
from brubeck.streams.access import Admission, OpenAccess
from brubeck.streams.context import Context
from brubeck.streams.handler import StreamHandler
from brubeck.streams.idempotency import IdempotencyStore, RecordedPlan
from brubeck.streams.problems import problem_of
from brubeck.streams.rates import Rate
from brubeck.streams.senders import ASKED, sender
from brubeck.streams.shared_caching import expiring
from brubeck.streams.spec import JSON, StreamSpec
from brubeck.streams.stream import Stream

_OF_PROGRAMS: Final = (None, "*/*", JSON)
"""The values of ``Accept`` for which items are sent as they are stored."""
_READING: Final = frozenset(("GET", "HEAD", "OPTIONS"))


class Resource(WebMessageHandler):
    """The collection, the items or the changes of a stream, for one request.

    A subclass that a stream declares may define the methods of HTTP; each returns a `Response`.
    """

    stream: ClassVar[Stream]
    make_hooks: ClassVar[type[StreamHandler]]
    """The declaring class, made into an object for the hooks of a request."""
    spec: ClassVar[StreamSpec]
    access: ClassVar[OpenAccess]
    admission: ClassVar[Admission]
    grows_stale: ClassVar[bool] = True
    """Whether a kept answer is wrong after a time, not only incomplete."""
    _admits_all: ClassVar[bool] = False
    """Whether every request is admitted, and none is counted."""
    _is_guarded: ClassVar[bool] = True
    """Whether a request may be for a caller that a browser names by itself."""
    _knows_callers: ClassVar[bool] = True
    """Whether the program may know callers in a way of its own, such as a header."""
    _has_prepare: ClassVar[bool] = True
    _is_prepared = False
    _answer_of_prepare: Response | None = None
    _counted: Mapping[str, str] = {}
    """The headers with the caller's remaining quota."""

    @classmethod
    def of(cls, stream: Stream, declaration: type[StreamHandler]) -> type[Resource]:
        """Return the class that answers the requests to a stream of an application."""
        access = declaration.access(stream.spec)
        spec = stream.spec
        overridden = spec.overridden
        is_open = type(access) is OpenAccess and "admit" not in overridden
        bound: dict[str, Any] = {
            "_admits_all": is_open and spec.rate_limit is None,
            "_is_guarded": not {"admit", "prepare"}.isdisjoint(overridden)
            or type(access) is not OpenAccess,
            "_knows_callers": not overridden.isdisjoint(ASKED)
            or any(not each.__module__.startswith("brubeck.") for each in (type(access), cls)),
            "_has_prepare": "prepare" in overridden or cls.prepare is not WebMessageHandler.prepare,
            "stream": stream,
            "make_hooks": declaration,
            "spec": spec,
            "access": access,
            "admission": Admission(access),
        }
        if spec.read_only:
            # What is no method is answered 405, and is not in ``Allow``.
            bound |= dict.fromkeys(("post", "put", "patch", "delete"))
        return type(f"{declaration.__name__}{cls.__name__}", (cls,), bound)

    def __init__(self, application: Program, message: Request) -> None:
        super().__init__(application, message)
        self.context = Context(application, self.stream, message, self.make_hooks, self.admission)

    # The order of a request.

    def __call__(self) -> Response:
        """Answer the request, and add the headers of every answer: quota and CORS."""
        response = rested(super().__call__) if self._may_take_long() else super().__call__()
        spec = self.spec
        if self._counted or spec.origins is not None:
            response = response.copy()
            if not response.headers.get("Cache-Control", "").startswith("public"):
                response.headers.update(self._counted)  # a kept answer is for other callers, too
        if spec.origins is not None:
            methods = allowed_methods(type(self))
            response.headers.update(spec.origins.headers(self.message, methods, spec.schemes))
            response.headers.setdefault("Vary", spec.headers["Vary"])
        if spec.max_age and self.grows_stale:
            response = expiring(response, spec.max_age, self.stream.clock.micros())
        return response

    def _may_take_long(self) -> bool:
        """Return whether so many objects may be made that the collector had better rest.

        It would go through all of a long document again and again, and nobody else have a turn.
        """
        request = self.message
        if request.method in _READING:
            return request.header("accept") not in _OF_PROGRAMS
        return request.is_long or request.method == "PATCH"  # of an item that may be long

    def _answer(self) -> Response:
        if self.spec.path.partition:
            arguments = cast("dict[str, str]", self._url_args)
            self.context.partition = arguments.pop(self.spec.path.partition)
        method = self.message.method
        if not self._admits_all and method != "OPTIONS":
            self._enter()  # before the rule: a caller that is not admitted learns of no partition
        if self._is_guarded and method == "POST":
            require_same_site_of_simple_requests(self.message, self.context.trusted_origins)
        if self._admits_all or method != "OPTIONS":
            self._check_partition()
        key = None if method in _READING else self.message.header("idempotency-key")
        # A key is recorded only for a request that can be carried out.
        if key is None or getattr(self, method.lower(), None) is None:
            return self._perform()
        if self._prepared() is not None:  # also for a request that is sent again
            return self._perform()
        return self._answer_once(key)

    def _perform(self) -> Response:
        return self.context.complete(super()._answer())

    def _prepared(self) -> Response | None:
        """Return the answer of `prepare`, which is called once a request."""
        if self._has_prepare and not self._is_prepared:
            self._is_prepared = True
            answer = self._answer_of_hook() if "prepare" in self.spec.overridden else None
            self._answer_of_prepare = super()._prepared() if answer is None else answer
        return self._answer_of_prepare

    def _answer_of_hook(self) -> Response | None:
        answer = self.context.hooks.prepare(self.context)
        return check_type(answer, Response, f"{self.spec.name}.prepare")

    def _check_partition(self) -> None:
        spec = self.spec
        if spec.path.partition and not spec.partitions.allows(self.context.partition):
            raise Problem(404, f"No resource exists at {self.message.path[:160]}.")

    def _enter(self) -> None:
        """Admit and count a request; one that is not admitted counts for where it comes from."""
        limit = self.spec.rate_limit
        if limit is None:
            self.admission.admit(self.context)
            return
        try:
            self.admission.admit(self.context)
        except Problem:
            self._count(limit, f"refused {network(self.message.remote_addr)}")
            raise
        # Each kind has a word of its own, since a caller's id may be any text.
        key = self.context.caller_key
        self._count(limit, f"caller {key}" if key else f"from {network(self.message.remote_addr)}")

    def _count(self, limit: Rate, caller: str) -> None:
        stream = self.context.stream
        key = f"{self.spec.path.template} {caller}"
        self._counted = limit.count(stream.store, key, stream.clock.micros() / 1e6)

    def _answer_once(self, key: str) -> Response:
        """Carry a request out once, however often it is sent with its key."""
        context = self.context
        known = context.caller_key
        if self._knows_callers:
            known += sender(self.message, is_known=bool(known))
        caller = f"{known} {self.message.method} {self.message.path}"
        may_read = check_answer(self.access.may_read(context), "may_read")
        requests = IdempotencyStore(context.stream.store, caller, may_read=may_read)
        record = RecordedPlan.record(context.stream.clock.micros() // 1000)
        with requests.begin(key, self.message, record) as request:
            if request.answer is None:
                context.plan = RecordedPlan(request.plan, resumed=request.plan != record)
                try:
                    request.answer = super()._answer()
                except Exception as reason:  # noqa: BLE001, whatever it is has to become an answer
                    request.answer = self.error(reason)
        answer = request.answer
        # Hooks add to each delivery what is its own; it is not recorded for the next caller.
        return context.complete(self.read_again(answer) if request.lacks_body else answer)

    def read_again(self, answer: Response) -> Response:
        """Return an answer whose body was not kept, with the item as it is now."""
        return answer

    def _finish(self) -> None:
        """Call the hook ``on_finish``, and end the context."""
        try:
            super()._finish()
            if "on_finish" in self.spec.overridden:
                run_hook(self.context.hooks.on_finish, self.context)
        finally:
            self.context.end()

    # Answers.

    def answer(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return a response of this stream; a body is JSON."""
        return self._with(self.spec.headers, body, status, headers)

    def reading_answer(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return a response to a reader, which shared caches may keep if the stream says so."""
        return self._with(self.spec.reading_headers, body, status, headers)

    def _with(
        self, base: Headers, body: bytes, status: int, headers: Mapping[str, str] | None
    ) -> Response:
        made = base.copy()
        if body:
            made["Content-Type"] = JSON
        made.update(headers or {})
        return Response(body, status, headers=made)

    def render_problem(self, problem: Problem) -> Response:
        """Return a problem's response with the stream's headers; for browsers, an HTML page."""
        for name, value in self.spec.headers.items():
            problem.headers.setdefault(name, value)
        response = self.context.complete(super().render_problem(problem))
        if self.spec.explorer and wants_page(self.message.header("accept")):
            if problem.status == 401 and leads_to_login(self.context):
                return self._sent_to_log_in()
            return problem_page(self.context, problem, response)
        return response

    def _sent_to_log_in(self) -> Response:
        self.headers.update(self.spec.headers)
        self.headers["Cache-Control"] = "no-store"
        return self.context.complete(self.redirect(login_url(self.application, self.message)))

    def error(self, err: BaseException) -> Response:
        """Return the response to an exception; storages' and documents' errors are problems."""
        problem = problem_of(err, self.context)
        return super().error(err) if problem is None else self.render_problem(problem)
