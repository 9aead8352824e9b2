"""The values of a body by which it is found, beside the rule for one value."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.storage.schema import MAX_TEXT, MAX_VALUES, FieldInfo, Kind, RecordSchema, filter_key

KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "list")
NAMES = ("a", "b", "c", "d", "e f", "class", "é")
SINGLE = (
    None,
    True,
    False,
    0,
    -1,
    2**53 + 1,
    2**63,
    2**80,
    1.5,
    -0.0,
    1e300,
    "",
    "text",
    "é\u2028",
    "2026-11-30T12:00:00.5Z",
    "x" * MAX_TEXT,
    "x" * (MAX_TEXT + 1),
    {"a": 1},
)
singles = st.sampled_from(SINGLE) | st.text(max_size=5) | st.integers() | st.floats(-9, 9)
values = singles | st.lists(singles, max_size=3) | st.just(["v"] * (MAX_VALUES + 1))
infos = st.builds(FieldInfo, st.sampled_from(KINDS), indexed=st.booleans()) | st.builds(
    FieldInfo, st.just("list"), indexed=st.booleans(), item_kind=st.sampled_from((*KINDS, None))
)
schemas = st.builds(
    RecordSchema,
    st.dictionaries(st.sampled_from(NAMES), infos, max_size=5),
)
bodies = st.dictionaries(st.sampled_from((*NAMES, "other")), values, max_size=6)


def _expected(schema: RecordSchema, body: bytes, name: str) -> tuple[object, ...]:
    info, value = schema.fields[name], msgspec.json.decode(body).get(name)
    kind: Any = (info.item_kind or "any") if info.kind == "list" else info.kind
    members = value[:MAX_VALUES] if isinstance(value, list) else [value]
    keys = [filter_key(each, kind, whole=name in schema.sight) for each in members]
    return tuple(each for each in keys if each is not None)


@given(schemas, bodies, st.booleans())
def test_each_value_is_found_under_its_own_key(
    schema: RecordSchema, members: dict[str, Any], seen: bool
) -> None:
    """Whatever its field holds: what its kind allows, what it does not, many, or nothing."""
    if seen and "a" in schema.fields:
        schema = RecordSchema(schema.fields, sight=("a",))
    body = msgspec.json.encode(members)
    expected = {name: _expected(schema, body, name) for name in schema.known}
    found = schema.extract(body)
    assert found == expected
    assert repr(sorted(found.items())) == repr(sorted(expected.items())), "1, 1.0 and True differ"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", SINGLE, ids=[repr(each)[:30] for each in SINGLE])
def test_a_value_beside_others(kind: Kind, value: object) -> None:
    """One value that is not of its field's kind leaves those of its neighbours as they are."""
    schema = RecordSchema(
        {"first": FieldInfo("string", indexed=True), "each": FieldInfo(kind, indexed=True)}
    )
    body = msgspec.json.encode({"first": "here", "each": value, "last": 1})
    assert schema.extract(body) == {"first": ("here",), "each": _expected(schema, body, "each")}
