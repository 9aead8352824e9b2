"""Shared caches in front: no request of one client changes the answer to another."""

from __future__ import annotations

from http.client import HTTPConnection
from itertools import count

import pytest

from tests.proxies.fronts import Front
from tests.proxies.origins import Origin

EACH = pytest.mark.parametrize("front", ["nginx", "varnish"], indirect=True)
Answer = tuple[int, str | None, bytes]
_limits = count(1)

ATTACKS: dict[str, tuple[str, dict[str, str]]] = {
    "the host": ("GET", {"Host": "evil.example"}),
    "a forwarded host": ("GET", {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}),
    "a prefix": ("GET", {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "99"}),
    "a scheme": ("GET", {"X-Forwarded-Proto": "https"}),
    "head": ("HEAD", {}),
    "options": ("OPTIONS", {}),
    "another method": ("POST", {"X-HTTP-Method-Override": "GET", "Content-Type": "text/plain"}),
    "a part": ("GET", {"Range": "bytes=0-3"}),
    "a part in range": ("GET", {"Range": "bytes=0-3", "If-Range": '"a"'}),
    "a tag": ("GET", {"If-None-Match": "*"}),
    "a time": ("GET", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    "gzip": ("GET", {"Accept-Encoding": "gzip"}),
    "a failed condition": ("GET", {"If-Match": '"other"'}),
    "an origin": ("GET", {"Origin": "https://evil.example"}),
    "credentials": ("GET", {"Authorization": "Bearer wrong"}),
    "a cookie": ("GET", {"Cookie": "a=b"}),
    "a hop": ("GET", {"Connection": "close, Accept", "TE": "trailers"}),
    "an expectation": ("GET", {"Cache-Control": "no-cache", "Pragma": "no-cache"}),
}


def ask(port: int, method: str, target: str, headers: dict[str, str]) -> Answer:
    """Return the status, the type and the body of an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()
    finally:
        connection.close()


@EACH
@pytest.mark.parametrize("accept", ["application/json", "application/atom+xml"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_request_changes_the_answer_to_another(
    front: Front, origin: Origin, attack: str, accept: str
) -> None:
    """Whichever comes first; a feed has the URLs of its own host."""
    method, headers = ATTACKS[attack]
    target = f"/quakes?limit={next(_limits)}"
    host = {"Host": f"127.0.0.1:{front.port}"}
    ask(front.port, method, target, {"Accept": accept} | headers)
    found = ask(front.port, "GET", target, {"Accept": accept})
    forwarded = {"X-Forwarded-Host": host["Host"], "X-Forwarded-Proto": "http"}
    assert found == ask(origin.port, "GET", target, {"Accept": accept} | host | forwarded)
    assert found[0] == 200
    assert b"evil" not in found[2]


@EACH
@pytest.mark.parametrize(
    ("name", "usual", "added"),
    [
        ("Accept", "*/*", "application/atom+xml, application/json;q=0"),
        ("Accept", "application/json", "application/atom+xml, application/json;q=0"),
        ("Accept-Encoding", "gzip", "identity, gzip;q=0"),
        ("Origin", "https://app.example", "x"),
    ],
)
def test_a_header_that_comes_twice_changes_no_answer_to_another(
    front: Front, origin: Origin, name: str, usual: str, added: str
) -> None:
    """A cache that compares the first of them took the answer to both for that to the first."""
    target = f"/quakes?limit={next(_limits)}"
    connection = HTTPConnection("127.0.0.1", front.port, timeout=20)
    connection.putrequest("GET", target, skip_accept_encoding=True)
    for each in (usual, added):
        connection.putheader(name, each)
    connection.endheaders()
    assert connection.getresponse().read()
    connection.close()
    host = {"Host": f"127.0.0.1:{front.port}", "X-Forwarded-Proto": "http"}
    forwarded = host | {"X-Forwarded-Host": host["Host"]}
    found = answered(front.port, target, {name: usual})
    assert found == answered(origin.port, target, {name: usual} | forwarded)
    assert found[0] == 200


def answered(port: int, target: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers that depend on those of the request, and the body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("GET", target, skip_accept_encoding=True, skip_host="Host" in headers)
    for each in headers.items():
        connection.putheader(*each)
    connection.endheaders()
    response = connection.getresponse()
    names = ("Content-Type", "Content-Encoding", "Access-Control-Allow-Origin")
    shown = {each: response.getheader(each, "") for each in names}
    body = response.read()
    connection.close()
    return response.status, shown, body


@EACH
@pytest.mark.parametrize("behind", ["3", "23", "&total=true", "3, "])
def test_no_url_is_taken_for_another_with_another_format(front: Front, behind: str) -> None:
    """A key of a cache may be the URL with the format behind it, and nothing between them."""
    start, accept = "/quakes?limit=1", "application/json"
    first = ask(front.port, "GET", start, {"Accept": behind + accept})
    found = ask(front.port, "GET", start + behind.strip(", "), {"Accept": accept})
    assert found[0] == 200
    assert found[2] != first[2]


@EACH
@pytest.mark.parametrize(
    "path",
    [
        *("/quakes/private", "/quakes/%70rivate", "/quakes/private?", "/quakes/private.json"),
        *("/quakes/./private", "/quakes//private", "/quakes/x/../private", "/quakes/private%3F"),
        *("/quakes/private;a", "/quakes/private/changes", "/quakes/private%00", "/Quakes/private"),
    ],
)
def test_no_spelling_of_a_protected_stream_is_kept(front: Front, origin: Origin, path: str) -> None:
    """Who knows no token gets what who knows one is given, or less."""
    known = {"Authorization": f"Bearer {origin.token}"}
    for headers in (known, known, {}):
        status, _, body = ask(front.port, "GET", path, headers)
        if not headers:
            assert status != 200, body
