"""What would pass silently is refused when the class is made."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from brubeck import Brubeck, Response, WebMessageHandler
from brubeck.errors import ConfigError
from brubeck.http import Headers
from brubeck.storage import Unavailable
from brubeck.streams import Context, StreamedDocument, StreamHandler
from brubeck.testing import Client

KNOWN = {"model": StreamedDocument, "path": "/notes"}


def method(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    "name",
    [
        *("before_save", "before_creat", "before_created", "after_changes", "after_create"),
        *("before_put", "after_delete", "feed_entrys", "admits", "get_curent_user"),
    ],
)
def test_a_misspelt_hook_is_refused(name: str) -> None:
    """Nothing would ever call it."""
    with pytest.raises(ConfigError, match=f"Notes.{name} is no hook"):
        type("Notes", (StreamHandler,), KNOWN | {name: method})


@pytest.mark.parametrize("name", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_a_method_of_http_is_refused(name: str) -> None:
    """In the class itself and in what it inherits: it would stand for three resources at once."""
    with pytest.raises(ConfigError, match=f"Notes.{name} would replace"):
        type("Notes", (StreamHandler,), KNOWN | {name: method})
    mixin = type("Mixin", (), {name: method})
    with pytest.raises(ConfigError, match=f"Notes.{name} would replace"):
        type("Notes", (mixin, StreamHandler), KNOWN)


def test_a_user_whom_nobody_asks_for_is_refused() -> None:
    """A plain stream lets everybody in, whatever such a method says."""
    with pytest.raises(ConfigError, match="takes an AuthStreamHandler"):
        type("Notes", (StreamHandler,), KNOWN | {"get_current_user": method})


@pytest.mark.parametrize("name", ["title_of", "notify", "befriend", "helper"])
def test_any_other_method_is_the_users_own(name: str) -> None:
    """It is called by their hooks."""
    assert hasattr(type("Notes", (StreamHandler,), KNOWN | {name: method}), name)


PARTED = {"model": StreamedDocument, "path": "/u/<who>/notes"}


def is_ella(key: str) -> bool:
    """Return whether a key is the one of ella."""
    return key == "ella"


@pytest.mark.parametrize("rule", ["ella|el", is_ella, staticmethod(is_ella)])
def test_a_declared_rule_bounds_the_partitions(rule: object) -> None:
    """Any other is not there, for readers and for writers, and leaves nothing behind."""
    stream = type("Notes", (StreamHandler,), PARTED | {"partitions": rule})
    app = Brubeck(streams=[stream])
    client = Client(app)
    assert client.get("/u/ella/notes").status == 200
    assert client.post("/u/ella/notes", json={}).status == 201
    for key in ("dave", "ella2", "xella", "ELLA"):
        for method in ("GET", "POST", "HEAD"):
            assert client.request(method, f"/u/{key}/notes", json={}).status == 404
        assert client.get(f"/u/{key}/notes/changes").status == 404
    assert app.stream(stream).partitions() == ["ella"]


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (PARTED | {"partitions": "("}, "not a pattern"),
        (PARTED | {"partitions": 5}, "a pattern or a function"),
        (KNOWN | {"partitions": "a"}, "has no argument"),
        (PARTED | {"partition": "a"}, 'Did you mean "partitions"'),
    ],
)
def test_a_rule_that_is_none_is_refused(declared: dict[str, Any], reason: str) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=reason):
        type("Notes", (StreamHandler,), declared)


def test_the_cause_of_a_503_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With the request's id; the caller is not told where the storage is."""

    def before_create(_self: Any, _context: Any, _document: Any) -> None:
        raise Unavailable("Redis at redis://h/0: refused")

    stream = type("Notes", (StreamHandler,), KNOWN | {"before_create": before_create})
    with caplog.at_level(logging.WARNING, "brubeck.app"):
        reply = Client(Brubeck(streams=[stream])).post("/notes", json={})
    assert reply.status == 503
    assert "redis" not in reply.text
    assert "Redis at redis://h/0: refused" in caplog.text


class Marked(StreamHandler):
    """Its hooks add to the answers of every kind."""

    model = StreamedDocument
    path = "/marked"

    def prepare(self, context: Context) -> Response | None:
        context.headers["X-Mark"] = "one"
        context.headers.add("X-Mark", "two")
        context.set_cookie("seen", "yes")
        if not context.request.get_argument("away"):
            return None
        return Response(b"", 302, headers=Headers({"Location": "/elsewhere"}))


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "", "application/json", 200),
        ("GET", "", "text/html", 200),
        ("GET", "", "application/x-ndjson", 200),
        ("GET", "/changes", "application/json", 200),
        ("GET", "/kept", "application/json", 200),
        ("POST", "", "application/json", 201),
        ("PUT", "/another", "application/json", 201),
        ("PATCH", "/kept", "application/json", 200),
        ("DELETE", "/kept", "application/json", 204),
        ("OPTIONS", "", "application/json", 204),
        ("GET", "?away=yes", "application/json", 302),
    ],
)
def test_headers_and_cookies_of_hooks_are_in_the_answer(
    method: str, path: str, accept: str, status: int
) -> None:
    """And a cookie keeps it out of shared caches; the next answer is none the wiser."""
    client = Client(Brubeck(streams=[Marked]))
    assert client.put("/marked/kept", json={}).status == 201
    body = b"" if method in ("GET", "DELETE", "OPTIONS") else b"{}"
    for _ in range(2):
        reply = client.request(method, "/marked" + path, body=body, headers={"Accept": accept})
        if reply.status in (200, 410) and reply.status != status:
            continue  # the second time
        assert reply.status == status
        assert reply.headers.get_all("X-Mark") == ["one", "two"]
        assert [each.partition(";")[0] for each in reply.headers.get_all("Set-Cookie")] == [
            "seen=yes"
        ]
        assert reply.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("before_create", "self, document"),
        ("before_update", "self, document, stored"),
        ("before_delete", "self"),
        ("after_change", "self, changes, more, than"),
        ("feed_entry", "self, item"),
        ("prepare", "self"),
        ("admit", ""),
    ],
)
def test_a_hook_with_other_arguments_is_refused(name: str, parameters: str) -> None:
    """When the class is made, with the arguments that it gets."""
    scope: dict[str, Any] = {}
    exec(f"def {name}({parameters}): ...", scope)
    with pytest.raises(ConfigError, match=rf"Notes.{name} takes \(self, context"):
        type("Notes", (StreamHandler,), KNOWN | {name: scope[name]})


@pytest.mark.parametrize("name", ["get", "post", "delete", "initialize"])
def test_a_method_of_a_resource_is_refused(name: str) -> None:
    """A stream has three resources, and each may have a class of its own."""
    with pytest.raises(ConfigError, match=r"declare a resource of your own"):
        type("Notes", (StreamHandler,), KNOWN | {name: lambda self: None})


@pytest.mark.parametrize("name", ["collection", "items", "changes"])
def test_a_declared_resource_is_of_its_kind(name: str) -> None:
    """Refused where the stream is served."""
    stream = type("Notes", (StreamHandler,), KNOWN | {name: WebMessageHandler})
    with pytest.raises(ConfigError, match=rf"Notes.{name} must be a subclass of"):
        Brubeck(streams=[stream])


def test_an_unknown_argument_of_a_program_is_named() -> None:
    """With what was meant."""
    with pytest.raises(ConfigError, match=r'no argument "storag". Did you mean "storage"'):
        Brubeck(storag="memory://")  # type: ignore[arg-type]  # type checkers say so, too
