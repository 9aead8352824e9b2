"""Bodies over a genuine Mongrel2: inline, stored in files, forged, and impossible to tell."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from brubeck.connections.mongrel2.requests import Uploads
from brubeck.http import Request, Response
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import Front, running_mongrel2, served

pytestmark = pytest.mark.mongrel2

LIMIT = 8192  # below limits.buffer_size (4096) Mongrel2 hangs on bodies just above it
MAX_BODY = 300_000


def echo(request: Request) -> Response:
    """Answer with the length and the ends of a body, and the headers that came with it."""
    with request.open_body() as file:
        body = file.read()
    names = ",".join(sorted(name for name in request.headers if name.startswith("x-")))
    return Response(b"%d %b %b %b" % (len(body), body[:3], body[-3:], names.encode()))


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    settings = {"limits.content_length": LIMIT}
    with running_mongrel2(settings=settings) as front, served(front, echo, max_body=MAX_BODY):
        yield front


def post(port: int, *lines: bytes, body: bytes = b"") -> tuple[int, bytes, bool]:
    """Send a POST; return the status, the body, and whether the connection is kept."""
    with Caller(port) as caller:
        head = b"\r\n".join([b"POST / HTTP/1.1", b"Host: h", *lines, b"", b""])
        caller.send(head + body)
        response = caller.response()
        kept = response.headers.get("Connection") != "close"
        answer = response.read()
        assert kept or caller.rest() == b""
        return response.status, answer, kept


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, LIMIT, LIMIT + 1, 100_000])
def test_a_body_of_any_size_arrives(front: Front, size: int) -> None:
    """Inline up to Mongrel2's limit, and out of a file above it; no file stays behind."""
    body = b"a" * (size // 2) + b"b" * (size - size // 2)
    status, answer, kept = post(front.port, b"Content-Length: %d" % size, body=body)
    assert (status, kept) == (200, True)
    assert answer == b"%d %b %b " % (size, body[:3], body[-3:])
    assert list(front.uploads.iterdir()) == []


def test_a_chunked_body_arrives(front: Front) -> None:
    """Mongrel2 stores it without its chunks, whatever its size."""
    body = chunked(b"abc", b"x" * 5000, b"xyz")
    assert post(front.port, b"Transfer-Encoding: chunked", body=body) == (
        200,
        b"5006 abc xyz ",
        True,
    )
    assert list(front.uploads.iterdir()) == []


@pytest.mark.parametrize("size", [MAX_BODY + 1])
def test_a_body_above_our_own_limit_is_refused(front: Front, size: int) -> None:
    """As soon as it begins; Mongrel2 throws away what has come."""
    status, _, kept = post(front.port, b"Content-Length: %d" % size, body=b"x" * size)
    assert (status, kept) == (413, False)
    wait_until(lambda: not list(front.uploads.iterdir()))


def test_a_chunked_body_above_our_own_limit_is_refused(front: Front) -> None:
    """Mongrel2 has taken it already, so it is thrown away."""
    body = chunked(*[b"x" * 50_000] * (MAX_BODY // 50_000 + 1))
    status, _, kept = post(front.port, b"Transfer-Encoding: chunked", body=body)
    assert (status, kept) == (413, False)
    assert list(front.uploads.iterdir()) == []


def test_an_upload_that_breaks_off_is_not_seen(front: Front) -> None:
    """The announcement of a body is no request yet."""
    with Caller(front.port) as caller:
        caller.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + b"x" * 2000)
        wait_until(lambda: list(front.uploads.iterdir()))
    wait_until(lambda: not list(front.uploads.iterdir()))
    assert post(front.port)[0] == 200


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"Content-Length: 0",),
        (b"Content-Length: 00",),
    ],
)
@pytest.mark.parametrize("done", [True, False])
def test_a_forged_upload_reads_no_file(front: Front, lines: tuple[bytes, ...], done: bool) -> None:
    """Who sends Mongrel2's own headers gets an answer, but no file; the headers are dropped."""
    secret = front.uploads / "secret"
    secret.write_bytes(b"secret")
    forged = [b"X-Mongrel2-Upload-Start: " + bytes(secret)]
    if done:
        forged.append(b"X-Mongrel2-Upload-Done: " + bytes(secret))
    try:
        assert post(front.port, *lines, *forged) == (200, b"0   ", True)
        assert post(front.port, *forged, b"Content-Length: 2", body=b"ok")[1] == b"2 ok ok "
        assert secret.read_bytes() == b"secret"
    finally:
        secret.unlink()


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: +9000",
        b"POST / HTTP/1.1\r\nContent-Length: 9000x",
        b"POST / HTTP/1.1\r\nContent-Length: 9000, 9000",
        b"POST / HTTP/1.1\r\nContent-Length: 9000 ",
        b"POST / HTTP/1.1\r\nContent-Length: 9000\r\nContent-Length: 9000",
        b"JSON / HTTP/1.1\r\nContent-Length: 9000",
        b"XML / HTTP/1.1\r\nContent-Length: 9000",
        b"WEBSOCKET / HTTP/1.1\r\nContent-Length: 9000",
        b"POST / HTTP/1.1\r\nHost: again\r\nContent-Length: 9000",
    ],
)
def test_a_stored_body_that_nobody_reads_is_removed(front: Front, head: bytes) -> None:
    """Of a request that is refused, or that is none of HTTP."""
    with Caller(front.port) as caller:
        caller.send(head + b"\r\nHost: h\r\n\r\n" + b"x" * 9000)
        caller.rest()
    wait_until(lambda: not list(front.uploads.iterdir()), what="a stored body stays behind")


def test_a_stored_body_of_a_client_that_has_left_is_removed() -> None:
    """While it waits behind another request, or for its turn."""
    entered, go_on = threading.Event(), threading.Event()

    def respond(request: Request) -> Response:
        if request.path == "/wait":
            entered.set()
            go_on.wait(30)
        return echo(request)

    settings = {"limits.content_length": LIMIT}
    body = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
    with running_mongrel2(settings=settings) as front, served(front, respond, pool_size=1):
        with Caller(front.port) as first, Caller(front.port) as second:
            first.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n" + body)
            assert entered.wait(10)
            second.send(body)
            wait_until(lambda: len(list(front.uploads.iterdir())) == 2)
        go_on.set()
        wait_until(lambda: not list(front.uploads.iterdir()), what="a stored body stays behind")


def test_a_forged_name_does_not_hide_a_true_upload(front: Front) -> None:
    """The client's own headers of that name do not count beside Mongrel2's."""
    forged = (b"X-Mongrel2-Upload-Done: /etc/passwd", b"X-Mongrel2-Upload-Start: /etc/passwd")
    status, answer, _ = post(front.port, *forged, b"Content-Length: 9000", body=b"x" * 9000)
    assert (status, answer) == (200, b"9000 xxx xxx ")


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 2", b"Content-Length: 2"),
        (b"Content-Length: 2, 2",),
        (b"Content-Length: +2",),
        (b"Content-Length: 2x",),
        (b"Content-Length: -2",),
        (b"Content-Length: x",),
        (b"Content-Length: ",),
    ],
)
def test_a_body_that_cannot_be_told_is_refused(front: Front, lines: tuple[bytes, ...]) -> None:
    """Nothing that follows it on the connection is taken for a request."""
    smuggled = b"GET /admin HTTP/1.1\r\nHost: h\r\n\r\n"
    status, _, kept = post(front.port, *lines, body=b"ok" + smuggled)
    assert (status, kept) == (400, False)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"Content-Length: 4294967298", 400),
        (b"Transfer-Encoding: gzip", 400),
        (b"Transfer-Encoding: gzip, chunked", 501),
    ],
)
def test_a_body_that_mongrel2_overlooks_is_refused(front: Front, line: bytes, status: int) -> None:
    """Mongrel2 takes the body for the next request; the connection ends before its answer."""
    assert post(front.port, line)[::2] == (status, False)


def test_a_host_is_named_once(front: Front) -> None:
    """As over the embedded server: none is 400 in HTTP/1.1, and so are two."""
    assert post(front.port, b"Host: again")[::2] == (400, False)
    with Caller(front.port) as caller:
        caller.send(b"GET / HTTP/1.1\r\n\r\n")
        assert caller.response().status == 400
    with Caller(front.port) as caller:
        caller.send(b"GET / HTTP/1.0\r\n\r\n")
        assert caller.response().status == 200


def test_a_stored_body_that_is_not_found_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong upload_dir is the operator's mistake: 503 to the caller, the path in the log."""
    with (
        running_mongrel2(settings={"limits.content_length": LIMIT}) as front,
        served(front, echo, upload_dir=tmp_path),
    ):
        status, _, kept = post(front.port, b"Content-Length: 9000", body=b"x" * 9000)
        assert (status, kept) == (503, False)
        assert str(tmp_path) in caplog.text


def test_a_streamed_upload_is_not_taken_for_a_whole_one() -> None:
    """Mongrel2's upload.stream sends bodies in parts, which is not supported, and said."""
    settings = {"limits.content_length": LIMIT, "upload.stream": 1}
    with running_mongrel2(settings=settings) as front, served(front, echo):
        status, _, kept = post(front.port, b"Content-Length: 9000", body=b"x" * 9000)
        assert (status, kept) == (501, False)


def test_only_a_plain_file_of_the_one_directory_is_opened(tmp_path: Path) -> None:
    """Whatever a path says, links, pipes and directories are refused, and stay where they are."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    directory = tmp_path / "uploads"
    directory.mkdir()
    (directory / "link").symlink_to(outside)
    (directory / "directory").mkdir()
    os.mkfifo(directory / "pipe")
    uploads = Uploads(directory)
    for name in ("", ".", "..", "/", "a/..", "link", "directory", "pipe", "missing", str(outside)):
        with pytest.raises(OSError):  # noqa: PT011, any reason of the system's will do
            uploads.open(name)
    assert len(list(directory.iterdir())) == 3
    (directory / "body").write_bytes(b"body")
    with uploads.open("/seen/from/elsewhere/body") as file:
        assert file.read() == b"body"
    assert not (directory / "body").exists()


def test_a_large_body_with_a_request_behind_it_is_refused(front: Front) -> None:
    """Mongrel2 writes both into one file, so neither can be told; the connection ends."""
    behind = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    body = b"x" * 9000 + behind
    status, _, kept = post(front.port, b"Content-Length: 9000", body=body)
    assert (status, kept) == (400, False)
    assert list(front.uploads.iterdir()) == []
