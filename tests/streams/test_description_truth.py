"""What a description says is so: what it allows is taken, and what it does not is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.description.parameters import _up_to
from brubeck.streams import (
    exports,
    imports,
)
from brubeck.testing import Client
from tests.streams.described import EVENTS, Journal, Posts, Quakes, part_of, schema


@pytest.fixture(scope="module")
def client() -> Client:
    """Return a client of an application with a stream of each kind."""
    return Client(Brubeck(streams=[Quakes, Journal, Posts], title="Quakes & more", version="2.1"))


@pytest.fixture(scope="module")
def api(client: Client) -> Any:
    """Return the OpenAPI document."""
    return client.get("/openapi.json").json()


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
