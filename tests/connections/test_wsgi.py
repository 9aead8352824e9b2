"""``app.wsgi`` keeps PEP 3333, by the standard library's own validator."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from brubeck.testing import Client
from tests.behaviour.app import app


def call(method: str, target: str, body: bytes = b"", **environ: Any) -> tuple[str, Any, bytes]:
    """Call the application as a strict server does, and return status, headers and body."""
    path, _, query = target.partition("?")
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
    }
    if body:
        made |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    made |= environ
    setup_testing_defaults(made)
    started: list[Any] = []

    def start_response(status: str, headers: Any, *_: Any) -> Any:
        started.append((status, dict(headers)))
        return None

    chunks = validator(app.wsgi)(made, start_response)
    try:
        data = b"".join(chunks)
    finally:
        chunks.close()  # type: ignore[attr-defined]  # the validator insists on it
    return started[0][0], started[0][1], data


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/brubeck"),
        ("HEAD", "/brubeck"),
        ("GET", "/nothing"),
        ("OPTIONS", "/brubeck"),
        ("GET", "/cookies"),
        ("GET", "/empty"),
        ("GET", "/streamed/whole"),
        ("HEAD", "/streamed/whole"),
        ("GET", "/echo?a=1&b=%C3%A9"),
        ("GET", "/pages?limit=2"),
        ("GET", "/burst"),
    ],
)
def test_every_kind_of_answer_is_valid(method: str, target: str) -> None:
    """And the same as the test client's."""
    status, headers, data = call(method, target)
    reply = Client(app).request(method, target)
    assert status.startswith(f"{reply.status} ")
    assert data == reply.body
    assert headers.get("Content-Type") == reply.headers.get("Content-Type")


def test_a_body_is_read_by_its_length() -> None:
    """And no further."""
    status, _, data = call("POST", "/echo", b"hello", CONTENT_TYPE="text/plain")
    assert status == "200 OK"
    assert b'"length":5' in data


@pytest.mark.parametrize("size", [6, 2_000_000])
def test_a_body_that_breaks_off_is_not_taken_for_whole(size: int) -> None:
    """A server hands on what came before its caller was gone."""
    status, _, data = call("POST", "/echo", b"hello", CONTENT_LENGTH=str(size))
    assert status.startswith("400 ")
    assert f"ended {size - 5} bytes before".encode() in data


class Endless(io.BytesIO):
    """A body that never ends, and how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes."""
        count = size or 0
        self.taken += count
        return b"x" * count


@pytest.mark.parametrize("length", ["", "67108865", "99999999999999999999"])
def test_a_body_past_the_limit_is_not_read(length: str) -> None:
    """The limit is the program's: many servers have none."""
    source: Any = Endless()
    environ = {"wsgi.input": source, "CONTENT_LENGTH": length, "wsgi.input_terminated": "1"}
    status, _, _ = call("POST", "/echo", b"x", **environ)
    assert status.startswith("413 ")
    assert source.taken <= (0 if length else (64 << 20) + 65_536)


def test_a_chunked_body_that_the_server_keeps_is_a_411() -> None:
    """As uWSGI does: its input looks empty, and such a write would be one of nothing."""
    environ: dict[str, Any] = {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "uwsgi.version": b"2.0",
    }
    assert call("POST", "/echo", b"", **environ)[0].startswith("411 ")
    environ["wsgi.input_terminated"] = True
    assert call("POST", "/echo", b"x", **environ)[0].startswith("200 ")


def test_a_path_that_is_not_utf8_is_a_400() -> None:
    """However the server has decoded it."""
    status, headers, _ = call("GET", "/\xff")
    assert status.startswith("400 ")
    assert headers["Content-Type"] == "application/problem+json"
