"""Header fields that come again on a connection are judged as they were the first time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from brubeck.connections.http1 import Http1, Limits
from brubeck.http import Problem
from brubeck.http.proxies import Client

_FIELDS = st.lists(
    st.sampled_from(
        [
            b"Host: example.org",
            b"Host: ex ample",
            b"Accept: */*",
            b"Cookie: a=b",
            b"Content-Length: 2",
            b"Content-Length: 0",
            b"Transfer-Encoding: chunked",
            b"Expect: 100-continue",
            b"Expect: more",
            b"Connection: close",
            b"X-Long: " + b"x" * 300,
        ]
    ),
    max_size=4,
)
_HEADS = st.tuples(
    st.sampled_from([b"GET /a", b"POST /b?c=d", b"HEAD /" + b"e" * 500]),
    st.sampled_from([b"HTTP/1.0", b"HTTP/1.1", b"HTTP/1.2"]),
    _FIELDS,
)
_LIMITS = Limits(max_head=900, max_body=10)

Head = tuple[bytes, bytes, list[bytes]]


def _told(http: Http1, head: Head) -> object:
    """Return all that is seen of a request, or its refusal."""
    target, version, fields = head
    lines = b"".join(field + b"\r\n" for field in fields)
    text = b"%b %b\r\n%b\r\n" % (target, version, lines)
    kinds = {field.partition(b":")[0] for field in fields}
    if b"Transfer-Encoding" in kinds:
        text += b"2\r\nhi\r\n0\r\n\r\n"
    elif b"Content-Length: 2" in fields:
        text += b"hi"
    try:
        http.feed(text)
    except Problem as problem:
        return problem.status, str(problem)
    if not http.ready:
        return "nothing", http.started, http.in_head
    incoming = http.ready.popleft()
    request = incoming.request
    seen = (request.method, request.target, request.version, request.body, incoming.keep_alive)
    accept, cookie = request.header("accept"), request.header("cookie")
    pairs = sorted(request.headers.pairs())
    request.headers["X-Changed"] = "by a handler"
    return seen, accept, cookie, set(request.identity), pairs, http.expects_continue


@given(st.lists(_HEADS, min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=6))
def test_a_request_is_read_the_same_whatever_came_before_it(
    heads: list[Head], order: list[int]
) -> None:
    http = Http1(_LIMITS, Client("127.0.0.1"))
    for at in order:
        head = heads[at % len(heads)]
        alone = _told(Http1(_LIMITS, Client("127.0.0.1")), head)
        assert _told(http, head) == alone
        if isinstance(alone[0], int | str) or not alone[0][4]:  # type: ignore[index]
            break  # refused, unfinished or the last one: the connection ends here
