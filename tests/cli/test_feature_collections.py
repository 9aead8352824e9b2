"""A FeatureCollection is cut into its features, whatever it looks like and wherever reads end."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.cli.feature_collections import MAX_FEATURE_BYTES, features
from brubeck.errors import BrubeckError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\{}[]'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
FEATURES = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=4)


class Pieces(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe may."""

    most = 1

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, never more than `most`."""
        return super().read(min(self.most, size) if size is not None and size >= 0 else self.most)


def pieces(text: bytes, most: int) -> Pieces:
    """Return a file with a text that comes in pieces."""
    file = Pieces(text)
    file.most = most
    return file


def cut(text: bytes | str, most: int = 1 << 20) -> list[tuple[int, bytes | None]]:
    """Return the features of a text."""
    return list(features(pieces(text.encode() if isinstance(text, str) else text, most)))


@given(
    FEATURES,
    st.dictionaries(TEXTS.filter(lambda name: name not in ("type", "features", "crs")), VALUES),
    st.dictionaries(TEXTS.filter(lambda name: name not in ("type", "features", "crs")), VALUES),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.integers(1, 9),
)
def test_features_are_what_they_are_in_any_collection(
    given_features: list[dict[str, object]],
    before: dict[str, object],
    after: dict[str, object],
    indent: int | str | None,
    is_ascii: bool,
    most: int,
) -> None:
    """With other members on both sides, on one line or many, whole or byte by byte."""
    members = {"type": "FeatureCollection", **before, "features": given_features}
    whole = members | {name: each for name, each in after.items() if name not in members}
    text = json.dumps(whole, indent=indent, ensure_ascii=is_ascii).encode()
    for file in (io.BytesIO(text), pieces(text, most), io.BytesIO(b"\xef\xbb\xbf" + text)):
        found = list(features(file))
        assert [number for number, _ in found] == list(range(1, len(given_features) + 1))
        assert [json.loads(each or b"") for _, each in found] == given_features


def test_a_feature_is_given_as_it_is_written() -> None:
    """Byte for byte, digits and spaces too."""
    texts = ['{"a": 1.50e2 , "b":"\\u00e4\\"}"}', "{ }", '["x"]', "7", '"te\\\\"', "null"]
    text = '{"features" :\r\n [ ' + " ,\n".join(texts) + ' ], "type":"FeatureCollection"}\n\n'
    for most in (1, 3, 1000):
        assert cut(text, most) == list(enumerate((each.encode() for each in texts), 1))


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_a_text_that_breaks_off_gives_its_whole_features_first(most: int) -> None:
    """Wherever it does."""
    text = '{"type":"FeatureCollection","x":{"y":[1]},"features":[{"a":"}"},\n{"b":[2]}],"z":"]"}'
    ends = {text.index("},\n") + 1: 1, text.index("}],") + 1: 2}
    for end in range(1, len(text)):
        found = features(pieces(text[:end].encode(), most))
        given_numbers = []
        with pytest.raises(BrubeckError, match="breaks off") as error:  # noqa: PT012, the loop raises
            for number, _ in found:
                given_numbers.append(number)
        whole = sum(1 for after in ends if after <= end)
        assert len(given_numbers) == whole, text[:end]
        if not whole:
            assert "feature 1" in str(error.value) or "before its features" in str(error.value)
    within = str(error_of(text[: text.index("[2]")]))
    assert within.startswith("The file breaks off within feature 2")


def error_of(text: str | bytes) -> BrubeckError:
    """Return the error of a text."""
    with pytest.raises(BrubeckError) as error:
        cut(text)
    return error.value


HEAD = '{"type":"FeatureCollection",'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a FeatureCollection"),
        (b"\xff\xfe{\x00", "not a FeatureCollection"),
        ("[]", "not a FeatureCollection"),
        ("id,text\na,b\n", "not a FeatureCollection"),
        ("{}", "not a FeatureCollection"),
        ('{"type":"Feature","geometry":null}', 'is a "Feature", not a FeatureCollection'),
        ('{"type":"Topology","objects":{}}', 'is a "Topology", not a FeatureCollection'),
        ('{"type":7,"features":[]}', "not a FeatureCollection"),
        ('{"features":[{}],"type":"Feature"}', 'is a "Feature", not a FeatureCollection'),
        ('{"features":[]}', "not a FeatureCollection"),
        ('{"type":"FeatureCollection"}', "not a FeatureCollection"),
        (HEAD + '"features":{}}', "not a FeatureCollection"),
        (HEAD + '"features":[{} {}]}', "not JSON behind feature 1"),
        (HEAD + '"features":[{},,{}]}', "not JSON behind feature 1"),
        (HEAD + '"features":[{},]}', "not JSON behind feature 1"),
        (HEAD + '"features":[{}]]', "not JSON behind its features"),
        (HEAD + '"features":[]} {"type":"FeatureCollection"}', "not JSON behind its features"),
        (HEAD + 'x:1,"features":[]}', "not JSON before its features"),
        (HEAD + '"x" 1,"features":[]}', "not JSON before its features"),
        (HEAD + '"x":,"features":[]}', "not JSON before its features"),
        (
            HEAD + '"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3857"}}}',
            "of EPSG:3857, and have to be of WGS 84",
        ),
        (HEAD + '"crs":{"properties":{"name":"EPSG:14326"}},"features":[]}', "of EPSG:14326"),
        (HEAD + '"crs":7,"features":[]}', "WGS 84"),
    ],
)
def test_any_other_text_is_refused(text: str | bytes, sentence: str) -> None:
    """In one sentence."""
    assert sentence in str(error_of(text))


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "EPSG::4979"])
def test_degrees_of_wgs_84_may_be_declared(name: str) -> None:
    """As GDAL and QGIS do; none are declared by null."""
    crs = json.dumps({"type": "name", "properties": {"name": name}})
    assert cut(HEAD + f'"crs":{crs},"features":[{{}}]}}') == [(1, b"{}")]
    assert cut(HEAD + '"crs":null,"features":[{}]}') == [(1, b"{}")]


@pytest.mark.parametrize("inner", [b'"%b"', b'{"a":[%b1]}', b"%b1"], ids=["text", "list", "number"])
def test_a_long_feature_is_passed_over(inner: bytes) -> None:
    """And the next one is whole; so is one that is just as long as it may be."""
    filler = {b'"%b"': b'}\\"', b'{"a":[%b1]}': b"1,", b"%b1": b"1"}[inner]
    long = inner % (filler * (2 * MAX_FEATURE_BYTES))
    just = b'"' + b"x" * (MAX_FEATURE_BYTES - 2) + b'"'
    text = HEAD.encode() + b'"x":%b,"features":[%b,{"a":1},%b,%b]}' % (long, long, just, long)
    assert cut(text) == [(1, None), (2, b'{"a":1}'), (3, just), (4, None)]


def test_a_large_file_takes_constant_memory(tmp_path: Path) -> None:
    """Of twenty megabytes, a small part at a time; also of one that is a single feature."""
    path = tmp_path / "large.geojson"
    one = msgspec.json.encode({"type": "Feature", "properties": {"text": "x" * 500}})
    with path.open("wb") as file:
        file.write(HEAD.encode() + b'"features":[' + b",\n".join([one] * 36_000) + b"],")
        file.write(b'"x":"' + b"y" * (20 << 20) + b'"}')
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            count = sum(1 for _ in features(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 36_000
    assert peak < 2 << 20
