"""The filter ``bbox``: items with a position in a box, the same on every storage."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, GeoPointField, StringField
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.geometry import parse_box, position
from brubeck.testing import Client
from tests.servers import wait_until

Position = tuple[float, float] | None


class Place(StreamedDocument):
    """A place by numbers, with a height."""

    _geometry = ("east", "north", "height")

    name = StringField()
    east = FloatField()
    north = FloatField()
    height = FloatField()


class Spot(StreamedDocument):
    """A place by a point."""

    at = GeoPointField()


def served(model: type[StreamedDocument], storage: Any = None, **declared: Any) -> Client:
    """Return a client of a program with a stream of places at ``/places``."""
    attributes = {"model": model, "path": "/places", "filters": ("bbox",), **declared}
    handler: type[StreamHandler] = type("Places", (StreamHandler,), attributes)
    return Client(Brubeck(streams=[handler], storage={"default": storage} if storage else None))


def contains(box: tuple[float, float, float, float], place: Position) -> bool:
    """Return whether a position is in a box: a plain filter, to compare with."""
    if place is None:
        return False
    (west, south, east, north), (longitude, latitude) = box, place
    if not south <= latitude <= north:
        return False
    along = [longitude, *(-longitude for _ in range(abs(longitude) == 180))]  # one meridian
    if west <= east:
        return any(west <= each <= east for each in along)
    return any(each >= west or each <= east for each in along)


def walked(client: Client, url: str) -> list[str]:
    """Return the ids of a whole walk, page by page."""
    found: list[str] = []
    link: str | None = url
    while link is not None:
        reply = client.get(link)
        assert reply.status == 200, reply.text
        found += [each["id"] for each in reply.json()["data"]]
        link = reply.json()["paging"]["next"]
    return found


def boxes(chance: random.Random) -> list[tuple[float, float, float, float]]:
    """Return boxes: some that are named, and others anywhere."""
    edges = [-180.0, -179.5, -90.0, 0.0, 90.0, 179.5, 180.0]
    found = [
        (-180.0, -90.0, 180.0, 90.0),
        (170.0, -90.0, -170.0, 90.0),
        (180.0, -90.0, -180.0, 90.0),
        (-180.0, -90.0, -180.0, 90.0),
        (0.0, 90.0, 0.0, 90.0),
        (-180.0, 90.0, 180.0, 90.0),
        (1.0, -90.0, 0.5, 90.0),
    ]
    for _ in range(25):
        south, north = sorted(chance.choice([-90, -45.5, 0, 45.5, 90]) for _ in range(2))
        found.append((chance.choice(edges), south, chance.choice(edges), north))
    return found


@pytest.mark.parametrize("model", [Place, Spot])
def test_a_box_finds_what_a_plain_filter_does(
    any_storage: Storage, model: type[StreamedDocument]
) -> None:
    """Also across the antimeridian, at the poles and on an edge; without a position, nothing."""
    chance = random.Random(7)
    path = f"/p{uuid4().hex[:8]}"
    client = served(model, any_storage, path=path)
    ends = [-360, -190.5, -180, -179.5, -90, 0, 90, 179.5, 180, 190.5, 360, 361, None]
    places: dict[str, Position] = {}
    items = []
    for number in range(200):
        east = chance.choice([*ends, chance.randint(-720, 720) / 4])
        north = chance.choice([-91, -90, -45.5, 0, 45.5, 90, None, chance.randint(-180, 180) / 2])
        item: dict[str, Any] = {"id": f"p{number}", "east": east, "north": north}
        if model is Spot:
            whole = east is not None and north is not None
            form = chance.choice([[north, east], {"lat": north, "lng": east}])
            item = {"id": f"p{number}", "at": form if whole else None}
        places[f"p{number}"] = position(north, east)
        items.append(item)
    assert client.post(path, json=items).status == 201
    for box in boxes(chance):
        text = ",".join(f"{each:g}" for each in box)
        wanted = {name for name, place in places.items() if contains(box, place)}
        found = walked(client, f"{path}?bbox={text}&limit=50")
        assert len(found) == len(set(found))
        assert set(found) == wanted, box
        if len(wanted) % 3:  # of some, the other ways to read them, too
            exported = client.get(f"{path}.ndjson?bbox={text}").text
            assert exported.count("\n") == len(wanted)
            changes = client.get(f"{path}/changes?bbox={text}&limit=200").json()["data"]
            assert {each["id"] for each in changes} == wanted
            total = client.get(f"{path}?bbox={text}&total=true").json()["paging"]["total"]
            assert total == len(wanted)


@settings(deadline=None)
@given(
    west=st.integers(-720, 720),
    east=st.integers(-720, 720),
    longitude=st.integers(-1440, 1440),
)
def test_a_longitude_counts_wherever_it_is_written(west: int, east: int, longitude: int) -> None:
    """In quarters of a degree; none is in two ranges that differ."""
    box = parse_box(f"{west / 4},-90,{east / 4},90", has_height=False)
    bounds = box.longitudes
    found = any(
        low <= longitude / 4 <= high for low, high in zip(bounds[::2], bounds[1::2], strict=True)
    )
    place = position(0, longitude / 4)
    assert found == contains((west / 4, -90, east / 4, 90), place)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "it takes four numbers with commas, west,south,east,north, or six with heights"),
        ("1,2,3", "it takes four numbers"),
        ("1,2,3,4,5", "it takes four numbers"),
        ("1,2,3,4,5,6,7", "it takes four numbers"),
        ("1," * 100_000, "it takes four numbers"),
        ("1,2,3," + "9" * 4000, "it takes four numbers"),
        ("1,2,,4", '"" is no number'),
        ("1,2,3,four", '"four" is no number'),
        ("nan,2,3,4", '"nan" is no number'),
        ("1,2,inf,4", '"inf" is no number'),
        ("1,2,1e999,4", '"1e999" is no number'),
        ("1,2,1_0,4", '"1_0" is no number'),
        ("1,2,٣,4", '"٣" is no number'),
        ("-180.1,0,1,1", "-180.1 is no longitude, which lies within ±180"),
        ("0,0,181,1", "181 is no longitude"),
        ("-1e300,-1e300,1e300,1e300", "is no longitude"),
        ("0,-91,1,1", "-91 is no latitude, which lies within ±90"),
        ("0,0,1,90.5", "90.5 is no latitude"),
        ("0,5,1,2", "its south, 5, is greater than its north, 2"),
        ("0,0,9,1,1,5", "its lowest, 9, is greater than its highest, 5"),
    ],
)
def test_what_is_no_box_is_refused(text: str, detail: str) -> None:
    """With the rule, and for pages, exports, changes and feeds alike."""
    client = served(Place)
    for url in ("/places", "/places.csv", "/places.geojson", "/places/changes"):
        reply = client.get(f"{url}?bbox={quote(text)}")
        assert reply.status in (400, 414) if len(text) > 4000 else reply.status == 400
        if reply.status == 400:
            assert detail in reply.json()["detail"]
            assert len(reply.body) < 500
    twice = client.get("/places?bbox=1,1,2,2&bbox=1,1,2,2")
    assert "more than once" in twice.json()["detail"]
    assert client.get("/places?bbox__gte=1,1,2,2").status == 400


def test_six_numbers_have_heights() -> None:
    """Only where the items have any."""
    client = served(Place)
    for name, height in (("low", -5), ("high", 7.5), ("none", None)):
        client.put(f"/places/{name}", json={"east": 1, "north": 1, "height": height})
    assert walked(client, "/places?bbox=0,0,-10,2,2,0") == ["low"]
    assert walked(client, "/places?bbox=0,0,7.5,2,2,7.5") == ["high"]
    assert set(walked(client, "/places?bbox= 0, 0, 2, 2")) == {"none", "high", "low"}
    reply = served(Spot).get("/places?bbox=0,0,-10,2,2,0")
    assert "the items have no heights here" in reply.json()["detail"]


@pytest.mark.parametrize("model", [Place, Spot])
def test_an_item_that_leaves_the_box_is_gone(
    any_storage: Storage, model: type[StreamedDocument]
) -> None:
    """For whoever follows the changes in it; one that was never there is passed over."""
    path = f"/p{uuid4().hex[:8]}"
    client = served(model, any_storage, path=path)

    def put(name: str, north: float, east: float) -> None:
        at = {"at": [north, east]} if model is Spot else {"north": north, "east": east}
        assert client.put(f"{path}/{name}", json=at).status in (200, 201)

    put("a", 1, 175)
    put("b", 1, 10)
    url = client.get(f"{path}?bbox=170,0,-170,5").json()["paging"]["changes"]
    put("b", 2, 10)
    put("a", 1, 169)
    put("c", 1, -175)
    found = client.get(url).json()["data"]
    assert [(each["op"], each["id"]) for each in found] == [("delete", "a"), ("put", "c")]


def test_the_program_itself_asks_for_a_box() -> None:
    """As text, as in a URL, or as numbers."""
    handler: Any = type(
        "Spots", (StreamHandler,), {"model": Spot, "path": "/spots", "filters": ("bbox",)}
    )
    app = Brubeck(streams=[handler])
    stream = app.stream(handler)
    stream.insert({"id": "here", "at": [45, 7]})
    stream.insert({"id": "there", "at": [7, 45]})
    assert [each.id for each in stream.items(bbox="6,44,8,46")] == ["here"]
    assert [each.id for each in stream.items(bbox=(6, 44, 8.5, 46))] == ["here"]
    with pytest.raises(ValueError, match="is no latitude"):
        list(stream.items(bbox="0,0,0,99"))


def test_a_walk_in_a_box_with_nothing_is_bounded(any_storage: Storage) -> None:
    """Each page looks at some of the items, and says where to go on."""
    path = f"/p{uuid4().hex[:8]}"
    client = served(Place, any_storage, path=path, max_batch=6000)
    items = [{"id": f"p{n}", "north": 1, "east": 1} for n in range(5500)]
    assert client.post(path, json=items).status == 201
    reply = client.get(f"{path}?bbox=2,2,3,3").json()
    assert reply["data"] == []
    assert reply["paging"]["next"] is not None
    assert walked(client, f"{path}?bbox=2,2,3,3") == []


@pytest.mark.parametrize("model", [Place, Spot])
def test_a_box_finds_items_that_are_older_than_it(
    any_storage: Storage, model: type[StreamedDocument]
) -> None:
    """Once their values are indexed; until then it is a 503."""
    path = f"/p{uuid4().hex[:8]}"
    before = served(model, any_storage, path=path, filters=())
    for name, north, east in (("in", 1, 175), ("out", 1, 10)):
        at = {"at": [north, east]} if model is Spot else {"north": north, "east": east}
        assert before.put(f"{path}/{name}", json=at).status == 201
    client = served(model, any_storage, path=path)
    url = f"{path}?bbox=170,0,-170,5"
    wait_until(lambda: client.get(url).status != 503, what="the index is built")
    assert walked(client, url) == ["in"]


def test_it_is_described_and_has_an_input() -> None:
    """Four numbers, or six with heights; a text with a hint in the explorer."""
    for model, bounds in ((Spot, [4]), (Place, [4, 6])):
        client = served(model)
        described = client.get("/openapi.json").json()["paths"]["/places"]["get"]["parameters"]
        (box,) = (each for each in described if each["name"] == "bbox")
        schemas = box["schema"].get("oneOf", [box["schema"]])
        assert [each["minItems"] for each in schemas] == bounds
        assert (box["style"], box["explode"]) == ("form", False)
        client.post("/places", json={})
        page = client.get("/places?bbox=1,1,2,2", headers={"Accept": "text/html"}).text
        assert 'placeholder="west,south,east,north"' in page
        assert "bbox = 1,1,2,2" in page
