"""Retries: which failures are repeated, when, and how often. The answers are planned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from email.utils import formatdate

import httpx
import pytest

from brubeck.client import ClientError, NotFound, PreconditionFailed, Problem, Stream, Unavailable
from brubeck.client.operations import StreamUrl, fetch
from brubeck.client.retries import RetryPolicy, backoff, retry_after
from brubeck.client.steps import Failure, Pause, Reply, Send, Steps

URL = StreamUrl.parse("https://api.example/notes")
OK = Reply(200, {"content-type": "application/json"}, b'{"data":{"id":"a"}}')
LOST = Failure("ConnectError")


class Time:
    """A clock that moves by the pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def performed(
    outcomes: list[Reply | Failure], *, retries: int = 8, seconds: float = 60.0
) -> tuple[Reply | Unavailable, list[float]]:
    """Return the end of a request that has such outcomes, and the pauses between them."""
    clock = Time()
    policy = RetryPolicy(retries, seconds, clock, lambda _, most: most)
    steps: Steps[Reply] = fetch(URL.request("GET"), policy)
    planned: Iterator[Reply | Failure] = iter(outcomes)
    pauses: list[float] = []
    outcome = None
    try:
        while True:
            step = steps.send(outcome)
            outcome = None
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                clock.now += step.seconds
            elif isinstance(step, Send):
                assert 0 < step.seconds <= 30
                outcome = next(planned)
    except StopIteration as end:
        reply: Reply = end.value
        return reply, pauses
    except Unavailable as error:
        return error, pauses


@pytest.mark.parametrize(
    "passing", [LOST, *(Reply(status) for status in (429, 502, 503, 504))], ids=str
)
def test_what_passes_is_repeated_with_growing_pauses(passing: Reply | Failure) -> None:
    """Until there is an answer."""
    assert performed([passing] * 4 + [OK]) == (OK, [0.5, 1, 2, 4])


@pytest.mark.parametrize("status", [200, 201, 304, 400, 401, 403, 404, 409, 410, 412, 422, 500])
def test_any_other_status_is_an_answer(status: int) -> None:
    """Also a 409 of an id that is taken."""
    assert performed([Reply(status)]) == (Reply(status), [])


def test_a_write_that_is_still_being_carried_out_is_repeated() -> None:
    """The 409 of an `Idempotency-Key` says when."""
    assert performed([Reply(409, {"retry-after": "1"}), OK]) == (OK, [1])


def test_retry_after_is_never_undercut() -> None:
    """Nor does it shorten a pause that has grown past it."""
    wait = Reply(503, {"retry-after": "3"})
    assert performed([wait, wait, wait, wait, OK]) == (OK, [3, 3, 3, 4])


def test_retries_are_bounded_by_their_number() -> None:
    """The error has the last reason, and counts the requests."""
    problem = b'{"title":"Service Unavailable","status":503,"detail":"later"}'
    end, pauses = performed(
        [LOST, LOST, Reply(503, {"content-type": "application/problem+json"}, problem)], retries=2
    )
    assert isinstance(end, Unavailable)
    assert (end.attempts, pauses) == (3, [0.5, 1])
    assert end.problem is not None
    assert end.problem.detail == "later"
    assert "GET https://api.example/notes failed after 3 attempts: 503" in str(end)


def test_a_wait_past_the_time_is_not_begun() -> None:
    """A limit of an hour fails at once, when there is a minute."""
    end, pauses = performed([LOST, Reply(429, {"retry-after": "3600"})])
    assert isinstance(end, Unavailable)
    assert pauses == [0.5]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", 0.0),
        ("1.5", 0.0),
        ("\N{SUPERSCRIPT TWO}", 0.0),
        ("99999999999", 86_400.0),
        (formatdate(107, usegmt=True), 7.0),
        (formatdate(93, usegmt=True), 0.0),
        ("Thursday, 01-Jan-70 00:01:47 GMT", 7.0),
        ("soon", 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str | None, seconds: float) -> None:
    """Seconds, or an HTTP date; nonsense is no wait."""
    assert retry_after(text, now=100) == seconds


def test_a_feed_outlives_errors_of_the_server() -> None:
    """An endless policy; a refusal is final there, too."""
    policy = RetryPolicy().endless()
    assert policy.is_transient(Reply(500))
    assert not policy.is_transient(Reply(403))
    attempts = policy.start()
    pauses = [attempts.pause(LOST) for _ in range(2000)]
    assert all(pause is not None and 0 <= pause <= 30 for pause in pauses)
    assert backoff(10**6, max) == 30
    assert math.isinf(attempts.left)


def answering(reply: Callable[[httpx.Request], httpx.Response], **options: object) -> Stream:
    """Return a client whose server is a function."""
    transport = httpx.MockTransport(reply)
    return Stream("https://api.example/notes", transport=transport, **options)  # type: ignore[arg-type]


def test_a_write_keeps_its_key_when_it_is_repeated() -> None:
    """And the next one has another, so each is carried out once."""
    seen: list[tuple[str, str]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.headers["Idempotency-Key"]))
        if len(seen) % 2:
            raise httpx.ReadError("lost")
        status = 204 if request.method == "DELETE" else 200
        return httpx.Response(status, json={"data": {"id": "a"}})

    with answering(reply) as notes:
        notes.create({})
        notes.update("a", {})
        notes.replace("a", {})
        notes.delete("a")
    assert [method for method, _ in seen] == [
        *("POST", "POST", "PATCH", "PATCH", "PUT", "PUT", "DELETE", "DELETE")
    ]
    assert all(first == second for first, second in zip(seen[::2], seen[1::2], strict=True))
    assert len({key for _, key in seen}) == 4


ERRORS: dict[int, type[ClientError]] = {
    400: Problem,
    401: Problem,
    404: NotFound,
    410: NotFound,
    412: PreconditionFailed,
    301: Problem,
    500: Problem,
    503: Unavailable,
}


@pytest.mark.parametrize("status", ERRORS)
def test_each_status_has_its_error(status: int) -> None:
    """Though the answer is HTML of a proxy."""
    headers = {"Location": "https://elsewhere.example/"} if status == 301 else {}
    seen = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(status, html="<h1>Not now</h1>", headers=headers)

    with answering(reply, retries=0) as notes, pytest.raises(ERRORS[status]) as caught:
        notes.get("a")
    assert type(caught.value) is ERRORS[status]
    assert str(status) in str(caught.value)
    assert seen == ["api.example"]  # a redirect is not followed


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"data": 7}', b'{"data": [], "paging": {}}', b"\xff"]
)
def test_an_answer_of_something_else_is_a_problem(body: bytes) -> None:
    """And no error of Python."""
    headers = {"Content-Type": "application/json"}
    with answering(lambda _: httpx.Response(200, content=body, headers=headers)) as notes:
        with pytest.raises(Problem):
            notes.get("a")
        with pytest.raises(Problem):
            list(notes.pages())
        with pytest.raises(Problem):
            notes.create_many([{}])
        with pytest.raises(Problem):
            next(notes.follow())


def test_a_link_leads_nowhere_else() -> None:
    """A foreign or wrong origin in a link gets no request, and no credentials."""
    seen = []
    paging = {
        "next": "http://evil.example/other?before=7~a",
        "previous": None,
        "changes": "//evil.example/changes?after=7~a",
    }

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        assert request.headers["Authorization"]
        more = paging | ({"next": None} if "before" in str(request.url) else {})
        return httpx.Response(200, json={"data": [], "paging": more})

    with answering(reply, auth=("ella", "secret")) as notes:
        first, _ = notes.pages()
    assert first.cursor == "7~a"
    base = "https://api.example/notes"
    assert seen == [base, f"{base}?before=7~a"]
