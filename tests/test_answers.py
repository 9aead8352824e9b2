"""Answers of an application that go wrong, are changed too late, or are shared."""

from __future__ import annotations

from typing import Any, cast

import pytest

from brubeck import (
    Brubeck,
    MessageHandler,
    Response,
    StreamingResponse,
    WebMessageHandler,
    render,
)
from brubeck.auth import Account, CookieAuth
from brubeck.http import Headers, Request
from brubeck.testing import Client


def test_a_shared_response_stays_as_it_is() -> None:
    """One caller's gzip is not the next one's."""
    app = Brubeck()
    same = render("blue " * 1000)
    app.add_route_rule("^/$", lambda _app, _message: same, ["GET"])
    own = Client(app)
    assert own.get("/", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    assert own.get("/").text == "blue " * 1000


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda handler: handler.set_body(None), "bytes or text, not NoneType"),
        (lambda handler: handler.set_body({}), "bytes or text, not dict"),
        (lambda handler: handler.render(status_code="200"), "whole number, not '200'"),
        (lambda handler: handler.set_status(100), "200 to 599, not 100"),
        (lambda handler: Response(headers={"X": "a\nb"}), "header value"),
        (lambda handler: StreamingResponse(cast("Any", "text")), "iterable of bytes, not str"),
        (lambda handler: handler.render_error(42), "200 to 599, not 42"),
        (lambda handler: _emptied(), "NoneType"),
    ],
)
@pytest.mark.parametrize("as_class", [True, False])
def test_an_impossible_answer_is_a_plain_500(
    answer: Any, said: str, as_class: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of the program's is in its log, and whoever asked is told something."""

    class Wrong(WebMessageHandler):
        def get(self) -> Response:
            made = answer(self)
            return self.render() if made is None else made

    def wrong(app: Brubeck, message: Any) -> Response:
        return Wrong(app, message).get()

    reply = Client(Brubeck(None, [("^/$", Wrong if as_class else wrong)])).get("/")
    assert reply.status == 500
    assert reply.json()["title"] == "Internal Server Error"
    assert said in caplog.text


def _emptied() -> Response:
    response = Response(b"body")
    response.body = None  # type: ignore[assignment]
    return response


def test_an_error_handler_that_forgets_its_answer_is_a_plain_500() -> None:
    """As that of 0.4 did."""

    class Forgetful(WebMessageHandler):
        def get(self) -> Response:
            raise RuntimeError("once")

        def error(self, err: BaseException) -> Response:
            return None  # type: ignore[return-value]

    for base in (WebMessageHandler, Forgetful):
        reply = Client(Brubeck(None, [("^/$", Forgetful)], base_handler=base)).get("/")
        assert reply.status == 500
        assert reply.json()["detail"].startswith("Server error, request ")


def test_what_happens_after_the_answer_does_not_change_it() -> None:
    """A hook that fails is logged."""

    class Late(WebMessageHandler):
        def get(self) -> Response:
            self.set_body("done")
            self.set_cookie("a", "1", path="/x")
            self.set_cookie("a", "2", path="/y")
            return self.render()

        def on_finish(self) -> None:
            raise RuntimeError("too late")

    reply = Client(Brubeck(handler_tuples=[("^/$", Late)])).get("/")
    assert (reply.status, reply.text) == (200, "done")
    assert len(reply.headers.get_all("set-cookie")) == 2


def test_a_problem_in_a_message_handler_is_no_failure_of_ours() -> None:
    """It has the status of its kind."""

    class Plain(MessageHandler):
        def post(self) -> Response:
            self.message.json()
            return self.render(0)

    reply = Client(Brubeck(handler_tuples=[("^/$", Plain)])).post("/", body="{")
    assert (reply.status, reply.json()["status_code"]) == (400, -1)


def test_a_session_goes_with_the_answer_of_a_handler() -> None:
    """Begun by one request, and good in the next."""
    scheme = CookieAuth()

    class LogIn(WebMessageHandler):
        def post(self) -> Response:
            scheme.begin(self, Account("7", "dave"), path="/notes")
            return self.render()

    own = Brubeck(handler_tuples=[("^/login$", LogIn)], cookie_secret="key")
    told = Client(own).post("/login").headers["set-cookie"]
    signed, _, rest = told.partition("; ")
    assert rest == "Max-Age=1209600; Path=/notes; SameSite=Lax; HttpOnly"
    asked = Request("GET", "/notes", Headers({"Cookie": signed}))
    lookup = {"7": Account("7", "dave")}.get
    caller = CookieAuth(lookup=lookup).authenticate(asked, own)
    assert caller is not None
    assert caller.username == "dave"


def test_a_handler_finishes_also_if_it_cannot_even_tell_its_error() -> None:
    """The base handler tells it then."""
    finished: list[bool] = []

    class Confused(WebMessageHandler):
        def get(self) -> Response:
            raise RuntimeError("one")

        def error(self, err: BaseException) -> Response:
            raise RuntimeError("another")

        def on_finish(self) -> None:
            finished.append(True)

    reply = Client(Brubeck(handler_tuples=[("^/$", Confused)])).get("/")
    assert (reply.status, finished) == (500, [True])
