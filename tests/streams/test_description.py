"""Descriptions: complete, true, valid, and in nobody's way."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from brubeck import Brubeck, WebMessageHandler
from brubeck.auth import BasicAuth, BearerAuth, CookieAuth
from brubeck.description.parameters import _up_to
from brubeck.dictshield.document import EmbeddedDocument
from brubeck.dictshield.fields import (
    BooleanField,
    DictField,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    MD5Field,
    MillisecondField,
    StringField,
    URLField,
)
from brubeck.http import Response
from brubeck.streams import (
    AuthStreamHandler,
    OwnedDocument,
    StreamedDocument,
    StreamHandler,
    exports,
    imports,
)
from brubeck.streams.representations import REPRESENTATIONS
from brubeck.streams.spec import JSON
from brubeck.testing import Client


class Station(EmbeddedDocument):
    """What an item embeds."""

    name = StringField(required=True)
    height = FloatField()


class Comment(EmbeddedDocument):
    """A comment, and what was answered to it."""

    text = StringField()
    answers = ListField(EmbeddedDocumentField("Comment"))


class Quake(StreamedDocument):
    """One earthquake.

    This is for who reads the program.
    """

    place = StringField(max_length=20, required=True)
    magnitude = FloatField(min_value=-3, max_value=10)
    felt = IntField()
    kind = StringField(choices=["earthquake", "explosion"])
    url = URLField()
    digest = MD5Field()
    reviewed = BooleanField(default=False)
    seen_at = MillisecondField()
    tags = ListField(StringField())
    station = EmbeddedDocumentField(Station)
    stations = ListField(EmbeddedDocumentField(Station))
    more = DictField()
    secret = StringField()

    _private_fields = ("secret",)


class Quakes(StreamHandler):
    """Quakes, as they are reported.

    This is for who reads the program.
    """

    model = Quake
    filters = ("kind", "magnitude__gte", "felt__in", "seen_at__lt", "reviewed")
    page_size, max_page_size = 7, 50
    rate = "100/minute"


class Entry(OwnedDocument):
    """An entry of a journal."""

    text = StringField()


class Journal(AuthStreamHandler):
    """Journals."""

    model = Entry
    path = "/journal"
    schemes = (BearerAuth(), BasicAuth(), CookieAuth())
    scopes = {"write": "journal:write"}
    owned = True


class Posts(StreamHandler):
    """Posts, a stream for each author."""

    model = Entry
    path = "/users/<author>/posts"
    accept_created_at = True


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a client of an application with a stream of each kind."""
    return Client(Brubeck(streams=[Quakes, Journal, Posts], title="Quakes & more", version="2.1"))


@pytest.fixture(scope="module")
def api(client: Client) -> Any:
    """Return the OpenAPI document."""
    return client.get("/openapi.json").json()


def schema(api: Any, name: str) -> Draft202012Validator:
    """Return what checks values against a named schema."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": api["components"]}
    return Draft202012Validator(whole)


EVENTS = {"Accept": "text/event-stream"}
KEYWORDS = {
    *("$ref", "anyOf", "allOf", "type", "properties", "required", "items", "title", "description"),
    *("minItems", "maxItems", "contentMediaType", "contentSchema", "pattern"),
}


def bodies(api: Any, where: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every body of a description: where it stands, its media type, and its description."""
    for name, value in api.items() if isinstance(api, dict) else ():
        if name == "content":
            yield from ((where, kind, described) for kind, described in value.items())
        else:
            yield from bodies(value, f"{where}/{name}")


def part_of(api: Any, described: Any) -> Draft202012Validator:
    """Return what checks one part of a sequence: a line, or the data of an event."""
    part = described["schema"]["contentSchema"]
    return Draft202012Validator({**part, "components": api["components"]})


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
        assert journal["post"]["security"] == [{name: ["journal:write"]} for name in names]
        assert "security" not in api["paths"]["/quake"]["get"]
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
        assert set(page) == {JSON, *REPRESENTATIONS, *exports.MEDIA_TYPES}
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
        assert named == ["Comment", "Comment2"]
        body = {"id": "x", "top": {"text": "a", "answers": [{"text": "b", "answers": []}]}}
        assert schema(api.json(), "Thread").is_valid(body)
        body["top"] = {"answers": [{"text": 5}]}
        assert not schema(api.json(), "Thread").is_valid(body)
        assert not schema(api.json(), "ThreadNew").is_valid(body)


GOOD: list[dict[str, Any]] = [
    {},
    {"magnitude": None, "felt": None, "kind": None, "url": None, "station": None, "tags": None},
    {"url": "", "kind": ""},
    {"kind": "explosion", "url": "https://earthquake.usgs.gov/x", "reviewed": True},
    {"seen_at": 5},
    {"seen_at": "2018-02-07T01:26:13Z"},
    {"station": {"name": "a", "height": None}, "stations": [{"name": "a"}]},
    {"more": {"a": [1, None]}, "tags": ["a", ""]},
    {"id": "a:b", "digest": "0" * 32},
    {"updated_at": 5},
]
BAD: list[dict[str, Any]] = [
    {"place": ""},
    {"place": None},
    {"place": "x" * 21},
    {"magnitude": 11},
    {"magnitude": "5"},
    {"felt": 5.5},
    {"felt": 1 << 63},
    {"kind": "flood"},
    {"url": "ftp://a.b"},
    {"digest": "x"},
    {"station": {}},
    {"station": {"name": "a", "more": 1}},
    {"stations": [{"name": ""}]},
    {"tags": [None]},
    {"more": {"a.b": 1}},
    {"id": "changes"},
    {"id": "a b"},
    {"nothing": 1},
]


class TestTruth:
    """The schemas say what happens."""

    @pytest.mark.parametrize("given", GOOD, ids=str)
    def test_what_is_good_by_the_schema_is_taken(
        self, client: Client, api: Any, given: dict[str, Any]
    ) -> None:
        """And what is answered is as described."""
        body = {"place": "x", **given}
        assert schema(api, "QuakeNew").is_valid(body)
        reply = client.post("/quake", json=body)
        assert reply.status == 201, reply.text
        data = reply.json()["data"]
        schema(api, "Quake").validate(data)
        schema(api, "QuakePage").validate(client.get("/quake", params={"total": "true"}).json())
        schema(api, "QuakeChanges").validate(client.get("/quake/changes").json())
        assert client.delete(f"/quake/{data['id']}").status == 204

    @pytest.mark.parametrize("given", BAD, ids=str)
    def test_what_is_bad_by_the_schema_is_refused(
        self, client: Client, api: Any, given: dict[str, Any]
    ) -> None:
        """With a problem as described."""
        body = {"place": "x", **given}
        assert not schema(api, "QuakeNew").is_valid(body)
        reply = client.post("/quake", json=body)
        assert reply.status == 422
        schema(api, "Problem").validate(reply.json())

    def test_each_line_of_an_import_is_answered_as_described(
        self, client: Client, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Created items and failures of every kind."""
        monkeypatch.setattr(imports, "MAX_BYTES", 200)
        create = api["paths"]["/quake"]["post"]
        described = create["responses"]["200"]["content"][imports.MEDIA_TYPE]
        given = part_of(api, create["requestBody"]["content"][imports.MEDIA_TYPE])
        answered = part_of(api, described)
        lines = [
            ('{"id": "line", "place": "x"}', 201),
            ('{"place": "x", "station": {"name": "a"}}', 201),
            ('{"id": "line", "place": "x"}', 409),
            ('{"place": "", "felt": "5"}', 422),
            ('{"id": "a b", "place": "x"}', 422),
            ("[]", 422),
            ("{", 400),
            ('{"place": "%s"}' % ("x" * 300), 413),
        ]
        body = "\n\n".join(line for line, _ in lines)
        reply = client.post("/quake", body=body, headers={"Content-Type": imports.MEDIA_TYPE})
        results = [json.loads(line) for line in reply.text.splitlines()]
        assert [each["status"] for each in results] == [status for _, status in lines]
        for result, (line, status) in zip(results, lines, strict=True):
            answered.validate(result)
            for member in ("line", "status"):
                rest = {name: value for name, value in result.items() if name != member}
                assert not answered.is_valid(rest), rest
            if status != 400:
                assert given.is_valid(json.loads(line)) == (status in (201, 409)), line
        assert not answered.is_valid({"line": 1, "status": 201})
        assert not answered.is_valid({"line": 1, "status": 422})
        for result in results[:2]:
            assert client.delete(f"/quake/{result['id']}").status == 204

    def test_lines_rows_and_events_are_as_described(self, api: Any) -> None:
        """Each line of an export, the first row of a table, the data of each event."""
        client = Client(Brubeck(streams=[Quakes]))
        for name in ("one", "two"):
            assert client.post("/quake", json={"id": name, "place": "x"}).status == 201
        page = api["paths"]["/quake"]["get"]["responses"]["200"]["content"]
        lines = client.get("/quake", headers={"Accept": exports.NDJSON}).text.splitlines()
        check = part_of(api, page[exports.NDJSON])
        assert len(lines) == 2
        for line in lines:
            check.validate(json.loads(line))
        assert not check.is_valid({})
        names, *rows = client.get("/quake", headers={"Accept": "text/csv"}).text.splitlines()
        assert set(names.split(",")) == set(api["components"]["schemas"]["Quake"]["properties"])
        assert len(rows) == 2
        assert client.delete("/quake/two").status == 204
        feed = api["paths"]["/quake/changes"]["get"]["responses"]["200"]["content"]
        check = part_of(api, feed["text/event-stream"])
        for after, kinds in (("0", {"put", "delete", "checkpoint"}), ("1~lost", {"reset"})):
            with client.get(f"/quake/changes?after={after}", headers=EVENTS) as reply:
                text = ""
                for chunk in reply.chunks():
                    text += chunk.decode()
                    if "event: checkpoint" in text:  # after that a feed waits
                        break
            events = re.findall(r"^event: (.*)\n(?:id: .*\n)?data: (.*)$", text, re.MULTILINE)
            assert {kind for kind, _ in events} == kinds
            for _, data in events:
                check.validate(json.loads(data))
                assert not check.is_valid(dict(list(json.loads(data).items())[1:]))

    def test_a_patch_may_bring_anything_or_nothing(self, client: Client, api: Any) -> None:
        """Nothing in it is required."""
        assert schema(api, "QuakePatch").is_valid({})
        assert schema(api, "QuakePatch").is_valid({"magnitude": None})
        made = client.post("/quake", json={"place": "x", "station": {"name": "a"}}).json()["data"]
        for body, pointer in (
            ({"nothing": 1}, "/nothing"),
            ({"nothing": None}, "/nothing"),
            ({"station": {"nothing": None}}, "/station/nothing"),
        ):
            assert not schema(api, "QuakePatch").is_valid(body)
            reply = client.patch(f"/quake/{made['id']}", json=body)
            assert (reply.status, reply.json()["errors"][0]["pointer"]) == (422, pointer)
        reply = client.patch(f"/quake/{made['id']}", json={"station": None, "more": {"a": None}})
        assert reply.status == 200
        assert "station" not in reply.json()["data"]

    def test_numbers_up_to_a_bound_have_an_expression(self) -> None:
        """As cursors need it."""
        for bound in (0, 9, 10, 99, 253, 1000):
            found = re.compile(_up_to(bound))
            assert [n for n in range(1200) if found.fullmatch(str(n))] == list(range(bound + 1))


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


def test_the_documentation_shows_what_happens() -> None:
    """Each example, in order."""
    page = Path(__file__).parents[2] / "docs" / "description.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed
