"""The parts of a web handler's answer that a stream accepts, and those that it refuses.

A stream answers with pages, items and changes; a hook can add headers and cookies to them. A
status, a body or a payload of its own would be thrown away, so setting one is an error.
"""

from __future__ import annotations

from typing import Any, NoReturn

from brubeck.handlers import WebMessageHandler
from brubeck.http import Response


class StreamAnswers(WebMessageHandler):
    """The base of stream handlers: a web handler without a status or body of its own."""

    def _answer(self) -> Response:
        response = super()._answer()
        if self._headers is not None and response.headers is not self._headers:
            response.headers.replace(self._headers)
        if self._cookies:
            self._add_cookies(response.headers)
        return response

    def render(
        self, status_code: int | None = None, http_200: bool = False, **kwargs: Any
    ) -> Response:
        """Return a response with its own body, as `prepare` may; see `WebMessageHandler.render`."""
        if status_code is not None:
            self.status_code = status_code
        return super().render(None, http_200, **kwargs)

    def set_status(
        self, status_code: int, status_msg: str | None = None, extra_txt: str | None = None
    ) -> NoReturn:
        """Raise `TypeError`: a stream's answer has the status of the request's outcome."""
        del status_code, status_msg, extra_txt
        self._refuse("set_status", "raise a Problem with the status to refuse a request")

    def set_body(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `TypeError`: the answers of a stream are its items."""
        del args, kwargs
        self._refuse("set_body", "answer from prepare with a Response, or with a route of your own")

    def add_to_payload(self, key: str, value: Any) -> NoReturn:
        """Raise `TypeError`: the answers of a stream are its items."""
        del key, value
        self._refuse("add_to_payload", "give the document a field")

    def _refuse(self, method: str, instead: str) -> NoReturn:
        raise TypeError(f"{method} changes no answer of a stream; {instead}")
