"""Classic handlers and routes answer alike over every connection."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.behaviour.app import LONG
from tests.behaviour.conftest import Everywhere


def problem(answer: Any) -> dict[str, Any]:
    """Return the problem document of an answer."""
    assert answer.header("content-type") == "application/problem+json"
    found: dict[str, Any] = json.loads(answer.body)
    assert found["status"] == answer.status
    return found


def test_the_first_readme_takes_five(ask: Everywhere) -> None:
    """A class, a body, a status."""
    answer = ask("GET", "/brubeck")
    assert (answer.status, answer.body) == (200, b"Take five!")
    assert answer.header("content-type") == "text/html; charset=utf-8"


def test_head_is_get_without_a_body(ask: Everywhere) -> None:
    """The same headers, and nothing after them."""
    head, get = ask("HEAD", "/brubeck"), ask("GET", "/brubeck")
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


def test_options_says_what_there_is(ask: Everywhere) -> None:
    """Of classes and of functions."""
    answer = ask("OPTIONS", "/brubeck")
    assert (answer.status, answer.header("allow")) == (204, "GET, HEAD, OPTIONS")
    answer = ask("OPTIONS", "/function/paul")
    assert (answer.status, answer.header("allow")) == (204, "DELETE, GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/named/dave", b"dave swings"),
        ("/named/dave/plays", b"dave plays"),
        ("/positional/5/4", b"5-4"),
        ("/function/paul", b"GET paul"),
        ("/function/", b"GET "),
        ("/function/caf%C3%A9", "GET café".encode()),
        ("/function/a%20b%2Bc", b"GET a b+c"),
    ],
)
def test_urls_hold_arguments(ask: Everywhere, target: str, body: bytes) -> None:
    """By name, by position, percent-encoded, optional."""
    answer = ask("GET", target)
    assert (answer.status, answer.body) == (200, body)


def test_a_function_answers_its_methods(ask: Everywhere) -> None:
    """Two functions may share a path; a status may have words of its own."""
    assert ask("POST", "/function/joe", b"x").body == b"POST joe"
    assert ask("DELETE", "/function/joe").body == b"gone joe"


@pytest.mark.parametrize("target", ["/nothing", "/brubeck/", "/positional/a/b", "/function/a/b"])
def test_what_is_not_there_is_a_404(ask: Everywhere, target: str) -> None:
    """A problem that names the path."""
    answer = ask("GET", target)
    assert answer.status == 404
    assert target in problem(answer)["detail"]


@pytest.mark.parametrize(("method", "target"), [("POST", "/brubeck"), ("PUT", "/function/joe")])
def test_another_method_is_a_405(ask: Everywhere, method: str, target: str) -> None:
    """With the methods that there are."""
    answer = ask(method, target, b"x")
    assert answer.status == 405
    assert "GET" in (answer.header("allow") or "")
    assert method in problem(answer)["detail"]


def test_a_payload_is_json(ask: Everywhere) -> None:
    """With 0.4's status and time, or only its data."""
    assert json.loads(ask("GET", "/payload").body) == {
        "status_code": 200,
        "status_msg": "OK",
        "timestamp": 7,
        "data": {"tune": "Take Five", "beats": [5, 4]},
    }
    hidden = ask("GET", "/payload?hide=yes")
    assert json.loads(hidden.body) == {"tune": "Take Five", "beats": [5, 4]}


def test_a_message_handler_answers_too(ask: Everywhere) -> None:
    """Its own status goes into the payload, the web's into the status line."""
    answer = ask("GET", "/message")
    assert answer.status == 200
    assert json.loads(answer.body)["status_code"] == 0
    assert ask("POST", "/message", b"x").status == 405


def test_what_comes_in_is_the_same(ask: Everywhere) -> None:
    """Query, headers, body, cookies, type, scheme, address and version."""
    answer = ask(
        "POST",
        "/echo/a%20b?x=1&y=&x=%C3%A9&z",
        b"\0\xff" * 500,
        {
            "Content-Type": "Application/Octet-Stream; a=b",
            "Cookie": "a=1; b=two; a=3",
            "X-Test": "one, two",
        },
    )
    seen = json.loads(answer.body)
    assert seen == {
        "method": "POST",
        "path": "/echo/a b",
        "query": "x=1&y=&x=%C3%A9&z",
        "arguments": {"x": ["1", "é"], "y": [""], "z": [""]},
        "cookies": {"a": "1", "b": "two"},
        "content_type": "application/octet-stream",
        "length": 1000,
        "sum": 127500,
        "files": [],
        "x": ["one, two"],
        "scheme": "http",
        "remote": "127.0.0.1",
    }


def test_a_form_joins_the_arguments(ask: Everywhere) -> None:
    """Those of the query come first."""
    answer = ask(
        "POST",
        "/echo?a=1",
        b"a=2&b=%2B+",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert json.loads(answer.body)["arguments"] == {"a": ["1", "2"], "b": ["+ "]}


def test_a_multipart_form_has_fields_and_files(ask: Everywhere) -> None:
    """A file keeps its name, type and size."""
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="tune"\r\n\r\nTake Five\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="sheet"; filename="five.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n5/4\r\n--XX--\r\n"
    )
    answer = ask("POST", "/echo", body, {"Content-Type": "multipart/form-data; boundary=XX"})
    seen = json.loads(answer.body)
    assert seen["arguments"] == {"tune": ["Take Five"]}
    assert seen["files"] == [["sheet", "five.txt", "text/plain", 3]]


def test_a_large_body_arrives_whole(ask: Everywhere) -> None:
    """Past what is held in memory."""
    answer = ask("POST", "/echo", b"\1" * 3_000_000, {"Content-Type": "image/png"})
    assert json.loads(answer.body)["sum"] == 3_000_000


@pytest.mark.parametrize(
    ("target", "body", "kind"),
    [
        ("/echo?a=%FF", b"", ""),
        ("/echo?" + "a&" * 2000, b"", ""),
        ("/echo", b"a=%ff", "application/x-www-form-urlencoded"),
        ("/echo", b"--XX\r\nno", "multipart/form-data; boundary=XX"),
        ("/echo", b"--XX--\r\n", "multipart/form-data"),
        ("/echo%FF", b"", ""),
        ("/echo%0A", b"", ""),
        ("/echo%00", b"", ""),
    ],
)
def test_what_cannot_be_read_is_a_400(ask: Everywhere, target: str, body: bytes, kind: str) -> None:
    """In the path, the query or the form."""
    answer = ask("POST" if body else "GET", target, body, {"Content-Type": kind} if kind else {})
    assert answer.status == 400
    assert problem(answer)["detail"]


def test_cookies_come_and_go(ask: Everywhere) -> None:
    """Each on a line of its own, with the safe attributes."""
    answer = ask("GET", "/cookies", b"", {"Cookie": "plain=x; odd=forged"})
    assert answer.body == b"('x', 'none')"
    cookies = [value for name, value in answer.headers if name == "set-cookie"]
    assert cookies == [
        "both=1; Path=/; SameSite=Lax; HttpOnly",
        "gone=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; SameSite=Lax; HttpOnly",
        "plain=yes; Max-Age=60; Path=/cookies; SameSite=Lax; HttpOnly",
    ]


def test_a_redirection_cannot_smuggle_a_header(ask: Everywhere) -> None:
    """What a URL may not hold is percent-encoded."""
    answer = ask("GET", "/away")
    assert answer.status == 302
    assert answer.header("location") == "/caf%C3%A9%0D%0AX-Evil:%201?a=b"
    assert answer.header("x-evil") is None


def test_hooks_run_in_their_order(ask: Everywhere) -> None:
    """And `prepare` may answer by itself."""
    assert ask("GET", "/hooks").body == b"initialize prepare get"
    early = ask("GET", "/hooks?early=1")
    assert (early.status, early.body) == (202, b"early")


def test_a_problem_is_its_answer(ask: Everywhere) -> None:
    """With its headers and words."""
    answer = ask("GET", "/broken/problem")
    assert (answer.status, answer.header("x-pot")) == (418, "tea")
    assert problem(answer)["detail"] == "Short and stout."


@pytest.mark.parametrize("how", ["nothing", "raise"])
def test_a_failure_shows_its_id_and_nothing_else(asks: Any, how: str) -> None:
    """The program's secrets stay in the log; the id leads to them."""
    for ask in asks.values():
        answer = ask("GET", f"/broken/{how}")
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert "request " in problem(answer)["detail"]


def test_a_stream_of_chunks_is_whole(ask: Everywhere) -> None:
    """However it is framed."""
    assert ask("GET", "/streamed/whole").body == b"one two three"


def test_an_empty_chunk_is_not_the_end(ask: Everywhere) -> None:
    """A source that has nothing to say for once goes on."""
    assert ask("GET", "/streamed/gaps").body == b"one three"


def test_a_long_text_is_compressed_for_who_takes_it(ask: Everywhere) -> None:
    """With a tag of its own; the test client gets the same."""
    packed = ask("GET", "/long", b"", {"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body).decode() == LONG
    assert packed.header("etag") == '"blue-gzip"'
    assert packed.header("vary") == "Accept-Encoding"
    plain = ask("GET", "/long", b"", {"Accept-Encoding": "gzip;q=0"})
    assert (plain.body.decode(), plain.header("etag")) == (LONG, '"blue"')


def test_no_content_has_none(ask: Everywhere) -> None:
    """No body and no type."""
    answer = ask("GET", "/empty")
    assert (answer.status, answer.body, answer.header("content-type")) == (204, b"", None)


def test_a_burst_of_a_thousand_events_arrives_whole(ask: Everywhere) -> None:
    """Also behind a front server that drops who sends too many messages."""
    answer = ask("GET", "/burst")
    assert answer.body == b"".join(b"data: %d\n\n" % number for number in range(1000))
