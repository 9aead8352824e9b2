"""Handlers of HTTP requests: a body, headers, cookies and arguments, or a payload as JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, overload
from urllib.parse import quote

import msgspec

from brubeck.handlers.cookies import UNSIGNED, Secret, cookie_for, read_cookie
from brubeck.handlers.message import HTTP_METHODS, JSON, MessageHandler
from brubeck.http.headers import Headers
from brubeck.http.problems import Problem
from brubeck.http.response import REASONS, Response

HTML: Final = "text/html; charset=utf-8"


def render(
    body: str | bytes,
    status_code: int = 200,
    status_msg: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response; for handlers that are functions."""
    made = Headers(headers or {})
    made.setdefault("Content-Type", HTML)
    return Response(body, status_code, headers=made, reason=status_msg)


http_response = render
"""0.4's other name for `render`."""


class WebMessageHandler(MessageHandler):
    """Answers an HTTP request with a body and headers.

    >>> class DemoHandler(WebMessageHandler):
    ...     def get(self):
    ...         self.set_body('Take five!')
    ...         return self.render()
    """

    _DEFAULT_STATUS = 500
    _SUCCESS_CODE = 200
    _UPDATED_CODE = 200
    _CREATED_CODE = 201
    _MULTI_CODE = 207
    _FAILED_CODE = 400
    _AUTH_FAILURE = 401
    _FORBIDDEN = 403
    _NOT_FOUND = 404
    _NOT_ALLOWED = 405
    _SERVER_ERROR = 500
    _response_codes = REASONS

    body: str | bytes = b""
    """The body that `render` sends."""
    _headers: Headers | None = None
    _cookies: dict[tuple[str, str | None, str | None], str] | None = None

    @property
    def headers(self) -> Headers:
        """The headers of the response."""
        headers = self._headers
        if headers is None:
            headers = self._headers = Headers()
        return headers

    @headers.setter
    def headers(self, headers: Mapping[str, str]) -> None:
        self._headers = headers if isinstance(headers, Headers) else Headers(headers)

    # The request.

    @overload
    def get_argument(self, name: str, default: str, strip: bool = True) -> str: ...

    @overload
    def get_argument(self, name: str, default: None = None, strip: bool = True) -> str | None: ...

    def get_argument(self, name: str, default: str | None = None, strip: bool = True) -> str | None:
        """Return the last value of an argument of the query or the form, or the default."""
        return self.message.get_argument(name, default, strip=strip)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Return every value of an argument of the query or the form."""
        return self.message.get_arguments(name, strip=strip)

    # Cookies.

    def get_cookie(
        self,
        key: str,
        default: Any = None,
        secret: Secret = UNSIGNED,
        *,
        max_age: float | None = None,
    ) -> Any:
        """Return a cookie, or the default where there is none that is good.

        With a ``secret`` the cookie must have been signed with it, at most ``max_age`` seconds ago,
        and its value is whatever JSON was signed. Of several secrets any will do, so that the first
        can be changed: ``secret=self.application.cookie_keys``.

        Raises `ConfigError` for a secret that is not set (None), and a `Problem` (403) in a write
        that a page of another site sent, unless its origin is among the handler's
        ``trusted_origins``.
        """
        trusted: Collection[str] = getattr(self, "trusted_origins", ())
        return read_cookie(self.message, key, default, secret, max_age, trusted)

    def set_cookie(
        self,
        key: str,
        value: Any,
        secret: Secret = UNSIGNED,
        **options: Any,
    ) -> None:
        """Give the browser a cookie; with a ``secret`` a signed one, of any JSON value.

        Of several secrets the first signs. The options are those of `brubeck.http.cookies.Cookie`:
        ``max_age`` (seconds), ``expires`` (milliseconds), ``domain``, ``path``, ``secure``,
        ``http_only``, ``same_site``. Raises `ValueError` for what cannot be in a cookie.
        """
        cookie = cookie_for(self.message, key, value, secret, options)
        scope = (key, cookie.domain, cookie.path)
        # Made into a header now: a bad one must not fail again while its error is answered.
        self._cookies = {**(self._cookies or {}), scope: cookie.header()}

    def delete_cookie(self, key: str, **options: Any) -> None:
        """Make the browser forget a cookie; domain and path must be those it was set with."""
        self.set_cookie(key, "", max_age=0, expires=0, **options)

    def delete_cookies(self) -> None:
        """Make the browser forget every cookie that it sent."""
        for key in self.message.cookies:
            self.delete_cookie(key)

    # The response.

    def set_body(
        self,
        body: str | bytes,
        headers: Mapping[str, str] | None = None,
        status_code: int = _SUCCESS_CODE,
    ) -> None:
        """Set the body and, since there is one, the status; headers replace those set so far."""
        self.body = body
        self.set_status(status_code)
        if headers is not None:
            self._headers = Headers(headers)

    def render(
        self, status_code: int | None = None, http_200: bool = False, **_kwargs: Any
    ) -> Response:
        """Return the response.

        ``http_200`` sends 200 whatever the status is, for interfaces that say it in the body.
        """
        if status_code is not None:
            self.set_status(status_code)
        headers = self.headers
        if "Content-Type" not in headers and self.body:
            headers["Content-Type"] = HTML
        if self._cookies:
            self._add_cookies(headers)
        if http_200:
            return Response(self.body, 200, headers=headers)
        return Response(self.body, self.status_code, headers=headers, reason=self._status_msg)

    def _add_cookies(self, headers: Headers) -> None:
        for cookie in (self._cookies or {}).values():
            headers.add("Set-Cookie", cookie)
        self._cookies = None

    def redirect(self, url: str, status_code: int = 302) -> Response:
        """Return a redirection to a URL; characters that it may not hold are percent-encoded."""
        self.clear_payload()
        self.body = b""
        self.headers["Location"] = quote(url, safe="!#$%&'()*+,/:;=?@[]~")
        return self.render(status_code=status_code)

    def render_error(
        self, status_code: int, error_msg: str | None = None, **_kwargs: Any
    ) -> Response:
        """Return an error as a problem document (RFC 9457); cookies set so far go with it."""
        return self.render_problem(Problem(status_code, error_msg or ""))

    def render_problem(self, problem: Problem) -> Response:
        """Return the response of a `Problem`; a template mixin shows it as a page instead."""
        self.status_code = problem.status
        response = problem.response()
        self._add_cookies(response.headers)
        return response

    # Methods that every handler has.

    def options(self, *_args: Any, **_kwargs: Any) -> Response:
        """Answer with the methods there are."""
        self.headers["Allow"] = ", ".join(allowed_methods(type(self)))
        return Response(b"", 204, headers=self.headers)

    def unsupported(self, *_args: Any, **_kwargs: Any) -> Response:
        """Answer 405 with the methods there are."""
        allow = ", ".join(allowed_methods(type(self)))
        detail = f"{self.message.method} is not allowed; allowed methods: {allow}."
        return self.render_problem(Problem(405, detail, headers={"Allow": allow}))

    def _fallback(self, name: str) -> Any:
        # Without a method of its own HEAD is GET; the connection leaves the body out.
        return getattr(self, "get", self.unsupported) if name == "head" else self.unsupported


class JSONMessageHandler(WebMessageHandler):
    """Answers an HTTP request with its payload as JSON."""

    def render(
        self,
        status_code: int | None = None,
        http_200: bool = False,
        hide_status: bool = False,
        **_kwargs: Any,
    ) -> Response:
        """Return the payload; with ``hide_status`` only its ``data``, if it has any."""
        if status_code is not None:
            self.set_status(status_code)
        if hide_status and "data" in self._payload:
            self.body = msgspec.json.encode(self._payload["data"])
        else:
            self.body = msgspec.json.encode(self.payload())
        self.headers["Content-Type"] = JSON
        return super().render(http_200=http_200)


def allowed_methods(handler: type[MessageHandler]) -> list[str]:
    """Return the HTTP methods that a handler class answers, HEAD with GET.

    >>> allowed_methods(WebMessageHandler)
    ['OPTIONS']
    """
    names = [name for name in HTTP_METHODS if callable(getattr(handler, name, None))]
    if "get" in names and "head" not in names:
        names.insert(1, "head")
    return [name.upper() for name in names]
