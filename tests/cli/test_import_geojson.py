"""``brubeck import`` of GeoJSON: features become items, and come out again as they went in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from brubeck.testing import Client
from tests.cli import geo_program
from tests.servers import require
from tests.servers.programs import Program, brubeck, brubeck_run

Run = Callable[..., subprocess.CompletedProcess[str]]
QUAKES: list[dict[str, Any]] = [
    {"id": "fiji", "created_at": 1000, "updated_at": 1700000000123, "east": 178.123456789012}
    | {"north": -18, "depth": 550.5, "tags": ["a", "ä,}"], "extra": {"a": [1, None]}, "done": True},
    {"id": "around", "created_at": 1000, "updated_at": 5, "east": 190.1, "north": -20.25},
    {"id": "north", "created_at": -5, "updated_at": 6, "east": 1, "north": 91, "text": ""},
    {"id": "none", "created_at": 9, "updated_at": 9, "text": '=1+1\n"]}', "price": "19.90"},
    {"id": "deep", "created_at": 10, "updated_at": 9, "east": 0.1, "north": 1e-7, "depth": 0},
]
"""Items with all that is hard in GeoJSON."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Yield the running program; its streams are kept in SQLite."""
    url = f"sqlite:///{tmp_path_factory.mktemp('geo')}/streams.db"
    with brubeck_run("tests.cli.geo_program:app", storage_default=url) as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the program as ``geo:app``, whose streams are kept in a file there."""
    (tmp_path / "geo.py").write_text(Path(geo_program.__file__).read_text())
    (tmp_path / "brubeck.toml").write_text('[storage]\ndefault = "sqlite:///geo.db"\n')
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Return a function that runs a command in the folder of the program."""
    return lambda *arguments, **settings: brubeck(folder, *arguments, **settings)


@pytest.fixture(params=["server", "program"])
def target(request: pytest.FixtureRequest) -> str:
    """Return either target."""
    if request.param == "program":
        return "geo:app"
    program: Program = request.getfixturevalue("served")
    return f"http://127.0.0.1:{program.port}"


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> str:
    """Return a name for the partitions of one test."""
    name: str = request.node.name
    return name.partition("[")[0].replace("_", "-")[-40:]


def feature(coordinates: object, properties: object = None, **members: object) -> dict[str, Any]:
    """Return a feature that is a point."""
    geometry = {"type": "Point", "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties, **members}


def write(path: Path, features: list[Any], **options: Any) -> None:
    """Write a collection."""
    whole = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(whole, **options))


def exported(run: Run, target: str, stream: str) -> list[dict[str, Any]]:
    """Return the items of a stream in the order of their ids, without times and empty fields."""
    done = run("export", target, stream, "-o", "-")
    assert done.returncode == 0, done.stderr
    items = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        {key: each[key] for key in each if not key.endswith("_at") and each[key] not in ([], {})}
        for each in sorted(items, key=lambda item: str(item["id"]))
    ]


def test_an_export_comes_in_again(target: str, run: Run, folder: Path, owner: str) -> None:
    """Byte for byte: ids, times, digits and positions, also those nowhere on earth."""
    one, two = f"of/{owner}-1/quakes", f"of/{owner}-2/quakes"
    (folder / "in.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in QUAKES))
    assert run("import", "in.ndjson", target, one).returncode == 0
    assert run("export", target, one, "-o", "first.geojson").returncode == 0
    done = run("import", "first.geojson", target, two)
    assert (done.returncode, done.stderr) == (0, "5 items imported, 0 features failed.\n")
    assert run("export", target, two, "-o", "second.geojson").returncode == 0
    assert (folder / "second.geojson").read_bytes() == (folder / "first.geojson").read_bytes()
    assert run("export", target, one, "-o", "first.ndjson").returncode == 0
    assert run("export", target, two, "-o", "second.ndjson").returncode == 0
    assert (folder / "second.ndjson").read_bytes() == (folder / "first.ndjson").read_bytes()
    assert not list(folder.glob("*.progress"))


def test_coordinates_go_into_the_fields_of_the_geometry(
    target: str, run: Run, folder: Path, owner: str
) -> None:
    """As they are written; a position that was moved wins over that of the properties."""
    given = [
        feature([1.5, 2, -3], {"text": "all"}, id="a"),
        feature([1.5, 2], None, id=7),
        feature([1.5, 2.25], {"id": "c", "east": 9, "north": 9, "depth": 9}, id=0),
        feature([9.00000004, 9, 9.0004], {"id": "d", "east": 9, "north": 9, "depth": 9}),
        feature([190, 2, 8], {"id": "e", "east": -170, "north": 2, "depth": 9}),
        feature([], {"id": "f", "east": 4, "north": 5}),
        {"type": "Feature", "id": "g", "properties": {}},
    ]
    write(folder / "in.geojson", given, indent=2)
    done = run("import", "in.geojson", target, f"of/{owner}/quakes")
    assert (done.returncode, done.stderr) == (0, "7 items imported, 0 features failed.\n")
    assert exported(run, target, f"of/{owner}/quakes") == [
        {"id": "7", "east": 1.5, "north": 2},
        {"id": "a", "east": 1.5, "north": 2, "depth": -3, "text": "all"},
        {"id": "c", "east": 1.5, "north": 2.25, "depth": 9},
        {"id": "d", "east": 9, "north": 9, "depth": 9},
        {"id": "e", "east": -170, "north": 2, "depth": 8},
        {"id": "f", "east": 4, "north": 5},
        {"id": "g"},
    ]


def test_coordinates_go_into_a_point(target: str, run: Run, folder: Path, owner: str) -> None:
    """The latitude first, as in each list of a `GeoPointField`; another shape of it stays."""
    given = [
        feature([1.5, 2, 7], id="a"),
        feature([1.5, 2], {"id": "b", "at": {"lat": 2, "lon": 1.5}}),
        feature([1.5, 2], {"id": "c", "at": [1.5, 2]}),
    ]
    write(folder / "in.geojson", given)
    stream = f"of/{owner}/points"
    done = run("import", "in.geojson", target, stream)
    assert (done.returncode, done.stderr) == (0, "3 items imported, 0 features failed.\n")
    assert [each["at"] for each in exported(run, target, stream)] == [
        [2, 1.5],
        {"lat": 2, "lon": 1.5},
        [2, 1.5],
    ]


BAD: dict[str, tuple[Any, str]] = {
    "polygon": (
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}},
        'The geometry is a "Polygon", and has to be a Point.',
    ),
    "no feature": ({"type": "Point", "coordinates": [0, 0]}, "not a Feature"),
    "a number": (7, "not a Feature"),
    "a list": ([{}], "not a Feature"),
    "geometry without a type": (
        {"type": "Feature", "geometry": {"coordinates": [0, 0]}, "properties": {}},
        "has to be a Point",
    ),
    "a text for a geometry": ({"type": "Feature", "geometry": "x"}, "has to be a Point"),
    "one coordinate": (feature([1]), "The coordinates are not two or three numbers"),
    "texts as coordinates": (feature(["1", "2"]), "The coordinates are not two or three numbers"),
    "no list": (feature(7), "The coordinates are not two or three numbers"),
    "metres": (feature([500000, 4649776]), "The coordinates are nowhere on earth"),
    "properties": (feature([1, 2], [1]), "The properties are not an object"),
    "an id": (feature([1, 2], {}, id=[1]), "The id is neither a text nor a number"),
    "a field": (feature([1, 2], {"done": "perhaps"}), "/done"),
    "an unknown field": (feature([1, 2], {"colour": "red"}), "colour"),
    "a long one": (feature([1, 2], {"text": "x" * (5 << 20)}), "longer than an item may be"),
    "a long item": (feature([1, 2], {"text": "x" * (1 << 20)}), "longer than an item may be"),
    "nested deeply": (
        json.loads('{"type":"Feature","properties":{"extra":{"a":' + "[" * 90 + "]" * 90 + "}}}"),
        "nested too deeply",
    ),
    "an id that is there": (feature([1, 2], {"id": "good0"}), "409"),
}
"""Features that cannot be stored, and a part of the sentence about each."""


def test_a_bad_feature_is_reported_and_the_others_go_in(
    target: str, run: Run, folder: Path, owner: str
) -> None:
    """By its number; with --json as JSON."""
    good = [feature([1, 2], {"id": f"good{at}"}) for at in range(len(BAD))]
    given = [each for at, (bad, _) in enumerate(BAD.values()) for each in (good[at], bad)]
    write(folder / "in.geojson", given)
    stream = f"of/{owner}/quakes"
    done = run("import", "in.geojson", target, stream)
    *reported, last = done.stderr.splitlines()
    assert last == f"{len(BAD)} items imported, {len(BAD)} features failed."
    assert done.returncode == 1
    for at, (line, (_, words)) in enumerate(zip(reported, BAD.values(), strict=True), 1):
        assert line.startswith(f"feature {2 * at}: "), line
        assert words in line, line
    assert len(exported(run, target, stream)) == len(BAD)
    done = run("import", "in.geojson", target, stream, "--json")
    *printed, end = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr, end["failed"]) == (1, "", 2 * len(BAD))
    assert (printed[0]["feature"], printed[0]["status"]) == (1, 409)


def test_what_is_no_json_within_a_feature_is_its_own_error(run: Run, folder: Path) -> None:
    """Where its brackets say where it ends."""
    good = json.dumps(feature([1, 2], {"id": "a"}))
    bad = good.replace("1", "NaN")
    text = f'{{"type":"FeatureCollection","features":[{bad},{good},{{"x" 1}}]}}'
    (folder / "in.geojson").write_text(text)
    done = run("import", "in.geojson", "geo:app", "of/a/quakes")
    first, second, last = done.stderr.splitlines()
    assert first.startswith("feature 1: The feature is not JSON: ")
    assert second.startswith("feature 3: The feature is not JSON: ")
    assert last == "1 items imported, 2 features failed."


def test_a_file_that_breaks_off_loses_no_whole_feature(
    target: str, run: Run, folder: Path, owner: str
) -> None:
    """And --resume goes on with the whole file; features that are there are no failures."""
    stream = f"of/{owner}/quakes"
    write(folder / "in.geojson", [feature([1, 2], id=f"f{at}") for at in range(5)])
    whole = (folder / "in.geojson").read_bytes()
    (folder / "in.geojson").write_bytes(whole[: whole.index(b'"f3"') + 2])
    done = run("import", "in.geojson", target, stream)
    sentences = "The file breaks off within feature 4. Once it is repaired, --resume goes on behind"
    assert (done.returncode, done.stderr) == (1, f"brubeck: {sentences} feature 3.\n")
    assert [each["id"] for each in exported(run, target, stream)] == ["f0", "f1", "f2"]
    place = folder / "in.geojson.progress"
    assert json.loads(place.read_text()) == {"feature": 3, "target": target, "stream": stream}
    (folder / "in.geojson").write_bytes(whole)
    done = run("import", "in.geojson", target, stream, "--resume")
    assert (done.returncode, done.stderr) == (0, "2 items imported, 0 features failed.\n")
    assert len(exported(run, target, stream)) == 5
    assert not place.exists()


def test_a_stream_without_coordinates_takes_none(target: str, run: Run, folder: Path) -> None:
    """In one sentence; nothing is written."""
    write(folder / "in.geojson", [feature([1, 2])])
    done = run("import", "in.geojson", target, "notes")
    sentence = "brubeck: The items of /notes have no coordinates.\n"
    assert (done.returncode, done.stderr) == (2, sentence)
    assert exported(run, target, "notes") == []


def test_another_document_is_refused(run: Run, folder: Path) -> None:
    """In one sentence."""
    (folder / "in.geojson").write_text(json.dumps(feature([1, 2], {})))
    done = run("import", "in.geojson", "geo:app", "of/a/quakes")
    sentence = 'brubeck: The file is a "Feature", not a FeatureCollection of GeoJSON.\n'
    assert (done.returncode, done.stderr) == (1, sentence)


def test_a_server_names_the_fields_of_positions(target: str, run: Run, folder: Path) -> None:
    """In its description; a stream that is not in it has none."""
    write(folder / "in.geojson", [feature([1, 2])])
    done = run("import", "in.geojson", target, "nots")
    assert done.returncode == 2
    assert "no stream" in done.stderr
    posts = {
        path: each["post"].get("x-geometry")
        for path, each in Client(geo_program.app).get("/openapi.json").json()["paths"].items()
        if "post" in each
    }
    assert posts == {
        "/of/{owner}/quakes": ["east", "north", "depth"],
        "/of/{owner}/points": ["at"],
        "/notes": None,
    }


def test_an_empty_collection_is_no_item(run: Run, folder: Path) -> None:
    """And no error."""
    write(folder / "in.geojson", [])
    done = run("import", "in.geojson", "geo:app", "of/a/quakes")
    assert (done.returncode, done.stderr) == (0, "0 items imported, 0 features failed.\n")


@pytest.mark.parametrize("options", [(), ("-lco", "RFC7946=YES"), ("-lco", "INDENT=YES")])
def test_gdal_hands_on_an_export(run: Run, folder: Path, options: tuple[str, ...]) -> None:
    """With its own members, without the digits that it rounds and with its line ends."""
    command = require("ogr2ogr", "gdal-bin")
    (folder / "in.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in QUAKES))
    assert run("import", "in.ndjson", "geo:app", "of/a/quakes").returncode == 0
    assert run("export", "geo:app", "of/a/quakes", "-o", "out.geojson").returncode == 0
    subprocess.run(
        [command, "-f", "GeoJSON", *options, "gdal.geojson", "out.geojson"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=60,
    )
    done = run("import", "gdal.geojson", "geo:app", "of/b/quakes")
    assert (done.returncode, done.stderr) == (0, "5 items imported, 0 features failed.\n")
    assert run("export", "geo:app", "of/b/quakes", "-o", "back.geojson").returncode == 0
    back = json.loads((folder / "back.geojson").read_text())
    assert back == json.loads((folder / "out.geojson").read_text())
