"""The careful reading of JSON: its depth, its keys and its numbers, however long it is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.canonical import MAX_DEPTH, TOO_DEEP
from brubeck.dictshield.limits import Faults, add_shape_faults, parse, too_deep, without_decimals

TEXTS = st.text(st.sampled_from('[]{}"\\,:a\u2603'), max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    """Return how many objects and lists stand within one another."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.lists(TEXTS | st.none(), min_size=25, max_size=36), st.booleans())
def test_the_depth_of_json_is_seen_whatever_its_texts_hold(
    value: Any, names: list[str | None], escaped: bool
) -> None:
    """Its brackets are counted, and not those of its texts."""
    for name in names:
        value = [value, "["] if name is None else {"]": "}", name: value}
    raw = json.dumps(value, ensure_ascii=escaped).encode()
    found = [str(each).partition(" - ")[0] for each in too_deep(raw)]
    assert found == [TOO_DEEP] * (depth_of(value) > MAX_DEPTH)


@given(VALUES)
def test_what_is_parsed_carefully_is_what_was_sent(value: Any) -> None:
    """With its fractions as they were written."""
    text = json.dumps(value)
    assert without_decimals(parse(text)) == json.loads(text)
    faults = Faults()
    add_shape_faults(parse(text), faults)
    assert faults == []


@pytest.mark.parametrize("digits", [1, 18, 31, 32, 33, 400, 5000])
def test_a_number_of_any_length_is_read(digits: int) -> None:
    """A whole one of so many digits is no int, which would take quadratic time."""
    text = "7" * digits
    found = parse(f'[{text}, {text}.5, "{text}"]')
    assert found == [Decimal(text), Decimal(f"{text}.5"), text]
    assert isinstance(found[0], int) == (digits < 32)


@pytest.mark.parametrize("before", [0, 1, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("in_list", [True, False])
def test_each_key_that_is_given_twice_is_named(before: int, in_list: bool) -> None:
    """Wherever it stands among the members of a long list or object."""
    twice = '{"a": 1, "a": 2}'
    others = ["0"] * before if in_list else [f'"{number}": 0' for number in range(before)]
    members = [*others, twice] if in_list else [*others, f'"x": {twice}']
    text = f"[{', '.join(members)}]" if in_list else f"{{{', '.join(members)}}}"
    faults = Faults()
    add_shape_faults(parse(text), faults)
    assert [each.pointer for each in faults] == [f"/{before if in_list else 'x'}/a"]
