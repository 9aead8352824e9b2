"""The index of a program: its streams and AutoAPIs, and nothing that is not for everybody."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.auth import BearerAuth
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.http import Problem
from brubeck.monitoring.measured import MeasuredRecords
from brubeck.storage import Count, PageQuery, Unavailable
from brubeck.streams import AuthStreamHandler, OwnedDocument, StreamedDocument, StreamHandler
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, Notes, Page

JSON = {"Accept": "application/json"}


class Entry(OwnedDocument):
    """An entry of a journal."""

    text = StringField()


class Journal(AuthStreamHandler):
    """Journals, each for its owner."""

    model = Entry
    path = "/journal"
    schemes = (BearerAuth(),)
    owned = True


class Guarded(StreamHandler):
    """A stream that a hook guards."""

    model = StreamedDocument
    path = "/guarded"

    def admit(self, context: Any) -> None:
        """Let nobody in who wants to read."""
        if context.request.method == "GET":
            raise Problem(403, "No.")


class Posts(StreamHandler):
    """A stream of partitions."""

    model = StreamedDocument
    path = "/users/<user>/posts"
    read_only = True


class Unshown(StreamHandler):
    """A stream without pages."""

    model = StreamedDocument
    path = "/unshown"
    explorer = False


class Todo(Document):
    """What is to be done."""

    text = StringField()


class TodoAPI(AutoAPIBase):
    """Things to do."""

    model = Todo


@pytest.fixture
def app() -> Brubeck:
    """Make a program with a stream of each kind, and an AutoAPI."""
    app = Brubeck(streams=[Notes, Journal, Guarded, Posts, Unshown])
    app.register_api(TodoAPI)
    client = Client(app)
    for path in ("/notes", "/guarded", "/unshown"):
        items = [{"created_at": n} for n in range(3)] if path == "/notes" else [{}, {}]
        assert client.post(path, json=items).status == 201
    return app


def test_a_program_has_an_index(app: Brubeck) -> None:
    """With the title, the path, the number of items and the newest of each public stream."""
    page = Page(Client(app, BROWSER).get("/"))
    hrefs = [each["href"] for each in page.all("a")]
    assert "/notes" in hrefs
    assert "/openapi.json" in hrefs
    assert "/manifest.json" in hrefs
    assert "3 items" in page.reply.text
    assert "1 Jan 1970 00:00" in page.inside["time"]
    assert "Notes <&> more" in page.inside["a"]
    assert "/todo" in "".join(href or "" for href in hrefs)
    assert "read-only" in page.reply.text
    assert "owners write" in page.reply.text
    assert "/unshown" not in page.reply.text
    assert "2 items" not in page.reply.text


def test_an_open_stream_has_a_sparkline(app: Brubeck) -> None:
    """Of its latest items, as they are now; no other stream has one."""
    client = Client(app, BROWSER)
    assert not Page(client.get("/")).all("svg")  # all of them are in one bar
    client.post("/notes", json={"created_at": 5 * 3_600_000}, headers={"Accept": "*/*"})
    for _ in range(2):
        page = Page(client.get("/"))
        assert "4 items in the day to 1 Jan 1970 06:00 UTC" in page.inside["p"]
        assert len(page.all("svg")) == 1
    (newest, *_) = Client(app).get("/notes").json()["data"]
    assert Client(app).delete(f"/notes/{newest['id']}").status == 204
    assert not Page(client.get("/")).all("svg")


def test_programs_get_it_as_json(app: Brubeck) -> None:
    """A protected, guarded or parted stream has no numbers."""
    reply = Client(app).get("/", headers=JSON)
    found = {each["path"]: each for each in reply.json()["streams"]}
    assert found["/notes"] == {
        "path": "/notes",
        "title": "Notes <&> more",
        "items": 3,
        "items_exact": True,
        "changes": "/notes/changes",
        "newest": 2,
    }
    for path in ("/journal", "/guarded", "/users/<user>/posts"):
        assert (found[path]["items"], found[path]["newest"]) == (None, None)
    assert "/unshown" not in found
    (api,) = reply.json()["apis"]
    assert api["title"] == "TodoAPI"
    assert Client(app).get(api["path"]).status == 200
    assert reply.headers["Vary"] == "Accept"
    tag = reply.headers["ETag"]
    assert Client(app).get("/", headers=JSON | {"If-None-Match": tag}).status == 304
    assert Client(app).get("/", headers={"Accept": "image/png"}).status == 406
    assert Client(app).post("/", json={}).status == 405


def test_a_program_with_its_own_front_page_keeps_it() -> None:
    """Added before the streams or after them."""

    def front(_application: Any, _message: Any) -> Any:
        raise Problem(418)

    app = Brubeck(streams=[Notes])
    app.add_route_rule("^/$", front)
    assert Client(app).get("/").status == 418
    assert Client(Brubeck(handler_tuples=[("^/$", front)], streams=[Notes])).get("/").status == 418


def test_a_program_without_streams_has_none() -> None:
    """There would be nothing in it."""
    assert Client(Brubeck()).get("/").status == 404


class Uncounted(MeasuredRecords):
    """Records of a storage that goes away when they are counted."""

    def count(self, query: PageQuery) -> Count:
        """Fail."""
        raise Unavailable("at redis://secret")


def test_the_index_is_there_without_its_storage(app: Brubeck) -> None:
    """Only the numbers are missing."""
    for each in app.streams:
        stream = app.stream(each)
        stream.close()
        stream.wrap = lambda records: Uncounted(records, lambda _: nullcontext(), lambda _: None)
    assert "secret" not in Page(Client(app, BROWSER).get("/")).reply.text
    assert Client(app).get("/", headers=JSON).json()["streams"][0]["items"] is None


@pytest.mark.parametrize("path", ["/unshown", "/unshown/a", "/unshown?nonsense=1"])
def test_a_stream_without_an_explorer_has_no_page(app: Brubeck, path: str) -> None:
    """Neither of items nor of problems, and its description offers none."""
    Client(app).put("/unshown/a", json={})
    reply = Client(app).get(path, headers=BROWSER)
    assert reply.headers["Content-Type"].endswith("json")
    if reply.status == 200:
        refused = Client(app).get(path, headers={"Accept": "text/html"})
        assert refused.status == 406
        assert "text/html" not in refused.json()["detail"]
    paths = Client(app).get("/openapi.json").json()["paths"]
    assert "text/html" not in str(paths["/unshown"]) + str(paths["/unshown/{id}"])
    assert "text/html" in str(paths["/notes"]["get"])


@pytest.mark.parametrize(("name", "value"), [("explorer", "no"), ("description", 5)])
def test_a_declaration_that_cannot_work_is_refused(name: str, value: object) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=name):
        type("Odd", (StreamHandler,), {"model": StreamedDocument, name: value})
