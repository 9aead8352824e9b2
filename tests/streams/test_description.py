"""Descriptions: complete, true, valid, and in nobody's way."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from brubeck import Brubeck, WebMessageHandler
from brubeck.dictshield.document import EmbeddedDocument
from brubeck.dictshield.fields import (
    EmbeddedDocumentField,
    IntField,
    StringField,
)
from brubeck.http import Response
from brubeck.streams import (
    StreamedDocument,
    StreamHandler,
    exports,
)
from brubeck.streams.representations import REPRESENTATIONS
from brubeck.streams.spec import JSON
from brubeck.testing import Client
from tests.streams.described import KEYWORDS, Comment, Journal, Posts, Quakes, bodies, schema


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a client of an application with a stream of each kind."""
    return Client(Brubeck(streams=[Quakes, Journal, Posts], title="Quakes & more", version="2.1"))


@pytest.fixture(scope="module")
def api(client: Client) -> Any:
    """Return the OpenAPI document."""
    return client.get("/openapi.json").json()


class TestTheDocument:
    """What there is in ``/openapi.json``."""

    def test_it_is_openapi(self, api: Any) -> None:
        """By the word of its own schema."""
        OpenAPIV31SpecValidator(api).validate()
        assert (api["info"]["title"], api["info"]["version"]) == ("Quakes & more", "2.1")

    def test_every_path_and_method_is_there(self, api: Any) -> None:
        """Of every stream."""
        found = {
            (path, method)
            for path, item in api["paths"].items()
            for method in item
            if method != "parameters"
        }
        bases = ("/quake", "/journal", "/users/{author}/posts")
        assert found == {
            (f"{base}{rest}", method)
            for base in bases
            for rest, methods in {
                "": ("get", "post"),
                "/changes": ("get",),
                "/{id}": ("get", "put", "patch", "delete"),
            }.items()
            for method in methods
        }

    def test_parameters_have_their_limits(self, api: Any) -> None:
        """Those of every stream, and the declared filters."""
        given = {each["name"]: each for each in api["paths"]["/quake"]["get"]["parameters"]}
        assert set(given) == {
            *("limit", "count", "order", "before", "after", "since", "until", "fields", "total"),
            *("kind", "magnitude__gte", "felt__in", "seen_at__lt", "reviewed", "If-None-Match"),
        }
        assert given["limit"]["schema"] == {"type": "integer", "minimum": 1, "default": 7}
        assert "more than 50 are 50" in given["limit"]["description"]
        assert "secret" not in given["fields"]["schema"]["items"]["enum"]
        assert given["felt__in"]["schema"]["type"] == "array"
        author = api["paths"]["/users/{author}/posts"]["parameters"]
        assert [each["name"] for each in author] == ["author"]

    def test_ways_in_and_scopes_are_said(self, api: Any) -> None:
        """By operation; an open stream has none."""
        journal = api["paths"]["/journal"]
        names = ["bearer", "basic", "session"]
        assert journal["get"]["security"] == [{name: []} for name in names]
        assert journal["post"]["security"] == [{name: []} for name in names]
        assert "the scope `journal:write`" in journal["post"]["description"]
        assert "scope" not in journal["get"]["description"]
        assert api["paths"]["/quake"]["get"]["security"] == []
        assert set(api["components"]["securitySchemes"]) == set(names)
        assert "401" in journal["get"]["responses"]
        assert "401" not in api["paths"]["/quake"]["get"]["responses"]

    def test_answers_say_their_headers(self, api: Any) -> None:
        """Entity tags, places, limits of rate."""
        quakes, item = api["paths"]["/quake"], api["paths"]["/quake/{id}"]
        assert {"ETag", "Link", "RateLimit"} <= set(quakes["get"]["responses"]["200"]["headers"])
        assert {"ETag", "Location"} <= set(quakes["post"]["responses"]["201"]["headers"])
        refused = item["patch"]["responses"]["415"]["$ref"].rpartition("/")[2]
        assert "Accept-Patch" in api["components"]["responses"][refused]["headers"]
        journal = api["paths"]["/journal"]["get"]["responses"]
        assert "429" not in journal
        assert "RateLimit" not in journal["200"]["headers"]

    def test_feeds_are_described(self, api: Any) -> None:
        """Beside the look at changes."""
        content = api["paths"]["/quake/changes"]["get"]["responses"]["200"]["content"]
        assert set(content) == {"application/json", "text/event-stream"}
        assert "checkpoint" in content["text/event-stream"]["schema"]["description"]

    def test_every_shape_is_described(self, client: Client, api: Any) -> None:
        """Those of a page, of an item, of a problem, and what an import is answered."""
        page = api["paths"]["/quake"]["get"]["responses"]["200"]["content"]
        assert set(page) == {JSON, *REPRESENTATIONS, exports.NDJSON, "text/csv"}
        made = client.post("/quake", json={"place": "x"}).json()["data"]["id"]
        item = api["paths"]["/quake/{id}"]["get"]["responses"]["200"]["content"]
        gone = api["components"]["responses"]["NotFound"]["content"]
        for path, content in (("", page), (f"/{made}", item), ("/nothing", gone)):
            for kind, described in content.items():
                reply = client.get(f"/quake{path}", headers={"Accept": kind})
                assert reply.headers["Content-Type"].partition(";")[0] == kind
                if kind == "application/feed+json":
                    Draft202012Validator(described["schema"]).validate(reply.json())
        assert client.delete(f"/quake/{made}").status == 204
        create = api["paths"]["/quake"]["post"]
        (kind,) = create["responses"]["200"]["content"]
        assert kind in create["requestBody"]["content"]
        reply = client.post("/quake", body='{"place": "x"}', headers={"Content-Type": kind})
        assert (reply.status, reply.headers["Content-Type"]) == (200, kind)

    def test_every_body_has_a_schema_of_known_words(self, api: Any) -> None:
        """A word that JSON Schema does not know says nothing, and no validator complains."""
        found = list(bodies(api))
        assert len(found) > 60
        for where, kind, described in found:
            unknown = set(described["schema"]) - KEYWORDS
            assert not unknown, f"{where} {kind}: {unknown}"
            if kind in ("application/x-ndjson", "text/event-stream"):
                assert described["schema"]["contentMediaType"] == kind, where
                assert "contentSchema" in described["schema"], where

    def test_an_owned_stream_begins_no_life_by_put(self, api: Any) -> None:
        """And makes every id."""
        assert "201" not in api["paths"]["/journal/{id}"]["put"]["responses"]
        assert "201" in api["paths"]["/quake/{id}"]["put"]["responses"]
        properties = api["components"]["schemas"]["Entry"]["properties"]
        for name in ("id", "created_at", "updated_at", "owner_id", "owner_username"):
            assert properties[name]["readOnly"], name

    def test_what_is_hidden_is_nowhere(self, client: Client) -> None:
        """Nor what docstrings say beyond their first line."""
        for path in ("/openapi.json", "/manifest.json"):
            assert "secret" not in client.get(path).text
            assert "who reads the program" not in client.get(path).text
        assert "Quakes, as they are reported." in client.get("/openapi.json").text

    def test_two_models_of_one_name_have_two_schemas(self) -> None:
        """And two streams of one name two tags."""
        streams = []
        for number, field in enumerate((StringField(), IntField())):
            model = type("Note", (StreamedDocument,), {"text": field})
            attributes = {"model": model, "path": f"/n{number}"}
            streams.append(type("Notes", (StreamHandler,), attributes))
        client = Client(Brubeck(streams=streams))
        api = client.get("/openapi.json").json()
        OpenAPIV31SpecValidator(api).validate()
        kinds = [
            api["components"]["schemas"][name]["properties"]["text"] for name in ("Note", "Note2")
        ]
        assert [kind["type"] for kind in kinds] == ["string", "integer"]
        assert [tag["name"] for tag in api["tags"]] == ["Notes", "Notes2"]
        assert len(client.get("/manifest.json").json()) == 2

    def test_a_document_that_embeds_itself_is_described(self) -> None:
        """By its name among the components."""
        model = type("Thread", (StreamedDocument,), {"top": EmbeddedDocumentField(Comment)})
        api = Client(Brubeck(streams=[type("S", (StreamHandler,), {"model": model})])).get(
            "/openapi.json"
        )
        OpenAPIV31SpecValidator(api.json()).validate()
        assert "urn:" not in api.text
        # As it is shown, and as it is taken, by three methods alike.
        named = [name for name in api.json()["components"]["schemas"] if "Comment" in name]
        assert named == ["Comment", "CommentInput"]
        body = {"id": "x", "top": {"text": "a", "answers": [{"text": "b", "answers": []}]}}
        assert schema(api.json(), "Thread").is_valid(body)
        body["top"] = {"answers": [{"text": 5}]}
        assert not schema(api.json(), "Thread").is_valid(body)
        assert not schema(api.json(), "ThreadNew").is_valid(body)


class TestServing:
    """How the descriptions are served."""

    @pytest.mark.parametrize("path", ["/openapi.json", "/manifest.json"])
    def test_they_are_known_by_a_tag(self, client: Client, path: str) -> None:
        """304 to who has them; only JSON."""
        reply = client.get(path)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        tag = {"If-None-Match": reply.headers["ETag"]}
        assert client.get(path, headers=tag).status == 304
        assert client.head(path).status == 200
        assert client.get(path, headers={"Accept": "image/png"}).status == 406
        assert client.post(path, json={}).status == 405

    def test_the_manifest_is_a_list_of_schemas(self, client: Client) -> None:
        """One for each model, named by its title, as in 0.4."""
        found = client.get("/manifest.json").json()
        assert [each["title"] for each in found] == ["Quake", "Entry"]
        for each in found:
            Draft202012Validator.check_schema(each)

    def test_without_streams_there_are_none(self) -> None:
        """A program of classic handlers serves what it says."""
        client = Client(Brubeck())
        assert client.get("/openapi.json").status == 404

    def test_a_later_stream_is_described_too(self) -> None:
        """Also when somebody has asked before."""
        app = Brubeck(streams=[Quakes])
        client = Client(app)
        before = client.get("/openapi.json").headers["ETag"]
        app.add_stream(Journal)
        reply = client.get("/openapi.json")
        assert reply.headers["ETag"] != before
        assert reply.json()["info"]["title"] == "Quakes, Journal"

    def test_a_route_of_the_programs_own_wins(self) -> None:
        """Whenever it is added."""

        class Own(WebMessageHandler):
            def get(self) -> Response:
                self.set_body("mine")
                return self.render()

        app = Brubeck(streams=[Quakes])
        client = Client(app)
        assert client.get("/openapi.json").status == 200
        app.add_route_rule(r"^/openapi\.json$", Own)
        app.add_route_rule(r"^/manif", Own)
        assert client.get("/openapi.json").text == "mine"
        assert client.get("/manifest.json").text == "mine"


def test_parts_have_the_names_that_openapi_allows() -> None:
    """Also those of classes with other letters, each with a name of its own (4.8.7.1)."""
    tremor = type("Erdstoß", (EmbeddedDocument,), {"stärke": IntField()})
    overview = type("Überblick", (StreamedDocument,), {"stoß": EmbeddedDocumentField(tremor)})
    quake = type("地震", (StreamedDocument,), {"場所": StringField()})

    class Views(StreamHandler):
        model = overview
        path = "/views"

    class Shocks(StreamHandler):
        model = quake
        path = "/shocks"

    app = Brubeck(streams=[Views, Shocks])
    api = Client(app).get("/openapi.json").json()
    parts = api["components"]
    names = [name for kind in parts.values() for name in kind]
    assert not [name for name in names if re.fullmatch(r"[A-Za-z0-9._-]+", name) is None]
    assert parts["schemas"]["UberblickNew"]["title"] == "ÜberblickNew"
    used = set(re.findall(r'"#/components/(\w+)/([^"]*)"', json.dumps(api)))
    assert {name for kind, name in used} <= set(names)
    OpenAPIV31SpecValidator(api).validate()


def test_the_documentation_shows_what_happens() -> None:
    """Each example, in order."""
    page = Path(__file__).parents[2] / "docs" / "description.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed
