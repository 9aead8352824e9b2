"""Bodies are bounded before they are decoded, and decoding costs in proportion to their size."""

from __future__ import annotations

import json
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import IntField, ListField, StringField
from brubeck.dictshield.limits import MOST_FAULTS, too_many
from brubeck.http import Problem, Request
from brubeck.http.forms import FormLimits, parse_urlencoded
from brubeck.http.request import MAX_JSON
from tests.soak import often

FORM = [(b"content-type", b"application/x-www-form-urlencoded")]


@pytest.mark.parametrize("stored", [False, True])
def test_a_form_past_the_limit_is_not_read(stored: bool) -> None:
    """In memory or in a file: 413, whatever is in it."""
    body = b"a=" + b"%" * FormLimits().urlencoded_size
    request = Request("POST", "/", FORM, BytesIO(body) if stored else body)
    with pytest.raises(Problem) as caught:
        request.form  # noqa: B018, it is read here
    assert caught.value.status == 413


@pytest.mark.parametrize("text", [b"%", b"%41", b"%zz", b"+", b"a%", b"%C3%A9", b"%%41"])
def test_a_form_costs_a_few_times_its_size(text: bytes) -> None:
    """Whatever is encoded in it."""
    body = b"a=" + text * (often(1 << 19, 1 << 20) // len(text))
    tracemalloc.start()
    try:
        parse_urlencoded(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(body)


@given(st.text(max_size=40), st.integers(0, 5))
def test_a_long_value_is_decoded_as_a_short_one(text: str, shift: int) -> None:
    """Wherever an escape lies between two slices."""
    from urllib.parse import quote

    piece = "x" * shift + quote(text, safe="") + "%c3%a9%F0%9D%84%9E%z"
    many = 1 + 40_000 // len(piece)
    ((_, one),) = parse_urlencoded(f"a={piece}")
    assert parse_urlencoded("a=" + piece * many) == [("a", one * many)]


@pytest.mark.parametrize("stored", [False, True])
def test_json_past_the_limit_is_not_decoded(stored: bool) -> None:
    """Unless the handler says that it takes more."""
    body = b"[" + b"0," * (MAX_JSON // 2) + b"0]"
    request = Request("POST", "/", (), BytesIO(body) if stored else body)
    with pytest.raises(Problem) as caught:
        request.json()
    assert caught.value.status == 413
    value = request.json(max_bytes=len(body))
    assert isinstance(value, list)
    assert Request("POST", "/", (), b"{}").json() == {}


class Numbers(Document):
    """A document with a list."""

    numbers = ListField(IntField())


def test_a_bad_document_names_a_bounded_number_of_errors() -> None:
    """However many there are."""
    with pytest.raises(ShieldException) as caught:
        Numbers.from_json(b'{"numbers":[' + b'"x",' * 100_000 + b'"x"]}')
    assert len(caught.value.errors) <= 1_001


def test_a_bad_document_is_read_no_further_than_its_errors_are_told() -> None:
    """Each error costs several times a good value; so a document has only so many."""
    read = []

    class Noted(StringField):
        def require_type(self, native: Any) -> None:
            read.append(native)
            super().require_type(native)

    class Tagged(Document):
        tags = ListField(Noted())

    for count in (MOST_FAULTS, 10 * MOST_FAULTS, 10_000):
        read.clear()
        with pytest.raises(ShieldException) as caught:
            Tagged.from_json(json.dumps({"tags": [1] * count}))
        errors = caught.value.errors
        told = min(count, MOST_FAULTS)
        assert [pointer for pointer, _ in errors[:told]] == [f"/tags/{at}" for at in range(told)]
        assert errors[told:] == ([("", too_many(MOST_FAULTS))] if count > told else [])
        assert len(read) <= MOST_FAULTS + 1
