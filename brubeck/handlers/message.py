"""Handlers: objects that answer one message and are discarded after it.

A handler is made for a message, called once, and returns a `Response`. Its life has four moments,
the hooks of Brubeck 0.4: ``initialize`` when it is made, ``prepare`` before the method, the method
named after the message's own (``get``, ``post``, …), ``on_finish`` after it in any case.

Exceptions of a method are handled here: a `Problem` is the answer it describes, any other is
logged with its traceback and the request's id, and shown as a plain problem with that id alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Final

import msgspec

from brubeck.callables import check_methods, check_type, run_hook
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.http.headers import Headers
from brubeck.http.problems import Problem
from brubeck.http.request import Request
from brubeck.http.response import Response

log = logging.getLogger("brubeck.app")

HTTP_METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
JSON: Final = "application/json"
_MOMENTS: Final = ("initialize", "prepare", "on_finish")


class MessageHandler:
    """Answers one message of any kind with a payload of names and values, as JSON.

    Statuses are 0.4's: 0 is success, a negative number says what went wrong. A handler starts as
    failed and earns its success.
    """

    _STATUS_CODE: ClassVar[str] = "status_code"
    _STATUS_MSG: ClassVar[str] = "status_msg"
    _TIMESTAMP: ClassVar[str] = "timestamp"
    _DEFAULT_STATUS: ClassVar[int] = -1
    _SUCCESS_CODE: ClassVar[int] = 0
    _AUTH_FAILURE: ClassVar[int] = -2
    _NOT_FOUND: ClassVar[int] = -3
    _NOT_ALLOWED: ClassVar[int] = -4
    _SERVER_ERROR: ClassVar[int] = -5
    _response_codes: ClassVar[Mapping[int, str]] = {
        0: "OK",
        -1: "Bad request",
        -2: "Authentication failed",
        -3: "Not found",
        -4: "Method not allowed",
        -5: "Server error",
    }
    _HTTP: ClassVar[Mapping[int, int]] = {0: 200, -1: 400, -2: 401, -3: 404, -4: 405, -5: 500}

    # What few handlers ever set begins as a default of the class.
    _finished = False
    _status_msg: str | None = None
    _url_args: tuple[str | None, ...] | dict[str, str] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse coroutine functions: a guard that is one would let everything pass."""
        super().__init_subclass__(**kwargs)
        check_methods(cls)
        _refuse_misspelt(cls)

    def __init__(self, application: Program, message: Request, *_args: Any, **_kwargs: Any) -> None:
        self.application: Program = application
        self.message = message
        self._payload: dict[str, Any] = {}
        self.status_code = self._DEFAULT_STATUS
        self.timestamp = application.clock.micros() // 1000
        if type(self).initialize is not MessageHandler.initialize:
            run_hook(self.initialize)

    # The hooks.

    def initialize(self) -> None:
        """Set up a handler of your own class; called once, when it is made.

        It may not answer and may not fail for the message's sake: that is what `prepare` is for.
        A mixin leaves it alone, so that the class it is mixed into has it.
        """

    def prepare(self) -> Response | None:
        """Run the steps that all methods share; called before the method and its decorators.

        It may raise a `Problem`, return a response or answer with ``self.finish(response)``; then
        the method is not called. Any other value that it returns is a server error, and so is an
        error or a redirection that it makes and does not return.
        """

    def on_finish(self) -> None:
        """Clean up; called after the method, also after one that failed.

        The response is made by then and may not be changed.
        """

    # The payload.

    @property
    def db_conn(self) -> Any:
        """The database connection that the application was given."""
        return self.application.db_conn

    def add_to_payload(self, key: str, value: Any) -> None:
        """Set a name of the payload to a value that JSON can say."""
        self._payload[key] = value

    def clear_payload(self) -> None:
        """Empty the payload; the status stays."""
        self._payload = {}

    def set_status(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None
    ) -> None:
        """Set the status and its words; without any, the usual ones."""
        self.status_code = status_code
        self._status_msg = status_msg
        if extra_txt:
            self._status_msg = f"{self.status_msg} - {extra_txt}"

    @property
    def status_msg(self) -> str:
        """The words for the status."""
        if self._status_msg is not None:
            return self._status_msg
        return self._response_codes.get(self.status_code, str(self.status_code))

    @property
    def current_time(self) -> int:
        """When the message arrived, in milliseconds since the epoch."""
        return self.timestamp

    def set_timestamp(self, timestamp: int) -> None:
        """Set the time that the payload shows."""
        self.timestamp = timestamp

    def payload(self) -> dict[str, Any]:
        """Return the payload with its status and time, as it is rendered."""
        return {
            self._STATUS_CODE: self.status_code,
            self._STATUS_MSG: self.status_msg,
            self._TIMESTAMP: self.timestamp,
        } | self._payload

    # Rendering.

    def finish(self, response: Response) -> None:
        """Answer from within `prepare`, so that the method is not called.

        Within the method it is the answer in place of what that returns.
        """
        self._finished = True
        self._response = response

    def render(self, status_code: int | None = None, **_kwargs: Any) -> Response:
        """Return the payload as JSON."""
        if status_code is not None:
            self.set_status(status_code)
        headers = Headers({"Content-Type": JSON})
        body = msgspec.json.encode(self.payload())
        return Response(body, self._HTTP.get(self.status_code, 500), headers=headers)

    def render_error(self, status_code: int, error_msg: str | None = None, **_kw: Any) -> Response:
        """Clear the payload and return an error."""
        self.clear_payload()
        self.set_status(status_code, error_msg)
        return self.render()

    def render_problem(self, problem: Problem) -> Response:
        """Return a `Problem` as an error of this kind of message."""
        by_status = {status: code for code, status in self._HTTP.items()}
        return self.render_error(by_status.get(problem.status, -1), str(problem))

    def unsupported(self, *_args: Any, **_kwargs: Any) -> Response:
        """Answer a method that this handler does not have."""
        return self.render_error(self._NOT_ALLOWED)

    def error(self, err: BaseException) -> Response:
        """Return the response to an exception: a `Problem`'s, or a 500 with the request's id."""
        if isinstance(err, Problem):
            return self.render_problem(err)
        self.message.failure = err
        log.error(
            "%s %s failed, request %s",
            self.message.method,
            self.message.target,
            self.message.id,
            exc_info=err,
        )
        return self.render_error(self._SERVER_ERROR, f"Server error, request {self.message.id}")

    # Being called.

    def __call__(self) -> Response:
        """Answer the message: `prepare`, the method, `on_finish`."""
        try:
            return self._answer()
        except Exception as err:  # noqa: BLE001, whatever it is has to become an answer
            return self.error(err)  # one of your own may fail, too
        finally:
            try:
                self._finish()
            except Exception:
                # The answer stands: its changes have happened.
                log.exception("on_finish of %s failed", type(self).__name__)

    def _finish(self) -> None:
        """Call the hooks after the answer."""
        if type(self).on_finish is not MessageHandler.on_finish:
            run_hook(self.on_finish)

    def _answer(self) -> Response:
        if (answer := self._prepared()) is not None:
            return answer
        # Methods are case-sensitive (RFC 9110, section 9.1): "get" is none that is known.
        name = self.message.method.lower() if self.message.method.isupper() else ""
        method = getattr(self, name, None) if name in HTTP_METHODS else None
        if method is None:
            method = self._fallback(name)
        arguments = self._url_args
        response = method(**arguments) if isinstance(arguments, dict) else method(*arguments)
        if not isinstance(response, Response):
            raise TypeError(
                f"{type(self).__name__}.{name} must return a Response (return self.render()), "
                f"not {type(response).__name__}"
            )
        return self._response if self._finished else response

    def _prepared(self) -> Response | None:
        """Return the answer that `prepare` gives by itself, if it does."""
        before = self.status_code
        answer = self.prepare()
        if answer is not None:  # its name is made only where it is needed
            answer = check_type(answer, Response, f"{type(self).__name__}.prepare")
        if self._finished:
            return self._response
        if answer is None and self.status_code != before and self._has_failed():
            raise TypeError(
                f"{type(self).__name__}.prepare set the status {self.status_code} and returned no "
                "response: return it, or raise a Problem"
            )
        return answer

    def _has_failed(self) -> bool:
        """Return whether the status is one of an error, or of a redirection."""
        return not 0 <= self._HTTP.get(self.status_code, self.status_code) < 300

    def _fallback(self, _name: str) -> Any:
        """Return the method to call in place of one that the class does not define."""
        return self.unsupported


def _refuse_misspelt(handler: type) -> None:
    """Raise `ConfigError` for a method that is nearly one that is called, and never would be."""
    for name, value in vars(handler).items():
        if not callable(value) or name.startswith("_") or hasattr(MessageHandler, name):
            continue
        lower = name.lower()
        near = [lower] if name != lower and lower in HTTP_METHODS else []
        near = near or get_close_matches(name, _MOMENTS, n=1, cutoff=0.85)
        if near:
            raise ConfigError(
                f'{handler.__name__}.{name} is never called. Did you mean "{near[0]}"?'
            )


def answer_of(made: object, handler: Callable[..., Any]) -> Response:
    """Return a handler's response; `TypeError` with the handler's name for any other value."""
    if isinstance(made, Response):
        return made
    name = getattr(handler, "__name__", handler)
    raise TypeError(f"{name} must return a Response, not {type(made).__name__}")
