"""Answers of guards that were lost: a returned "no", an error that nobody sent, a hook replaced."""

from __future__ import annotations

from traceback import format_exception
from typing import Any

import pytest

from brubeck import Brubeck, JSONMessageHandler, MessageHandler, Problem, WebMessageHandler
from brubeck.auth import Account, Caller
from brubeck.autoapi import AutoAPIBase
from brubeck.client import Stream
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.http import Response
from brubeck.jobs import JobHandler, JobStream, OwnedJob
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.access import ProtectedAccess
from brubeck.streams.changes import ChangeFeed
from brubeck.streams.collection import Collection
from brubeck.streams.items import Items
from brubeck.testing import Client
from tests.attacks.people import Badge, as_caller

EVIL = ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"})
OURS: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none"},
)
KEY = "k" * 32


class Note(StreamedDocument):
    """An item."""

    text = StringField()
    author = StringField()


# A "no" that is a value.


@pytest.mark.parametrize("rule", ["is_open", "may_read", "may_choose_ids"])
@pytest.mark.parametrize("no", [Problem(403, "No."), None, "no", [False]], ids=repr)
def test_a_rule_of_an_access_class_says_yes_or_no(rule: str, no: object) -> None:
    """Anything else was a "yes" where it was true."""

    class Diary(AuthStreamHandler):
        model = OwnedDocument
        path = "/diary"
        schemes = (Badge(),)
        access = type("Access", (ProtectedAccess,), {rule: lambda *_: no})

    client = Client(Brubeck(streams=[Diary], storage="memory://"))
    reply = client.put("/diary/one", json={}, headers=as_caller("ann"))
    assert reply.status == 500


@pytest.mark.parametrize("no", [Problem(404, "No."), ValueError("no")], ids=repr)
def test_a_rule_of_partitions_returns_no_exception(no: object) -> None:
    """It is raised, or it is a "no" that is false; a match of an expression may be a "yes"."""
    declared = {"model": Note, "path": "/rooms/<room>", "partitions": staticmethod(lambda _: no)}
    rooms: Any = type("Rooms", (StreamHandler,), declared)
    assert Client(Brubeck(streams=[rooms], storage="memory://")).get("/rooms/a").status == 500


# An error that nobody sends.


def _refuse(self: Any) -> None:
    self.render_error(401 if isinstance(self, WebMessageHandler) else -2, "Log in first.")


def _redirect(self: Any) -> None:
    self.redirect("/login")


def _problem(self: Any) -> None:
    self.render_problem(Problem(401, "Log in first."))


class Todo(Document):
    """A document of an AutoAPI."""

    title = StringField()


class Page(WebMessageHandler):
    """A page."""

    def get(self) -> Any:
        """Show it."""
        self.set_body("SECRET")
        return self.render()


class Data(JSONMessageHandler):
    """Data."""

    def get(self) -> Any:
        """Show them."""
        self.add_to_payload("data", "SECRET")
        return self.render(200)


class Message(MessageHandler):
    """A message."""

    def get(self) -> Any:
        """Answer it."""
        self.add_to_payload("data", "SECRET")
        return self.render(0)


@pytest.mark.parametrize(
    ("base", "refuse"),
    [
        *((base, refuse) for base in (Page, Data, Message) for refuse in (_refuse, _problem)),
        *((Page, _redirect), (Data, _redirect)),
    ],
)
def test_an_error_that_prepare_does_not_return_is_an_error(base: type, refuse: Any) -> None:
    """It was dropped, and the method was called."""
    handler = type("Guarded", (base,), {"prepare": refuse})
    reply = Client(Brubeck(handler_tuples=[("^/$", handler)])).get("/")
    assert (reply.status, "SECRET" in reply.text) == (500, False)


@pytest.mark.parametrize("base", [Page, Data, Message], ids=lambda base: base.__name__)
def test_an_error_that_prepare_returns_or_finishes_with_is_the_answer(base: type) -> None:
    """And a status that is no error may be set before the method."""
    for prepare in (
        lambda self: self.render_error(401 if base is not Message else -2),
        lambda self: self.finish(self.render_error(401 if base is not Message else -2)),
    ):
        handler = type("Guarded", (base,), {"prepare": prepare})
        assert Client(Brubeck(handler_tuples=[("^/$", handler)])).get("/").status == 401
    fine = type("Fine", (base,), {"prepare": lambda self: self.set_status(0)})
    assert "SECRET" in Client(Brubeck(handler_tuples=[("^/$", fine)])).get("/").text


def test_an_error_that_an_autoapi_does_not_return_stops_the_write() -> None:
    """The document had been stored."""

    class Todos(AutoAPIBase):
        model = Todo
        prepare = _refuse

    app = Brubeck(storage="memory://")
    app.register_api(Todos)
    assert Client(app).post("/todo", json={"title": "x"}).status == 500
    assert Client(app).get("/todo").status == 500


# A hook that another class replaced.


@pytest.mark.parametrize("resource", ["collection", "items", "changes"])
def test_a_resource_with_a_prepare_of_its_own_has_that_of_its_stream_too(resource: str) -> None:
    """The stream's guard comes first, and its end last."""
    called: list[str] = []
    base = {"collection": Collection, "items": Items, "changes": ChangeFeed}[resource]

    def own(name: str) -> Any:
        def hook(*_: Any) -> None:
            called.append(name)

        return hook

    class Notes(StreamHandler):
        model = Note
        path = "/notes"

        def prepare(self, context: Any) -> Response | None:
            called.append("stream")
            if context.request.header("x-key") is None:
                raise Problem(403, "No.")
            return None

        def on_finish(self, context: Any) -> None:
            del context
            called.append("end of the stream")

    hooks = {"prepare": own("resource"), "on_finish": own("end of the resource")}
    setattr(Notes, resource, type("Own", (base,), hooks))
    client = Client(Brubeck(streams=[Notes], storage="memory://"))
    target = {"collection": "/notes", "items": "/notes/a", "changes": "/notes/changes"}[resource]
    assert client.get(target).status == 403
    assert called == ["stream", "end of the resource", "end of the stream"]
    called.clear()
    assert client.get(target, headers={"X-Key": "k"}).status in (200, 404)
    assert called == ["stream", "resource", "end of the resource", "end of the stream"]


# Nobody's jobs.


class Work(JobHandler):
    """Work."""

    def work(self) -> None:
        """Do nothing."""


class Jobs(JobStream, AuthStreamHandler):
    """Jobs of callers."""

    model = OwnedJob
    schemes = (Badge(),)
    handlers = (("^/work$", Work),)


def test_nobody_cancels_no_job() -> None:
    """An owner that was None was as none: a stranger cancelled what was anybody's."""
    app = Brubeck(streams=[Jobs], storage="memory://")
    sent = app.jobs.send("/work", {}, owner=Caller("ella"), delay="1h")
    for owner in (None, Caller("joe"), Caller("")):
        with pytest.raises(LookupError, match="There is no such job"):
            app.jobs.cancel(sent.id, owner=owner)
    assert app.jobs.cancel(sent.id, owner=Caller("ella")).status == 200
    assert app.jobs.cancel(sent.id).status == 200  # the program itself


# Fields that two classes hide.


class Phone(StreamedDocument):
    """A document with a field that is hidden."""

    _private_fields = ["phone"]
    phone = StringField()


class Salary(StreamedDocument):
    """And another one."""

    _private_fields = ("salary",)
    salary = StringField()


class Hiding:
    """A mixin that only hides."""

    _private_fields = ["salary"]


@pytest.mark.parametrize(
    ("bases", "hidden"),
    [
        ((Phone, Salary), {"phone", "salary"}),
        ((Salary, Phone), {"phone", "salary"}),
        ((Salary, Hiding), {"salary"}),
        ((type("Plain", (StreamedDocument,), {"salary": StringField()}), Hiding), {"salary"}),
        ((type("Both", (Phone, Salary), {}),), {"phone", "salary"}),
    ],
)
def test_a_class_hides_what_all_of_its_bases_hide(
    bases: tuple[type, ...], hidden: set[str]
) -> None:
    """The list of the first one replaced that of the others, without a word."""
    model = type("Person", bases, {"name": StringField()})
    people: Any = type("People", (StreamHandler,), {"model": model, "path": "/people"})
    app = Brubeck(streams=[people], storage="memory://")
    values = {name: "5" for name in ("phone", "salary") if name in model._fields}  # type: ignore[attr-defined]  # of documents
    app.stream(people).insert(values)
    shown = Client(app).get("/people").json()["data"][0].keys()
    assert not hidden & shown
    assert values.keys() - hidden <= shown


# A page of another site.


class Board(StreamHandler):
    """A stream that a hook of its own protects by a cookie."""

    model = Note
    path = "/board"
    cors = ("https://app.example",)

    def admit(self, context: Any) -> None:
        """Admit who has logged in."""
        if context.get_cookie("user", secret=KEY) is None:
            raise Problem(401, "Log in first.")


class Form(WebMessageHandler):
    """A page that a hook of its own protects."""

    trusted_origins = ("https://app.example",)

    def prepare(self) -> None:
        """Admit who has logged in."""
        if self.get_cookie("user", secret=KEY) is None:
            raise Problem(401, "Log in first.")

    def post(self) -> Any:
        """Write something."""
        return self.render(204)

    get = post


class LogIn(WebMessageHandler):
    """Where they log in."""

    def get(self) -> Any:
        """Log in."""
        self.set_cookie("user", "ella", secret=KEY)
        return self.render(204)


@pytest.fixture(scope="module")
def logged_in() -> Client:
    """Return a client with the cookie."""
    routes = [("^/login$", LogIn), ("^/form$", Form)]
    client = Client(Brubeck(handler_tuples=routes, streams=[Board], storage="memory://"))
    assert client.get("/login").status == 204
    return client


@pytest.mark.parametrize("target", ["/board", "/form"])
@pytest.mark.parametrize("headers", EVIL, ids=str)
def test_a_cookie_that_a_guard_reads_writes_for_no_other_site(
    logged_in: Client, target: str, headers: dict[str, str]
) -> None:
    """A neighbour of the same site, and a cookie of SameSite=None, would have written."""
    for kind in ("application/json", "text/plain", None):
        sent = headers | ({} if kind is None else {"Content-Type": kind})
        assert logged_in.post(target, body=b"{}", headers=sent).status == 403
    assert logged_in.get(target, headers=headers).status in (200, 204)


@pytest.mark.parametrize("target", ["/board", "/form"])
@pytest.mark.parametrize("headers", [*OURS, {"Origin": "https://app.example"}], ids=str)
def test_a_cookie_that_a_guard_reads_writes_for_our_pages(
    logged_in: Client, target: str, headers: dict[str, str]
) -> None:
    """And for programs, which name no page, and origins that are trusted."""
    assert logged_in.post(target, json={}, headers=headers).status in (201, 204)


# Secrets in errors.


@pytest.mark.parametrize("url", ["http://u:hunter2/@127.0.0.1:1/x", "http://me:hunter2/y@h/x"])
def test_an_error_of_the_client_shows_no_password(url: str) -> None:
    """Of a password with a slash the rest was taken for a port, and quoted."""
    with pytest.raises(ValueError, match="the URL cannot be right") as raised:
        Stream(url)
    assert "hunter2" not in "".join(format_exception(raised.value))


def test_settings_and_accounts_show_no_secrets() -> None:
    """Neither do they in the locals of a traceback."""
    app = Brubeck(storage="redis://:hunter2@127.0.0.1:1/0", cookie_secret="hunter2")
    settings = app.settings
    shown = repr((settings, settings.app, settings.jobs, settings.server))
    assert "hunter2" not in shown + repr(Account("7", password_line="hunter2"))
