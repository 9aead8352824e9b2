"""Create, read, update and destroy over HTTP, one or many, alike on every storage."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from brubeck import Brubeck, Problem, Response
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import BooleanField, IntField, StringField
from brubeck.errors import ConfigError
from brubeck.queryset import AbstractQueryset, AlreadyThere, DictQueryset, Queryset, Result
from brubeck.serving.running import open_stores
from brubeck.storage import Storage, Unavailable
from brubeck.testing import Client, Reply


class Todo(Document):
    """Something to be done."""

    title = StringField(required=True, max_length=20)
    completed = BooleanField(default=False)
    secret = StringField()
    _private_fields = ("secret",)

    class Meta:
        id_field = StringField


def served(storage: Storage | None = None, **declared: Any) -> Client:
    """Return a client of a program with one AutoAPI."""
    if storage is not None:
        declared["queries"] = Queryset(storage, f"t{uuid4().hex[:12]}")
    app = Brubeck()
    app.register_api(type("TodosAPI", (AutoAPIBase,), {"model": Todo} | declared))
    return Client(app)


@pytest.fixture
def client(storage: Storage) -> Client:
    """Return a client of an empty AutoAPI, on each storage."""
    return served(storage)


def told(reply: Reply) -> list[Any]:
    """Return the statuses of a list, in order; of a list that is all well, its one status."""
    payload = reply.json()
    if "multistatus" not in payload:
        return [reply.status] * len(payload["data"])
    assert reply.status == 207
    assert len(payload["data"]) == len(payload["multistatus"])
    return [each["status"] for each in payload["multistatus"]]


class TestOne:
    """One document."""

    def test_it_lives(self, client: Client) -> None:
        """Created, read, replaced, destroyed, gone."""
        made = client.post("/todo", json={"id": "a", "title": "So what"})
        shown = {"id": "a", "title": "So what", "completed": False}
        assert (made.status, made.headers["Location"]) == (201, "/todo/a")
        assert made.json()["data"] == shown
        assert client.get("/todo/a").json()["data"] == shown
        again = client.put("/todo/a", json={"title": "All blues"})
        assert (again.status, again.json()["data"]["title"]) == (200, "All blues")
        gone = client.delete("/todo/a")
        assert (gone.status, gone.json()["data"]["title"]) == (200, "All blues")
        assert client.get("/todo/a").status == 404
        assert client.delete("/todo/a").status == 404

    def test_the_payload_is_that_of_a_handler(self, client: Client) -> None:
        """With the status and the time, as in 0.4."""
        payload = client.post("/todo", json={"title": "x"}).json()
        assert (payload["status_code"], payload["status_msg"]) == (201, "Created")
        assert isinstance(payload["timestamp"], int)

    def test_a_new_one_takes_nothings_place(self, client: Client) -> None:
        """POST of an id that is there is 409; PUT and POST to it replace."""
        client.post("/todo", json={"id": "a", "title": "one"})
        assert client.post("/todo", json={"id": "a", "title": "two"}).status == 409
        assert client.get("/todo/a").json()["data"]["title"] == "one"
        assert client.post("/todo/a", json={"title": "two"}).status == 200
        assert client.get("/todo/a/").json()["data"]["title"] == "two"

    def test_put_creates_what_is_not_there(self, client: Client) -> None:
        """And says where."""
        reply = client.put("/todo/b", json={"title": "x"})
        assert (reply.status, reply.headers["Location"]) == (201, "/todo/b")
        assert client.put("/todo/b", json={"id": "b", "title": "y"}).status == 200

    @pytest.mark.parametrize(
        ("method", "path", "json", "pointer"),
        [
            ("POST", "/todo", {}, "/title"),
            ("POST", "/todo", {"title": 5}, "/title"),
            ("POST", "/todo", {"title": "x", "more": 1}, "/more"),
            ("POST", "/todo", {"title": "x", "id": "a b"}, "/id"),
            ("PUT", "/todo/a", {"title": "x", "id": "b"}, "/id"),
            ("PUT", "/todo/a%20b", {"title": "x"}, "/id"),
            ("POST", "/todo", 5, ""),
        ],
    )
    def test_what_is_not_valid_is_422(
        self, client: Client, method: str, path: str, json: Any, pointer: str
    ) -> None:
        """With the field, and nothing is stored."""
        reply = client.request(method, path, json=json)
        assert reply.status == 422
        assert reply.json()["errors"][0]["pointer"] == pointer
        assert client.get("/todo").json()["data"] == []


class TestMany:
    """Lists."""

    def test_everything_is_read_the_newest_first(self, client: Client) -> None:
        """Or as much of it as is asked for."""
        for number in range(3):
            client.post("/todo", json={"title": f"n{number}"})
        assert [each["title"] for each in client.get("/todo/").json()["data"]] == ["n2", "n1", "n0"]
        assert len(client.get("/todo?limit=2").json()["data"]) == 2

    def test_each_of_a_list_is_created_by_itself(self, client: Client) -> None:
        """201 when all were, otherwise 207 with what became of each, in order."""
        good = [{"id": "a", "title": "one"}, {"title": "two"}]
        assert client.post("/todo", json=good).status == 201
        bad = [{"id": "b", "title": "x"}, {"id": "a", "title": "x"}, {}, 5]
        reply = client.post("/todo", json=bad)
        assert told(reply) == [201, 409, 422, 422]
        assert [each and each["id"] for each in reply.json()["data"]] == ["b", None, None, None]
        first, second, third, _ = reply.json()["multistatus"]
        assert first == {"status": 201, "id": "b", "href": "/todo/b"}
        assert (second["id"], second["title"]) == ("a", "Conflict")
        assert third["errors"] == [{"pointer": "/title", "detail": "This field is required."}]
        twice = [{"id": "c", "title": "x"}] * 2
        assert told(client.post("/todo", json=twice)) == [201, 409]

    def test_several_are_read_replaced_and_destroyed(self, client: Client) -> None:
        """By their ids, in order."""
        client.post("/todo", json=[{"id": each, "title": each} for each in "abc"])
        assert told(client.get("/todo/a,c")) == [200, 200]
        reply = client.get("/todo/a,nothing,b")
        assert told(reply) == [200, 404, 200]
        assert reply.json()["multistatus"][1]["id"] == "nothing"
        bodies = [{"title": "x"}, {"id": "d", "title": "y"}]
        assert told(client.put("/todo/a,d", json=bodies)) == [200, 201]
        assert told(client.put("/todo/a,d", json=bodies)) == [200, 200]
        assert told(client.put("/todo/a,d", json=[{}, bodies[0]])) == [422, 200]
        assert told(client.delete("/todo/a,d,a")) == [200, 200, 404]
        assert [each["id"] for each in client.get("/todo").json()["data"]] == ["c", "b"]

    @pytest.mark.parametrize(
        ("method", "path", "json", "status"),
        [
            ("POST", "/todo", [], 422),
            ("POST", "/todo", [{}] * 6, 413),
            ("PUT", "/todo/a,b", [{"title": "x"}], 400),
            ("PUT", "/todo/a,b", {"title": "x"}, 400),
            ("PUT", "/todo/a", [{"title": "x"}], 400),
            ("GET", "/todo/" + ",".join("a" * 101), None, 400),
            ("GET", "/todo?limt=5", None, 400),
            ("GET", "/todo?limit=0", None, 400),
            ("GET", "/todo?limit=5&limit=6", None, 400),
            ("GET", "/todo/a?limit=5", None, 400),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, method: str, path: str, json: Any, status: int
    ) -> None:
        """As a whole."""
        client = served(queries=DictQueryset(), max_batch=5)
        options = {} if json is None else {"json": json}
        reply = client.request(method, path, **options)
        assert reply.status == status
        assert reply.headers["Content-Type"] == "application/problem+json"


class TestRequests:
    """What HTTP has to say."""

    @pytest.mark.parametrize(
        ("method", "path", "headers", "body", "status"),
        [
            ("POST", "/todo", {"Content-Type": "text/plain"}, b"{}", 415),
            ("POST", "/todo", {}, b"{", 400),
            ("POST", "/todo", {}, b"[{]", 400),
            ("GET", "/todo", {"Accept": "image/png"}, b"", 406),
            ("PATCH", "/todo/a", {}, b"{}", 405),
            ("PUT", "/todo", {}, b"{}", 405),
            ("DELETE", "/todo", {}, b"", 405),
        ],
    )
    def test_a_request_that_makes_no_sense(
        self, method: str, path: str, headers: dict[str, str], body: bytes, status: int
    ) -> None:
        """Is told what would."""
        client = served(queries=DictQueryset())
        reply = client.request(method, path, headers=headers, body=body)
        assert reply.status == status
        if status == 405:
            assert reply.headers["Allow"] == client.options(path).headers["Allow"]

    def test_an_id_of_another_kind_has_one_document(self) -> None:
        """However it is spelt in the URL."""
        by_uuid = type("Song", (Document,), {"title": StringField()})
        client = served(model=by_uuid, queries=DictQueryset())
        item_id = client.post("/song", json={"title": "x"}).json()["data"]["id"]
        assert client.get(f"/song/{item_id.upper()}").json()["data"]["id"] == item_id
        assert client.put(f"/song/{item_id.upper()}", json={"title": "y"}).status == 200
        assert client.get("/song/nothing").status == 404
        assert client.put("/song/nothing", json={}).status == 422
        numbered = type("Page", (Document,), {"text": StringField(), "number": IntField()})
        client = served(model=numbered, queries=DictQueryset(api_id="number"))
        assert client.put("/page/7", json={"text": "x"}).status == 201
        assert client.get("/page/7").json()["data"]["number"] == 7
        assert client.post("/page", json={"number": 7}).status == 409

    def test_a_storage_that_is_down_is_503(self) -> None:
        """And comes back by itself."""

        class Down(DictQueryset):
            def read(self, ids: Any = None) -> Any:
                raise Unavailable("It is down.", retry_after=3)

        reply = served(queries=Down()).get("/todo")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "3")


class TestDeclaration:
    """Where an AutoAPI is, and what may be changed of it."""

    def test_a_program_chooses_the_urls(self) -> None:
        """A base for all, or a prefix for one."""
        app = Brubeck(api_base_url="/api/v1/")
        api = type("TodosAPI", (AutoAPIBase,), {"model": Todo})
        app.register_api(api)
        app.register_api(api, "/tasks")
        client = Client(app)
        reply = client.post("/api/v1/todo", json={"id": "a", "title": "x"})
        assert reply.headers["Location"] == "/api/v1/todo/a"
        assert client.get("/tasks/a").status == 200
        assert client.get("/todo").status == 404

    def test_without_queries_it_is_kept_in_the_programs_store(self) -> None:
        """By its model's name, so that a queryset finds it."""
        app = Brubeck(storage={"default": "memory://", "archive": "memory://"})
        app.register_api(type("A", (AutoAPIBase,), {"model": Todo, "storage": "archive"}))
        Client(app).post("/todo", json={"id": "a", "title": "x"})
        assert Queryset(app.store("archive"), model=Todo).read("a").status == "OK"
        assert Queryset(app.store(), model=Todo).read("a").status == "Failed"

    @pytest.mark.parametrize(
        ("declared", "prefix", "said"),
        [
            ({"model": None}, None, "must be a subclass of Document"),
            ({"model": Todo, "queries": {}}, None, "must be a queryset"),
            ({"model": Todo, "queries": DictQueryset(api_id="nr")}, None, 'no field "nr"'),
            ({"model": Todo}, "/a b", "served at a path"),
        ],
    )
    def test_what_cannot_be_served_is_refused(
        self, declared: dict[str, Any], prefix: str | None, said: str
    ) -> None:
        """When it is registered."""
        with pytest.raises(ConfigError, match=said):
            Brubeck().register_api(type("A", (AutoAPIBase,), declared), prefix)

    def test_only_an_autoapi_is_registered(self) -> None:
        """Nothing else has a model and queries."""
        with pytest.raises(ConfigError, match="not a subclass"):
            Brubeck().register_api(dict)  # type: ignore[arg-type]

    def test_a_subclass_changes_what_is_shown_and_who_may(self) -> None:
        """By the hooks and methods of any handler."""

        class TodosAPI(AutoAPIBase):
            """A shorter shape, for those who know the word."""

            model = Todo
            queries = DictQueryset()

            def prepare(self) -> None:
                if self.message.header("x-word") != "swing":
                    raise Problem(403, "Say the word.")

            def shown(self, document: Any) -> dict[str, Any]:
                return {"id": super().shown(document)["id"]}

            def render(self, status_code: int | None = None, *_: Any, **_options: Any) -> Response:
                return super().render(status_code=status_code, hide_status=True)

        app = Brubeck()
        app.register_api(TodosAPI)
        assert Client(app).get("/todo").status == 403
        reply = Client(app, {"X-Word": "swing"}).post("/todo", json={"id": "a", "title": "x"})
        assert (reply.status, reply.json()) == (201, {"id": "a"})

    def test_several_workers_need_a_store_that_they_share(self) -> None:
        """Else each would have documents of its own."""
        app = Brubeck()
        app.register_api(type("A", (AutoAPIBase,), {"model": Todo}))
        with pytest.raises(ConfigError, match="/todo is kept in the memory of one process"):
            open_stores(app, 2)


class Kept(AbstractQueryset):
    """Documents in a dictionary, as a program may keep its own."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, Todo] = {}

    def create_one(self, shield: Any) -> Result:
        self.documents[shield.id] = shield
        return Result(self.MSG_CREATED, shield)

    def read_one(self, iid: Any) -> Result:
        if iid in self.documents:
            return Result(self.MSG_OK, self.documents[iid])
        return Result(self.MSG_FAILED, iid)


def test_a_queryset_of_ones_own_inserts_too() -> None:
    """By looking first, if it knows no better."""
    queryset = Kept()
    first, second = queryset.insert([Todo(id="a", title="x"), Todo(id="a", title="y")])
    assert first.status == "Created"
    assert isinstance(second.error, AlreadyThere)
    assert queryset.insert(Todo(id="b", title="x")).status == "Created"
    client = served(queries=queryset)
    assert client.post("/todo", json={"id": "b", "title": "x"}).status == 409
    assert client.get("/todo/a").json()["data"]["title"] == "x"


def test_it_is_described() -> None:
    """In OpenAPI, with the schemas that are really used, and in the manifest."""
    client = served(queries=DictQueryset())
    api = client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(api).validate()
    assert {path: {*item} - {"parameters"} for path, item in api["paths"].items()} == {
        "/todo": {"get", "post"},
        "/todo/{id}": {"get", "put", "post", "delete"},
    }

    def validate(name: str, value: Any) -> None:
        whole = {"$ref": f"#/components/schemas/{name}", "components": api["components"]}
        Draft202012Validator(whole).validate(value)

    made = client.post("/todo", json=[{"id": "a", "title": "x"}, {}])
    validate("TodoResults", made.json())
    validate("TodoList", client.get("/todo").json())
    validate("Todo", client.get("/todo/a").json()["data"])
    (schema,) = client.get("/manifest.json").json()
    assert (schema["title"], "secret" in schema["properties"]) == ("Todo", False)


def test_the_documentation_shows_what_happens() -> None:
    """Each example, in order."""
    page = Path(__file__).parents[2] / "docs" / "autoapi.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed


@pytest.mark.parametrize("body", [b'{"title":"a"}', b'[{"title":"a"}]'])
def test_a_body_with_a_content_coding_is_a_415(body: bytes) -> None:
    """One document or several."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert served(queries=DictQueryset()).post("/todo", body=body, headers=headers).status == 415
