"""Framing: what a connection adds, and where a message ends."""

from __future__ import annotations

from http.client import HTTPResponse
from io import BytesIO
from socket import socket
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.errors import ProtocolError
from brubeck.http import Headers, Response, StreamingResponse
from brubeck.http.framing import Framed, frame, keeps_alive

NOON = 784_111_777


def framed(
    response: Response, method: str = "GET", version: str = "1.1", *, keep_alive: bool = True
) -> Framed:
    return frame(response, method=method, version=version, keep_alive=keep_alive, second=NOON)


def fields(framed: Framed) -> Headers:
    lines = framed.head.decode("latin-1").split("\r\n")[1:-2]
    return Headers(cast("tuple[str, str]", line.split(": ", 1)) for line in lines)


def wire(response: Response, framed: Framed) -> bytes:
    """Return everything that a connection would send."""
    if framed.coder is None or not isinstance(response, StreamingResponse):
        return framed.head + framed.body
    body = b"".join(framed.coder.data(chunk) for chunk in response.chunks)
    return framed.head + body + framed.coder.end()


def read(raw: bytes, method: str) -> bytes:
    """Return the body as a client of the standard library reads it."""

    class OneShot:
        def makefile(self, *_: object) -> BytesIO:
            return BytesIO(raw)

    response = HTTPResponse(cast("socket", OneShot()), method=method)
    response.begin()
    return response.read()


def test_a_whole_response_is_its_head_and_its_body() -> None:
    """The order on the wire is the application's headers first, then the connection's."""
    response = Response(b"five", headers=Headers({"Content-Type": "text/plain"}))
    assert framed(response) == Framed(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: Brubeck\r\n\r\n",
        b"five",
        None,
        True,
    )


def test_head_says_what_get_would_and_sends_no_body() -> None:
    """The length of the body that GET would send stays; the body does not."""
    response = Response(b"five")
    head = framed(response, "HEAD")
    assert head.head == framed(response).head
    assert head.body == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_no_length(status: int, method: str) -> None:
    """Such an answer ends with its head, whatever the application put into it."""
    for response in (Response(b"lost", status), StreamingResponse([b"lost"], status)):
        answer = framed(response, method)
        assert not {"content-length", "transfer-encoding"} & {*map(str.lower, fields(answer))}
        assert (answer.body, answer.coder, answer.keep_alive) == (b"", None, True)


def test_a_stream_goes_in_chunks() -> None:
    """Each piece of data becomes one chunk, and an empty one ends them."""
    response = StreamingResponse([b"take ", b"x" * 17])
    answer = framed(response)
    assert fields(answer)["transfer-encoding"] == "chunked"
    assert wire(response, answer) == answer.head + (
        b"5\r\ntake \r\n11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"
    )


def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    """HTTP/1.0 knows no chunks, so the connection cannot be kept."""
    answer = framed(StreamingResponse([b"x"]), version="1.0")
    assert fields(answer)["connection"] == "close"
    assert "transfer-encoding" not in fields(answer)
    assert not answer.keep_alive


def test_the_head_of_a_stream_keeps_the_connection() -> None:
    """Without a body there is nothing that only a closed connection could end."""
    answer = framed(StreamingResponse([b"x"]), "HEAD", "1.0")
    assert answer.keep_alive
    assert answer.coder is None


def test_a_stream_of_known_length_is_sent_as_it_is() -> None:
    """A stream's own Content-Length is kept, so that a reader can tell how far it is."""
    response = StreamingResponse([b"take", b"five"], headers=Headers({"content-length": "8"}))
    for version in ("1.0", "1.1"):
        answer = framed(response, version=version)
        assert fields(answer).get_all("content-length") == ["8"]
        assert "transfer-encoding" not in fields(answer)
        assert wire(response, answer) == answer.head + b"takefive"


@pytest.mark.parametrize("chunks", [[b"takefiv"], [b"take", b"five!"], []])
def test_a_stream_of_another_length_than_it_said_is_an_error(chunks: list[bytes]) -> None:
    """The connection hears of it, and cuts, before the other end can take it for whole."""
    response = StreamingResponse(chunks, headers=Headers({"content-length": "8"}))
    with pytest.raises(ProtocolError, match="Content-Length"):
        wire(response, framed(response))


@pytest.mark.parametrize("length", ["", "-1", "8, 8", "٣", "0x8"])
def test_a_stream_with_an_odd_length_goes_in_chunks(length: str) -> None:
    """What is no length is dropped instead of being passed on."""
    headers = Headers()
    headers._fields["content-length"] = ("Content-Length", (length,))
    answer = framed(StreamingResponse([], headers=headers))
    assert "content-length" not in fields(answer)


def test_the_application_cannot_lie_about_the_length_of_a_whole_body() -> None:
    """The true length stands once, and the response itself is left as it was."""
    headers = Headers({"Content-Length": "99", "Transfer-Encoding": "chunked", "X-Own": "1"})
    response = Response(b"five", headers=headers)
    answer = framed(response)
    assert fields(answer).get_all("content-length") == ["4"]
    assert "transfer-encoding" not in fields(answer)
    assert fields(answer)["x-own"] == "1"
    assert response.headers["content-length"] == "99"


def test_the_application_may_end_the_connection() -> None:
    """Its wish is kept and said once; any other Connection header is the connection's own."""
    answer = framed(Response(headers=Headers({"Connection": "Close"})))
    assert fields(answer).get_all("connection") == ["close"]
    assert not answer.keep_alive
    answer = framed(Response(headers=Headers({"Connection": "upgrade"})))
    assert "connection" not in fields(answer)
    assert answer.keep_alive


def test_the_application_may_say_its_own_date_and_server() -> None:
    """Both are added only where they are missing."""
    answer = framed(Response(headers=Headers({"Date": "now", "Server": "mine"})))
    assert fields(answer).get_all("date") == ["now"]
    assert fields(answer).get_all("server") == ["mine"]


@pytest.mark.parametrize(
    ("version", "keep_alive", "said"),
    [("1.1", True, None), ("1.1", False, "close"), ("1.0", True, "keep-alive")],
)
def test_connection_is_said_only_where_it_is_not_implied(
    version: str, keep_alive: bool, said: str | None
) -> None:
    """HTTP/1.1 keeps by default, HTTP/1.0 does not."""
    answer = framed(Response(), version=version, keep_alive=keep_alive)
    assert fields(answer).get("connection") == said


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "keep-alive, Close", False),
        ("1.1", "closer", True),
        ("1.0", "Keep-Alive, x", True),
        ("1.0", "close, keep-alive", False),
        ("0.9", "", False),
    ],
)
def test_keeps_alive(version: str, connection: str, kept: bool) -> None:
    """The request's version and Connection header decide, in any case and order."""
    assert keeps_alive(version, connection) is kept


def test_the_date_is_now() -> None:
    """Without a moment of its own, a response bears the present one."""
    answer = frame(Response(), method="GET", version="1.1", keep_alive=True)
    assert fields(answer)["date"].endswith("GMT")


@given(
    chunks=st.lists(st.binary(min_size=1)),
    version=st.sampled_from(["1.0", "1.1"]),
    measured=st.booleans(),
)
def test_any_stream_arrives_whole(chunks: list[bytes], version: str, measured: bool) -> None:
    """A client reads back exactly the data, however it was framed."""
    whole = b"".join(chunks)
    headers = Headers({"Content-Length": str(len(whole))} if measured else {})
    response = StreamingResponse(chunks, headers=headers)
    assert read(wire(response, framed(response, version=version)), "GET") == whole


@given(body=st.binary(), version=st.sampled_from(["1.0", "1.1"]), keep_alive=st.booleans())
def test_any_body_arrives_whole(body: bytes, version: str, keep_alive: bool) -> None:
    """A client reads back exactly the body, whether the connection is kept or not."""
    response = Response(body)
    answer = framed(response, version=version, keep_alive=keep_alive)
    assert read(wire(response, answer), "GET") == body
