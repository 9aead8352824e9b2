"""A client for tests: asks an application directly, with no server and no socket.

>>> client = Client(app)
>>> client.get('/quakes', params={'limit': 2}).json()['data']
[]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlencode

import msgspec

from brubeck.application import Brubeck
from brubeck.http import Headers, Request, Response, StreamingResponse
from brubeck.http.proxies import Client as Caller

Params = Mapping[str, object] | list[tuple[str, object]]


class Reply:
    """The response to a client: ``status``, ``headers``, and ``body`` or a stream's ``chunks``."""

    def __init__(self, response: Response, method: str) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._silent = method == "HEAD" or response.bodiless

    @property
    def body(self) -> bytes:
        """The whole body; a stream is read to its end."""
        if self._silent:
            return b""
        response = self._response
        if isinstance(response, StreamingResponse):
            return b"".join(response.chunks)
        return response.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body decoded from JSON."""
        return msgspec.json.decode(self.body)

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks of a stream as they are made."""
        response = self._response
        if isinstance(response, StreamingResponse):
            yield from response.chunks
        else:
            yield response.body

    def close(self) -> None:
        """Stop reading a stream."""
        if isinstance(self._response, StreamingResponse):
            self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Reply {self.status}>"


class Client:
    """Asks an application; ``headers`` go with every request.

    ``cookies`` are those that answers have set, by name: they are sent as a browser would, unless
    a ``Cookie`` header is given.
    """

    def __init__(self, application: Brubeck, headers: Mapping[str, str] | None = None) -> None:
        self.application = application
        self.headers = dict(headers or {})
        self.cookies: dict[str, str] = {}
        self._paths: dict[str, str] = {}

    def log_in(self, path: str, **fields: object) -> Reply:
        """Send the form to log in as a page of this site would, and keep the cookie.

        Raises `AssertionError` where the answer sets no cookie.

        >>> client.log_in('/login', username='ella', password='secret').status  # doctest: +SKIP
        303
        """
        before = dict(self.cookies)
        reply = self.post(path, form=fields, headers={"Sec-Fetch-Site": "same-origin"})
        if self.cookies == before:
            raise AssertionError(f"{path} has set no cookie; its answer is {reply.status}.")
        return reply

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = msgspec.UNSET,
        form: Params | None = None,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for something; ``json`` and ``form`` become typed bodies, ``params`` the query."""
        sent = Headers({"Host": "localhost"})
        if cookies := self._cookies_for(path):
            sent["Cookie"] = cookies
        sent.update(self.headers)
        if json is not msgspec.UNSET:
            body = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        elif form is not None:
            body = urlencode(form, doseq=True)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent.update(headers or {})
        data = body.encode() if isinstance(body, str) else body
        if data:
            sent["Content-Length"] = str(len(data))
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        request = Request(method, path, sent, data, client=Caller("127.0.0.1", "http", "localhost"))
        reply = Reply(self.application.observed(request), method)
        self._keep_cookies(reply.headers.get_all("set-cookie"))
        return reply

    def _cookies_for(self, path: str) -> str:
        """Return the ``Cookie`` header of a request (RFC 6265, section 5.4)."""
        asked = path.partition("?")[0]
        found = []
        for name, value in self.cookies.items():
            below = self._paths.get(name, "/").rstrip("/")
            if asked == below or asked.startswith(f"{below}/"):
                found.append(f"{name}={value}")
        return "; ".join(found)

    def _keep_cookies(self, lines: list[str]) -> None:
        """Keep the cookies that an answer sets, and forget those that it deletes."""
        for line in lines:
            pair, *attributes = line.split(";")
            name, _, value = (part.strip() for part in pair.partition("="))
            known = dict(_attribute(each) for each in attributes)
            if known.get("max-age") == "0" or not value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
                self._paths[name] = known.get("path") or "/"

    def get(self, path: str, **options: Any) -> Reply:
        """Send GET."""
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> Reply:
        """Send HEAD."""
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Any) -> Reply:
        """Send POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Reply:
        """Send PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Reply:
        """Send PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        """Send DELETE."""
        return self.request("DELETE", path, **options)

    def options(self, path: str, **options: Any) -> Reply:
        """Send OPTIONS."""
        return self.request("OPTIONS", path, **options)


def _attribute(text: str) -> tuple[str, str]:
    """Return the name of a cookie's attribute, in lower case, and its value."""
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()
