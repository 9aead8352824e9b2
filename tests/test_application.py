"""The application: stores, settings, streams and answers that stand."""

from __future__ import annotations

import sys
import threading
from typing import Any, cast

import pytest

from brubeck import (
    Brubeck,
    MessageHandler,
    Response,
    StreamedDocument,
    StreamHandler,
    StreamingResponse,
    WebMessageHandler,
    render,
)
from brubeck.auth import Account, CookieAuth
from brubeck.dictshield.fields import DateTimeField, DecimalField, DictField, StringField
from brubeck.dictshield.limits import MOST_FAULTS
from brubeck.errors import ConfigError
from brubeck.http import Headers, Request
from brubeck.models import StoredAccounts
from brubeck.storage.memory import MemoryStorage
from brubeck.testing import Client


class Note(StreamedDocument):
    """A note."""

    text = StringField()
    at = DateTimeField()
    extra = DictField()


class Notes(StreamHandler):
    """Notes."""

    model = Note
    path = "/notes"
    filters = ("at", "text")


def client(**options: Any) -> Client:
    """Make a client of a program with one stream."""
    return Client(Brubeck(streams=[Notes], **options))


def test_the_first_writers_of_a_program_share_one_store() -> None:
    """However many threads open it at once, what is acknowledged is there."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            own = client()
            gate = threading.Barrier(8)

            def write(name: str, own: Client = own, gate: Any = gate) -> None:
                gate.wait()
                assert own.post("/notes", json={"id": name}).status == 201

            threads = [threading.Thread(target=write, args=(f"n{n}",)) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(own.get("/notes").json()["data"]) == 8
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_that_is_none_is_refused_by_itself(at: str) -> None:
    """Its neighbours in a list are written, and nothing is left of it."""
    own = client()
    reply = own.post("/notes", json=[{"id": "a"}, {"id": "b", "at": at}, {"id": "c"}])
    assert [each["status"] for each in reply.json()["data"]] == [201, 422, 201]
    assert [own.get(f"/notes/{name}").status for name in "abc"] == [200, 404, 200]


def test_what_is_too_long_is_not_even_read() -> None:
    """Neither an item nor a list of a great many small things; errors have an end, too."""
    own = client()
    nested = b'{"extra":{"a":[' + b"[]," * 400_000 + b"[]]}}"
    assert own.post("/notes", body=nested).status == 413
    many = own.post("/notes", body=b"[" + b"1," * 300_000 + b"1]")
    assert many.status == 413
    unknown = b"{" + b",".join(b'"k%d":1' % n for n in range(5000)) + b"}"
    errors = own.post("/notes", body=unknown).json()["errors"]
    assert len(errors) == MOST_FAULTS + 1
    assert errors[-1]["detail"] == "There are more errors; these are the first 30."


def test_a_patch_of_any_depth_is_a_4xx() -> None:
    """Also where one parser can still read what another cannot."""
    own = client()
    own.post("/notes", json={"id": "a"})
    for depth in (31, 40, 500, 900, 990, 1500, 20_000):
        body = b'{"extra":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        status = own.patch(
            "/notes/a", body=body, headers={"Content-Type": "application/json"}
        ).status
        assert status in ((200, 422) if depth == 31 else (400, 422))


def test_who_lost_its_place_is_not_sent_back_to_it() -> None:
    """A page's tag tells eras and purges apart, so that its links are never stale for ever."""
    storage = MemoryStorage()
    own = client(storage=storage)
    own.post("/notes", json={"id": "a"})
    first = own.get("/notes")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert own.get("/notes", headers=tag).status == 304
    own.post("/notes", json={"id": "b"})
    own.delete("/notes/b")
    storage.records("notes", Notes.spec.schema).purge(10**16)
    assert own.get(first.json()["paging"]["changes"]).status == 410
    again = own.get("/notes", headers=tag)
    assert again.status == 200
    assert own.get(again.json()["paging"]["changes"]).status == 200
    tag = {"If-None-Match": again.headers["ETag"]}
    storage.new_era()
    fresh = own.get("/notes", headers=tag)
    assert fresh.status == 200
    assert own.get(fresh.json()["paging"]["changes"]).status == 200


def test_a_tag_covers_the_total_and_outlives_compression() -> None:
    """Asked for with a total or without, in gzip or without."""
    own = client()
    for number in range(30):
        own.post("/notes", json={"text": f"number {number}"})
    plain = own.get("/notes").headers["ETag"]
    assert own.get("/notes?total=true", headers={"If-None-Match": plain}).status == 200
    gzip = own.get("/notes", headers={"Accept-Encoding": "gzip"})
    for tag in (plain, gzip.headers["ETag"]):
        reply = own.get("/notes", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
        assert (reply.status, reply.headers["ETag"]) == (304, tag)
    assert "Accept-Encoding" in gzip.headers["Vary"]


def test_what_is_no_tag_equals_none() -> None:
    """A bare number, or a star in quotes."""
    own = client()
    tag = own.post("/notes", json={"id": "a"}).headers["ETag"]
    bare = {"If-Match": tag.strip('"')}
    assert own.put("/notes/a", json={}, headers=bare).status == 412
    assert own.get("/notes/a", headers={"If-None-Match": '"*"'}).status == 200
    assert own.get("/notes/a", headers={"If-None-Match": "*"}).status == 304


def test_links_of_changes_keep_their_filters() -> None:
    """Step by step."""
    own = client()
    for name in "abc":
        own.post("/notes", json={"id": name, "text": name})
    link = own.get("/notes/changes?text=a&limit=1&fields=text").json()["paging"]["next"]
    assert "text=a&limit=1&fields=text&after=" in link


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


def test_a_named_group_may_be_empty() -> None:
    """It was matched, and so it is an argument."""
    app = Brubeck(handler_tuples=[(r"^/files/(?P<name>.*)$", lambda _a, _m, name: render(name))])
    assert Client(app).get("/files/").status == 200


def test_a_deployment_has_the_last_word_about_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over an open store that the program brought, and never by losing what is in one."""
    monkeypatch.setenv("BRUBECK_STORAGE_DEFAULT", "nonsense://x")
    own = client(storage=MemoryStorage())
    with pytest.raises(ConfigError, match="nonsense"):
        own.application.store()
    monkeypatch.delenv("BRUBECK_STORAGE_DEFAULT")
    seeded = client()
    seeded.post("/notes", json={"id": "a"})
    with pytest.raises(ConfigError, match="open already"):
        seeded.application.configure(storage={"default": "memory://"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"streams": Notes}, r"streams is a list: streams=\[Notes\]"),
        ({"handler_tuples": [Notes]}, r"Notes is a stream .* streams=\[Notes\]"),
        ({"handler_tuples": [("^/notes$", Notes)]}, r"Notes is a stream .* streams=\[Notes\]"),
        ({"handler_tuples": [WebMessageHandler]}, "a pattern and a handler, not <class"),
        ({"handler_tuples": [("^/$",)]}, "a pattern and a handler, not"),
        ({"handler_tuples": [("^/$", 5)]}, "which is no handler"),
    ],
)
def test_what_stands_in_the_wrong_place_is_told_the_right_one(
    options: dict[str, Any], said: str
) -> None:
    """When the application is made."""
    with pytest.raises(ConfigError, match=said):
        Brubeck(**options)


def test_streams_do_not_stand_in_each_others_place() -> None:
    """One path is one stream; names of streams in a storage never collide."""
    dotted = type("Dotted", (Notes,), {"path": "/a.b"})
    nested = type("Nested", (Notes,), {"path": "/a/b"})
    own = Client(Brubeck(streams=[dotted, nested]))
    own.post("/a/b", json={"id": "x"})
    assert own.get("/a.b/x").status == 404
    with pytest.raises(ConfigError, match="are both at /notes"):
        Brubeck(streams=[Notes, Notes])
    with pytest.raises(ConfigError, match="has no model"):
        Brubeck(streams=[StreamHandler])


@pytest.mark.parametrize(
    ("field", "filters", "said"),
    [
        (StringField(uniq_field="n"), (), "has another name in JSON"),
        (DecimalField(), ("value",), "kind decimal"),
    ],
)
def test_what_a_stream_cannot_do_yet_is_refused(field: Any, filters: Any, said: str) -> None:
    """When the class is made, not by wrong answers."""
    model = type("Odd", (StreamedDocument,), {"value": field})
    with pytest.raises(ConfigError, match=said):
        type("Odds", (StreamHandler,), {"model": model, "filters": filters})


def test_keys_of_signatures_are_whole() -> None:
    """A comma is part of a key; an empty one is refused."""
    assert Brubeck(cookie_secret="a,b").cookie_secret == "a,b"
    assert Brubeck(cookie_secret=["new", "old"]).cookie_secret == "new"
    with pytest.raises(ConfigError, match="no empty key"):
        _ = Brubeck(cookie_secret=["", "x"]).cookie_secret


def test_accounts_are_kept_in_a_store_of_their_own_if_there_is_one() -> None:
    """Else in the default one; they open with the first question, and again after a close."""
    for storage, name in (("memory://", "default"), ({"accounts": "memory://"}, "accounts")):
        own = Brubeck(storage=storage)
        assert not own._stores.any_open
        assert own.accounts.by_username("dave") is None
        assert own._stores._open.keys() == {name}
        own.close()
        assert own.accounts.by_username("dave") is None


def test_accounts_of_ones_own_take_the_place_of_stored_ones() -> None:
    """Whatever they are."""
    accounts = StoredAccounts(MemoryStorage())
    own = Brubeck(accounts=accounts)
    own.close()
    assert own.accounts is accounts


def test_the_keys_of_cookies_are_all_there() -> None:
    """The first one signs."""
    assert list(Brubeck(cookie_secret=["new", "old"]).cookie_keys) == ["new", "old"]
    assert not Brubeck().cookie_keys


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


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("OPTIONS", "*", 204),
        ("CONNECT", "h:443", 501),
        ("CONNECT", "[::1]:443", 501),
        ("CONNECT", "/notes", 405),
        ("GET", "*", 400),
        ("GET", "/notes#top", 400),
        ("GET", "http://h/notes", 200),
        ("GET", "http://u@h/notes", 400),
    ],
)
def test_each_form_of_target_has_a_sensible_answer(method: str, target: str, status: int) -> None:
    """Also the forms that are for proxies and for the server as a whole (RFC 9112, 3.2)."""
    response = client().application.respond(Request(method, target, Headers({"Host": "h"})))
    assert response.status == status
    if target == "*" and status == 204:
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("method", ["get", "Get", "pOST", "hEAD", "gET"])
def test_methods_are_case_sensitive(method: str) -> None:
    """A method in other letters is another method, which nobody knows."""
    own = client()
    assert own.request(method, "/notes").status == 405
    assert own.request(method.upper(), "/notes", body=b"{}").status < 400


def test_an_error_repeats_no_more_than_the_beginning_of_a_path() -> None:
    """However long the path is."""
    reply = client().get("/" + "a" * 50_000)
    assert reply.status == 404
    assert len(reply.body) < 500
