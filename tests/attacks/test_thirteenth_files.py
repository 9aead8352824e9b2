"""The thirteenth attack: hostile files, of which each fault is said and the rest is read."""

from __future__ import annotations

import time
from io import BytesIO
from itertools import product

import pytest

from brubeck.cli.geojson_documents import documents
from brubeck.cli.output import _LEAST, _fitting
from brubeck.streams.geometry import Geometry

HUGE = "1" + "0" * 400
VALUES = (
    *("1", "-0", "1e-400", "1e400", "-1e400", HUGE, f"-{HUGE}", f"{HUGE}.5", "9" * 5000),
    *("0." + "1" * 5000, '"1"', "true", "null", "[1]", "{}", "NaN", "[" * 2000 + "]" * 2000),
)
GOOD = '{"type":"Feature","geometry":null,"properties":{"text":"good"}}'
SHAPES = (
    Geometry("", "longitude", "latitude", "height"),
    Geometry("", "longitude", "latitude"),
    Geometry("point"),
)


def feature(coordinates: str, height: str, longitude: str) -> str:
    """Return a feature with a position in its geometry, and another in its properties."""
    properties = (
        f'{{"height":{height},"longitude":{longitude},"latitude":1,"point":[{longitude},1]}}'
    )
    geometry = f'{{"type":"Point","coordinates":[{coordinates}]}}'
    return f'{{"type":"Feature","geometry":{geometry},"properties":{properties}}}'


@pytest.mark.parametrize("shape", SHAPES, ids=["height", "numbers", "point"])
def test_an_odd_number_of_a_feature_ends_no_import(shape: Geometry) -> None:
    """One that JSON allows and no float holds ended it in the middle, with a traceback."""
    odd = [
        feature(coordinates.format(value), height, longitude)
        for value, height, longitude in product(VALUES, VALUES, VALUES[:8:2])
        for coordinates in ("1,2,{}", "{},2")
    ]
    text = f'{{"type":"FeatureCollection","features":[{",".join([*odd, GOOD])}]}}'
    found = list(documents(BytesIO(text.encode()), shape))
    assert [number for number, _ in found] == list(range(1, len(odd) + 2))
    assert found[-1][1] == b'{"text":"good"}'


def test_a_table_of_any_columns_is_fitted_at_once() -> None:
    """Each sign that was too much took a look at all columns, of which an item may have any."""
    began = time.process_time()
    assert _fitting([1_000_000] * 3, 80) == [25, 25, 26]
    assert _fitting([1_000_000, 5, 20], 80) == [51, 5, 20]
    assert _fitting([300] * 20_000, 80) == [_LEAST] * 20_000
    assert _fitting([3, 4], 80) == [3, 4]
    assert time.process_time() - began < 1
