"""Clients of OGC API Features that others wrote read all earthquakes: GDAL and OWSLib."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
from owslib.ogcapi.features import Features  # type: ignore[import-untyped]  # it has no types

from examples.earthquakes.week import quakes
from tests.servers import require
from tests.servers.programs import brubeck_run

WEEK = 1707
"""The number of earthquakes in the week."""


@pytest.fixture(scope="module")
def features() -> Iterator[str]:
    """Serve the week, and yield the URL of its features."""
    with brubeck_run("tests.features.week:app") as program:
        yield f"http://127.0.0.1:{program.port}/ogc"


def ogrinfo(url: str, *options: str) -> str:
    """Return what GDAL has to say about a layer of OGC API Features, or of a file."""
    command = require("ogrinfo", "gdal-bin")
    source = [url] if url.endswith(".geojson") else [f"OAPIF:{url}", "quakes"]
    made = subprocess.run(
        [command, "-ro", "-so", *options, *source],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "ERROR" not in made.stderr + made.stdout
    return made.stdout


def count(said: str) -> int:
    """Return the number of features that GDAL has read."""
    found = re.search(r"^Feature Count: (\d+)$", said, re.MULTILINE)
    assert found is not None, said
    return int(found[1])


@pytest.mark.reads("GDAL", "OGC API Features")
def test_gdal_reads_every_earthquake(features: str) -> None:
    """As points with a depth, page by page."""
    said = ogrinfo(features)
    assert count(said) == WEEK
    assert "Geometry: 3D Point" in said
    assert "Extent: (-179.644500, -65.861700) - (178.827500, 83.042200)" in said


@pytest.mark.reads("GDAL", "GeoJSON")
def test_gdal_reads_an_export(features: str) -> None:
    """By its URL, as it would read a file."""
    said = ogrinfo(features.replace("/ogc", "/quakes.geojson"), "-al")
    assert count(said) == WEEK
    assert "Geometry: 3D Point" in said


def test_gdal_filters(features: str) -> None:
    """By a box, and by the declared filters that the description names."""
    week = list(quakes())
    near = [
        each for each in week if -125 <= each["longitude"] <= -114 and 32 <= each["latitude"] <= 42
    ]
    assert count(ogrinfo(features, "-spat", "-125", "32", "-114", "42")) == len(near)
    of_nevada = [each for each in week if each["network"] == "nn"]
    assert count(ogrinfo(features, "-where", "network = 'nn'")) == len(of_nevada)
    assert count(ogrinfo(features, "-where", "kind = 'nothing'")) == 0


def test_gdal_finds_a_rare_feature() -> None:
    """It takes a page without features for the last one, so there is none before a rare one."""
    with brubeck_run("tests.features.sparse:app") as program:
        url = f"http://127.0.0.1:{program.port}/ogc"
        assert count(ogrinfo(url, "-where", "network = 'rare'")) == 1
        assert count(ogrinfo(url, "-spat", "5", "5", "6", "6")) == 0


@pytest.mark.reads("OWSLib", "OGC API Features")
def test_owslib_reads_every_earthquake(features: str) -> None:
    """The collections, their items by the links, and one item."""
    client = Features(features)
    assert client.feature_collections() == ["quakes"]
    assert client.collection("quakes")["title"] == "Earthquakes"
    assert any(each.endswith("/core") for each in client.conformance()["conformsTo"])
    page = client.collection_items("quakes", limit=200)
    found = {each["id"] for each in page["features"]}
    pages = 1
    while links := [each["href"] for each in page["links"] if each["rel"] == "next"]:
        cursor = re.search(r"before=([^&]+)", links[0])
        assert cursor is not None
        page = client.collection_items("quakes", limit=200, before=cursor[1])
        found |= {each["id"] for each in page["features"]}
        pages += 1
    assert (len(found), pages) == (WEEK, 9)
    box = client.collection_items("quakes", bbox=[-125, 32, -114, 42], limit=1)
    assert box["numberReturned"] == 1
    assert client.collection_item("quakes", "ci37868143")["id"] == "ci37868143"
