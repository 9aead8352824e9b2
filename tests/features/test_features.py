"""OGC API Features of a program: documents, pages of features, and all that guards a stream."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.streams import StreamHandler
from brubeck.testing import Client
from tests.features.program import (
    Guarded,
    Limited,
    Owned,
    Parted,
    Places,
    Scoped,
    Unlisted,
    program,
)

ITEMS = "/ogc/collections/open:places/items"


def filled(count: int = 7) -> Client:
    """Return a client of a program with places for everybody."""
    app = program(Places, Unlisted, Parted)
    stream: Any = app.stream(Places)
    stream.insert_many(
        {
            "id": f"p{n}",
            "created_at": n * 1000,
            "name": "even" if n % 2 == 0 else "odd",
            "latitude": n,
            "longitude": n,
            "secret": "hidden",
        }
        for n in range(count)
    )
    return Client(app)


def walked(client: Client, url: str) -> list[str]:
    """Return the ids of all features, by the links to the next page."""
    found: list[str] = []
    link: str | None = url
    while link is not None:
        reply = client.get(link)
        assert reply.status == 200, reply.text
        page = reply.json()
        assert reply.headers["Content-Type"] == "application/geo+json"
        assert page["numberReturned"] == len(page["features"])
        found += [each["id"] for each in page["features"]]
        links = {each["rel"]: each["href"] for each in page["links"]}
        assert links["self"] == f"http://localhost{link}"
        if "next" in links:
            assert f'<{links["next"]}>; rel="next"' in reply.headers["Link"]
        link = links["next"].removeprefix("http://localhost") if "next" in links else None
    return found


def listed(client: Client) -> list[str]:
    """Return the ids of the collections that a caller sees."""
    found = client.get("/ogc/collections").json()["collections"]
    described = client.get("/ogc/api").json()["paths"]
    for name in found:
        assert f"/collections/{name['id']}/items" in described
    assert len(described) == 3 + 3 * len(found)
    return [each["id"] for each in found]


def test_every_document_is_linked() -> None:
    """From the landing page on; each with an entity tag."""
    client = filled()
    landing = client.get("/ogc").json()["links"]
    links = {each["rel"]: each["href"].removeprefix("http://localhost") for each in landing}
    for rel in ("self", "service-desc", "conformance", "data"):
        reply = client.get(links[rel])
        assert reply.status == 200
        again = client.get(links[rel], headers={"If-None-Match": reply.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        assert client.get(f"{links[rel]}?x=1").status == 400
        assert client.post(links[rel], json={}).status == 405
    classes = client.get(links["conformance"]).json()["conformsTo"]
    assert {each.rpartition("/")[2] for each in classes} == {"core", "geojson", "oas30"}
    (collection,) = client.get(links["data"]).json()["collections"]
    assert collection["id"] == "open:places"
    assert client.get("/ogc/collections/open:places").json() == collection
    items = {each["rel"]: each["href"] for each in collection["links"]}["items"]
    assert items == f"http://localhost{ITEMS}"


def test_it_is_described_as_openapi() -> None:
    """In version 3.0, with the filters of each collection."""
    reply = filled().get("/ogc/api")
    assert reply.headers["Content-Type"] == "application/vnd.oai.openapi+json;version=3.0"
    described = reply.json()
    validate(described)
    items = described["paths"]["/collections/open:places/items"]["get"]["parameters"]
    assert {"limit", "bbox", "datetime", "name"} <= {each["name"] for each in items}


def test_a_walk_has_every_feature_once() -> None:
    """With the filters of the stream, its bounds, and in both orders."""
    client = filled()
    everything = [f"p{n}" for n in range(7)]
    assert walked(client, ITEMS) == everything[::-1]
    assert walked(client, f"{ITEMS}?order=oldest&limit=2") == everything
    assert walked(client, f"{ITEMS}?bbox=2,2,4,9&limit=1") == ["p4", "p3", "p2"]
    assert walked(client, f"{ITEMS}?name=odd&limit=2") == ["p5", "p3", "p1"]
    between = "1970-01-01T00:00:02Z/1970-01-01T00:00:04Z"
    assert walked(client, f"{ITEMS}?datetime={between.replace('/', '%2F')}&limit=2") == [
        *("p4", "p3", "p2")
    ]
    assert walked(client, f"{ITEMS}?datetime=1970-01-01T00:00:06Z%2F..") == ["p6"]


def test_a_feature_is_an_item() -> None:
    """At its own URL as in a page, without private fields; changes are no feature."""
    client = filled()
    feature = client.get(f"{ITEMS}/p1")
    assert feature.headers["Content-Type"] == "application/geo+json"
    found = feature.json()
    assert {each["rel"] for each in found.pop("links")} == {"self", "collection"}
    assert found in client.get(f"{ITEMS}?limit=9").json()["features"]
    assert found["geometry"] == {"type": "Point", "coordinates": [1, 1]}
    assert "secret" not in found["properties"]
    known = {"If-None-Match": feature.headers["ETag"]}
    assert client.get(f"{ITEMS}/p1", headers=known).status == 304
    client.patch("/open/places/p1", json={"name": "new"})
    assert client.get(f"{ITEMS}/p1", headers=known).status == 200
    client.delete("/open/places/p1")
    assert client.get(f"{ITEMS}/p1").status == 410
    for name in ("changes", "none", "p2,p3", "p2%3Ffields=id", "p2%2Fx", "%23"):
        assert client.get(f"{ITEMS}/{name}").status == 404, name


@pytest.mark.parametrize(
    "query",
    ["bbox=1,2,3", "bbox=1e999,0,0,0", "limit=0", "limit=x", "datetime=x", "f=json", "before=x"],
)
def test_bad_parameters_are_problems(query: str) -> None:
    """With the name of the parameter."""
    reply = filled().get(f"{ITEMS}?{query}")
    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert query.partition("=")[0] in reply.json()["detail"]


def test_what_is_not_there_is_a_404() -> None:
    """Also a stream that is no collection, by its path."""
    client = filled()
    for name in ("none", "unlisted", "users:ann:places", "open%2Fplaces", "open"):
        for path in (name, f"{name}/items", f"{name}/items/p1"):
            assert client.get(f"/ogc/collections/{path}").status == 404


@pytest.mark.parametrize(
    ("stream", "allowed", "refused"),
    [
        (Scoped, ["ann"], {None: 401, "eve": 403, "nobody": 401}),
        (Owned, ["ann", "bob"], {None: 401, "nobody": 401}),
        (Guarded, ["ann"], {None: 403, "bob": 403}),
    ],
)
def test_a_guarded_stream_is_guarded_here(
    stream: type[StreamHandler], allowed: list[str], refused: dict[str | None, int]
) -> None:
    """The answers are those of the stream, and it is listed for those alone that may read it."""
    app = program(Places, stream)
    name = stream.path.strip("/")
    items = f"/ogc/collections/{name}/items"
    path = stream.path
    body = {"at": [1, 2]} if stream is Owned else {"latitude": 1, "longitude": 2}
    written = Client(app, {"X-Name": "ann"}).post(path, json=body)
    assert written.status == 201
    own = written.json()["data"]["id"]
    for who in allowed:
        client = Client(app, {"X-Name": who})
        assert listed(client) == ["open:places", name]
        reply = client.get(items)
        assert [each["id"] for each in reply.json()["features"]] == ([own] if who == "ann" else [])
        assert "private" in reply.headers["Cache-Control"] or stream is Guarded
        assert client.get(f"{items}/{own}").status == (200 if who == "ann" else 404)
    for caller, status in refused.items():
        client = Client(app, {} if caller is None else {"X-Name": caller})
        assert listed(client) == ["open:places"]
        for url in (f"/ogc/collections/{name}", items, f"{items}?bbox=0,0,9,9", f"{items}/{own}"):
            reply = client.get(url)
            assert reply.status == status
            assert reply.headers["Content-Type"] == "application/problem+json"
            plain = client.get(path)
            assert reply.json() == plain.json()
            assert reply.headers.get("WWW-Authenticate") == plain.headers.get("WWW-Authenticate")
            assert own not in reply.text


def test_a_rate_limit_counts_here() -> None:
    """As for the stream itself; what may not be asked now is no empty list."""
    client = Client(program(Limited))
    for _ in range(2):
        assert client.get("/ogc/collections/limited/items").status == 200
    assert listed_status(client) == 200
    assert client.get("/limited").status == 429
    reply = client.get("/ogc/collections/limited/items")
    assert (reply.status, "Retry-After" in reply.headers) == (429, True)
    assert listed_status(client) == 429


def listed_status(client: Client) -> int:
    """Return the status of the list of collections."""
    return client.get("/ogc/collections").status


def test_links_have_the_prefix_of_a_proxy() -> None:
    """And its host."""
    app = program(Places)
    stream: Any = app.stream(Places)
    stream.insert_many({"id": each, "latitude": 1, "longitude": 1} for each in "abc")
    app.configure(server={"trusted_proxies": ["127.0.0.1"]})
    client = Client(app)
    headers = {
        "X-Forwarded-Host": "maps.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/api",
        "X-Forwarded-For": "10.0.0.1",
    }
    reply = client.get(f"{ITEMS}?limit=2", headers=headers)
    hrefs = [each["href"] for each in reply.json()["links"]]
    assert len(hrefs) == 3
    assert all(each.startswith("https://maps.example/api/ogc/collections/") for each in hrefs)


@pytest.mark.parametrize("path", ["ogc", "/", "/ogc/", "/a b", "/og(c", 5, "/open", "/open/places"])
def test_a_path_that_cannot_be_is_refused(path: Any) -> None:
    """When the program is made."""
    with pytest.raises(ConfigError):
        Brubeck(streams=[Places], features=path)


def test_pages_of_other_origins_read_what_the_streams_let_them() -> None:
    """A document of several streams is for those pages that all of them are for."""
    named = type("Named", (Places,), {"path": "/named", "cors": ("https://a.example",)})
    everybody = type("Everybody", (Places,), {"path": "/everybody", "cors": "*"})
    client = Client(program(named, everybody))

    def allowed(path: str, origin: str, method: str = "GET") -> tuple[str | None, str | None]:
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        headers = client.request(method, f"/ogc{path}", headers=asked).headers
        assert "Origin" in headers.get("Vary", "") or "everybody" in path
        return (
            headers.get("Access-Control-Allow-Origin"),
            headers.get("Access-Control-Allow-Credentials"),
        )

    for method in ("GET", "OPTIONS"):
        for path in ("", "/api", "/conformance", "/collections"):
            assert allowed(path, "https://a.example", method) == ("*", None)
            assert allowed(path, "https://b.example", method) == (None, None)
        for path in ("/collections/named", "/collections/named/items"):
            assert allowed(path, "https://a.example", method) == ("https://a.example", "true")
            assert allowed(path, "https://b.example", method) == (None, None)
        assert allowed("/collections/everybody/items", "https://b.example", method) == ("*", None)
    guarded = Client(program(everybody, Guarded))
    reply = guarded.get("/ogc/collections", headers={"Origin": "https://b.example"})
    assert "Access-Control-Allow-Origin" not in reply.headers
