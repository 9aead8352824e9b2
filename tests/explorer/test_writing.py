"""Writing by forms: made from the document, checked by the server, refused from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from brubeck import Brubeck
from brubeck.auth import Caller
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    IntField,
    ListField,
    MillisecondField,
    StringField,
    URLField,
)
from brubeck.http import Problem
from brubeck.streams import (
    AuthStreamHandler,
    Context,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.testing import Client, Reply
from tests.explorer.notes import BROWSER, EVIL, Page

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = BROWSER | FORM | {"Sec-Fetch-Site": "same-origin"}
JSON = {"Accept": "application/json"}


class Task(StreamedDocument):
    """A task, with a field of each kind."""

    title = StringField(required=True, max_length=80, description="What is to be done.")
    text = StringField()
    state = StringField(choices=["open", "done"])
    level = IntField(min_value=1, max_value=5)
    share = FloatField()
    urgent = BooleanField()
    due = DateTimeField()
    seen = MillisecondField()
    link = URLField()
    tags = ListField(StringField())
    more = DictField()
    secret = StringField()

    _private_fields = ["secret"]


class Tasks(StreamHandler):
    """Tasks."""

    model = Task
    path = "/tasks"

    def before_create(self, _context: Context, document: Any) -> None:
        """Keep a secret, and refuse what is no task."""
        document.secret = "hush"
        if document.title == "nothing":
            raise Problem(422, "This is no task.")


@pytest.fixture
def client() -> Client:
    """Make an empty stream of tasks."""
    return Client(Brubeck(streams=[Tasks]))


def post(client: Client, headers: Mapping[str, str] = OURS, /, **fields: str) -> Reply:
    """Post a form; names of the document's fields are given with a trailing underscore."""
    named = {
        f"item.{name[:-1]}" if name.endswith("_") else name: text for name, text in fields.items()
    }
    return client.post("/tasks", body=urlencode(named), headers=headers)


def made(client: Client, **fields: Any) -> tuple[str, str]:
    """Create a task as a program does; return its id and its position."""
    reply = client.post("/tasks", json={"title": "Old", **fields}, headers=JSON)
    assert reply.status == 201, reply.text
    return reply.json()["data"]["id"], reply.headers["ETag"].strip('"')


def stored(client: Client, item_id: str) -> dict[str, Any]:
    """Return an item as a program gets it."""
    found: dict[str, Any] = client.get(f"/tasks/{item_id}", headers=JSON).json()["data"]
    return found


def test_the_form_is_made_from_the_document(client: Client) -> None:
    """An input for each field that may be set, with its description, choices and bounds."""
    page = Page(client.get("/tasks", headers=BROWSER))
    named = {
        each["name"]: each
        for tag in ("input", "select", "textarea")
        for each in page.all(tag)
        if (each.get("name") or "").startswith("item.")
    }
    assert [(name or "").removeprefix("item.") for name in named] == [
        *("title", "level", "share", "due", "seen", "link", "id", "state", "urgent"),
        *("text", "tags", "more"),
    ]
    assert "required" in named["item.title"]
    assert "required" not in named["item.text"]
    level = named["item.level"]
    assert (level["min"], level["max"], level["type"]) == ("1", "5", "number")
    assert "What is to be done." in page.inside["p"]
    assert [form["action"] for form in page.all("form") if form["method"] == "post"] == ["/tasks"]


def test_a_new_item_is_created(client: Client) -> None:
    """With values of the fields' types; empty ones are left out."""
    reply = post(
        client,
        action="create",
        title_=EVIL.replace("\x01", ""),
        text_="one\r\ntwo",
        state_="open",
        level_="3",
        share_="2.50",
        urgent_="true",
        due_="2026-02-12T01:26:00Z",
        seen_="2018-02-07T01:26:13.840Z",
        link_="https://example.org/a",
        tags_='["a", "b"]',
        more_='{"a": {"b": 1.0}}',
        id_="",
    )
    assert reply.status == 303
    item = stored(client, reply.headers["Location"].removeprefix("/tasks/"))
    wanted = {
        "title": EVIL.replace("\x01", ""),
        "text": "one\ntwo",
        "state": "open",
        "level": 3,
        "share": 2.5,
        "urgent": True,
        "seen": 1_517_966_773_840,
        "link": "https://example.org/a",
        "tags": ["a", "b"],
        "more": {"a": {"b": 1.0}},
    }
    assert {name: item[name] for name in wanted} == wanted
    Page(client.get(reply.headers["Location"], headers=BROWSER))


@pytest.mark.parametrize("typed", ["1e400", "-1e999", "nan", "9" * 400])
def test_a_number_that_is_none_stands_at_its_field(client: Client, typed: str) -> None:
    """Also one that is beyond all numbers; nothing that was typed is lost."""
    page = Page(post(client, action="create", title_="mine", share_=typed))
    assert page.reply.status == 422
    inputs = {each.get("name"): each for each in page.all("input")}
    assert inputs["item.title"]["value"] == "mine"
    assert inputs["item.share"]["value"] == typed
    assert inputs["item.share"].get("aria-invalid")


def test_errors_stand_at_their_fields(client: Client) -> None:
    """And all that was typed is there again."""
    typed = {"text_": '"><b>x', "level_": "nine", "share_": "1e", "tags_": "[a", "state_": "odd"}
    page = Page(post(client, action="create", **typed))
    assert page.reply.status == 422
    assert page.reply.headers["Cache-Control"] == "no-store"
    assert client.get("/tasks", headers=JSON).json()["data"] == []
    assert "not JSON" in page.inside["p"]
    page = Page(post(client, action="create", **(typed | {"tags_": "[]"})))
    inputs = [*page.all("input"), *page.all("select")]
    invalid = {each["name"]: each for each in inputs if each.get("aria-invalid")}
    assert {"item.title", "item.level", "item.share", "item.state"} <= invalid.keys()
    errors = {each["id"] for each in page.all("p") if "id" in each}
    assert {each["aria-describedby"] for each in invalid.values()} == errors
    assert invalid["item.level"]["value"] == "nine"
    assert '"><b>x' in page.inside["textarea"]
    assert "odd" in page.inside["option"]


def test_a_hook_that_refuses_is_heard(client: Client) -> None:
    """In the form, with what was typed."""
    page = Page(post(client, action="create", title_="nothing"))
    assert page.reply.status == 422
    assert "This is no task." in page.inside["p"]
    assert "nothing" in [each.get("value") for each in page.all("input")]


def test_an_id_that_is_taken_is_said_so(client: Client) -> None:
    """And is 409."""
    item_id, _ = made(client)
    page = Page(post(client, action="create", title_="New", id_=item_id))
    assert page.reply.status == 409
    assert "already exists" in page.inside["p"]


def test_an_item_is_changed_in_what_was_changed(client: Client) -> None:
    """Every other member stays the bytes it is, and an emptied one goes."""
    values = {"share": 77.0, "text": "a\r\nb", "more": {"x": 1.0}, "level": 2, "tags": ["a"]}
    item_id, position = made(client, **values)
    page = Page(client.get(f"/tasks/{item_id}", headers=BROWSER))
    fields = {
        f"{name.removeprefix('item.')}_": each.get("value") or ""
        for each in page.all("input")
        if (name := each.get("name") or "").startswith("item.")
    }
    before = client.get(f"/tasks/{item_id}", headers=JSON).text
    sent = fields | {"text_": "a\r\nb", "title_": "New", "level_": ""}
    reply = post(client, action="update", id=item_id, position=position, **sent)
    assert (reply.status, reply.headers["Location"]) == (303, f"/tasks/{item_id}")
    item = stored(client, item_id)
    assert (item["title"], item["text"], item.get("level")) == ("New", "a\r\nb", None)
    assert item["more"] == {"x": 1.0}
    assert '"share":77.0' in before
    assert '"share":77.0' in client.get(f"/tasks/{item_id}", headers=JSON).text


def test_a_required_field_cannot_be_emptied(client: Client) -> None:
    """The form says so."""
    item_id, position = made(client)
    page = Page(post(client, action="update", id=item_id, position=position, title_=""))
    assert page.reply.status == 422
    assert stored(client, item_id)["title"] == "Old"
    hidden = {each["name"]: each["value"] for each in page.all("input") if each["type"] == "hidden"}
    assert hidden == {"action": "update", "id": item_id, "position": position}


def test_a_conflict_shows_both_versions(client: Client) -> None:
    """And writes nothing, until the person writes over the version that is shown."""
    item_id, position = made(client, text="first")
    client.patch(f"/tasks/{item_id}", json={"text": "theirs"}, headers=JSON)
    mine = {"title_": "Old", "text_": "mine"}
    page = Page(post(client, action="update", id=item_id, position=position, **mine))
    assert page.reply.status == 412
    assert stored(client, item_id)["text"] == "theirs"
    assert "theirs" in page.inside["td"]
    assert "mine" in page.inside["td"]
    (now,) = [each["value"] for each in page.all("input") if each.get("name") == "position"]
    assert post(client, action="update", id=item_id, position=now or "", **mine).status == 303
    assert stored(client, item_id)["text"] == "mine"


def test_an_item_is_deleted_as_it_was_seen(client: Client) -> None:
    """Not once it has changed."""
    item_id, position = made(client)
    new = client.patch(f"/tasks/{item_id}", json={"text": "x"}, headers=JSON).headers["ETag"]
    assert Page(post(client, action="delete", id=item_id, position=position)).reply.status == 412
    reply = post(client, action="delete", id=item_id, position=new.strip('"'))
    assert (reply.status, reply.headers["Location"]) == (303, "/tasks")
    assert client.get(f"/tasks/{item_id}", headers=JSON).status == 410
    again = Page(post(client, action="delete", id=item_id, position=position))
    assert again.reply.status == 410


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/tasks"},
    ],
)
def test_a_forged_form_is_refused(client: Client, source: dict[str, str]) -> None:
    """Whoever is logged in, or nobody."""
    item_id, position = made(client)
    for fields in (
        {"action": "create", "title_": "Forged"},
        {"action": "update", "id": item_id, "position": position, "title_": "Forged"},
        {"action": "delete", "id": item_id, "position": position},
    ):
        page = Page(post(client, BROWSER | FORM | source, **fields))
        assert page.reply.status == 403
    assert [each["title"] for each in client.get("/tasks", headers=JSON).json()["data"]] == ["Old"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"action": "erase"}, 400),
        ({"action": "update", "id": "x"}, 400),
        ({"action": "update", "id": "x", "position": "-1"}, 400),
        ({"action": "update", "id": "x", "position": "1"}, 404),
        ({"action": "delete", "id": "a b", "position": "1"}, 404),
    ],
)
def test_a_bad_form_is_a_problem(client: Client, fields: dict[str, str], status: int) -> None:
    """And never a server error."""
    assert Page(post(client, **fields)).reply.status == status


def test_programs_write_json_and_no_forms(client: Client) -> None:
    """A form without a browser is 415, as it was."""
    program = FORM | {"Sec-Fetch-Site": "same-origin"}
    for accept in ({}, {"Accept": "*/*"}, JSON):
        assert post(client, program | accept, action="create", title_="x").status == 415


class Leaf(OwnedDocument):
    """A page of a diary."""

    text = StringField()


class Known(AuthStreamHandler):
    """A stream that knows its callers by a header."""

    def get_current_user(self, context: Context) -> Caller | None:
        """Return the caller that a header names."""
        name = context.request.header("x-caller")
        scopes = frozenset({"write"}) if name != "eve" else frozenset[str]()
        return Caller(name, name.title(), scopes) if name else None


@pytest.mark.parametrize(
    ("name", "creates", "changes"),
    [(None, False, False), ("ann", True, True), ("ben", True, False), ("eve", False, False)],
)
def test_who_may_write_is_offered_to(name: str | None, *, creates: bool, changes: bool) -> None:
    """Of a stream that anyone reads: callers with the scope create, and owners change."""
    declared = {
        "model": Leaf,
        "path": "/tasks",
        "may_read": "anyone",
        "scopes": {"write": "write"},
    }
    app = Brubeck(streams=[type("Diary", (Known,), declared)])
    ann = Client(app, {"X-Caller": "ann"})
    item_id = ann.post("/tasks", json={"text": "x"}).json()["data"]["id"]
    client = Client(app, BROWSER | ({"X-Caller": name} if name else {}))
    page = Page(client.get("/tasks"))
    assert ("create" in [each.get("value") for each in page.all("input")]) == creates
    page = Page(client.get(f"/tasks/{item_id}"))
    values = [each.get("value") for each in page.all("input")]
    assert ("update" in values, "delete" in values) == (changes, changes)
    assert "by Ann" in page.inside["p"]
    status = post(client, {**client.headers, **OURS}, action="create", text_="y").status
    assert status == (303 if creates else 401 if name is None else 403)


def test_a_read_only_stream_offers_nothing() -> None:
    """And takes no form."""
    stream = type("Fixed", (StreamHandler,), {"model": Task, "path": "/tasks", "read_only": True})
    client = Client(Brubeck(streams=[stream]))
    page = Page(client.get("/tasks", headers=BROWSER))
    assert [form["method"] for form in page.all("form")] == ["get", "get"]
    assert post(client, action="create", title_="x").status == 405
