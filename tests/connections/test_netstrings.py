"""Netstrings and tagged netstrings: whole, in pieces, and broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.connections.mongrel2.netstrings import (
    MAX_DEPTH,
    Value,
    decode_netstring,
    decode_tnetstring,
    encode_netstring,
    encode_tnetstring,
)
from brubeck.errors import ProtocolError

scalars = (
    st.binary(max_size=20) | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.binary(max_size=8), inner),
    max_leaves=20,
)


@given(content=st.binary(), before=st.binary(), after=st.binary())
def test_a_netstring_comes_back(content: bytes, before: bytes, after: bytes) -> None:
    """Its content and the place after it are found, whatever stands around it."""
    data = before + encode_netstring(content) + after
    end = len(data) - len(after)
    assert decode_netstring(data, len(before)) == (content, end)


@given(value=values, before=st.binary(), after=st.binary())
def test_a_tagged_netstring_comes_back(value: Value, before: bytes, after: bytes) -> None:
    """The value is the same, with the same types, and so is the place after it."""
    data = before + encode_tnetstring(value) + after
    decoded, end = decode_tnetstring(data, len(before))
    assert repr(decoded) == repr(value)
    assert end == len(data) - len(after)


@given(value=values)
def test_no_beginning_of_a_tagged_netstring_is_taken_for_the_whole(value: Value) -> None:
    """Cut anywhere, it is an error."""
    data = encode_tnetstring(value)
    for end in range(len(data)):
        with pytest.raises(ProtocolError):
            decode_tnetstring(data[:end])


@given(data=st.binary() | st.text("0123456789:,#^!~]}truefals").map(str.encode))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Whatever comes is a value or a `ProtocolError`."""
    for decode in (decode_netstring, decode_tnetstring):
        try:
            _, end = decode(data)
        except ProtocolError:
            continue
        assert end <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b":,",
        b"-1:,",
        b"+1:a,",
        b" 1:a,",
        b"1 :a,",
        b"1a,",
        b"2:a,",
        b"1:a",
        b"1:a;",
        b"0000000001:a,",
        b"99999999999999999999:a,",
    ],
)
def test_a_broken_netstring_is_an_error(data: bytes) -> None:
    """Lengths are plain digits, and the end is where they say."""
    with pytest.raises(ProtocolError):
        decode_netstring(data)


@pytest.mark.parametrize(
    "data",
    [
        b"1:a!",
        b"4:True!",
        b"1: ~",
        b"0:#",
        b"2:1_#",
        b"1:x^",
        b"0:^",
        b"4:1:a,}",
        b"8:1:1#1:a,}",
        b"5:1:a,x]",
        b"1:a?",
        b"4001:" + b"9" * 4001 + b"#",
    ],
)
def test_a_broken_tagged_netstring_is_an_error(data: bytes) -> None:
    """A content that is not of its tag's type is refused."""
    with pytest.raises(ProtocolError):
        decode_tnetstring(data)


def test_nesting_has_an_end() -> None:
    """As deep as allowed is read; one deeper is refused before the stack is at risk."""
    data = b"0:]"
    for _ in range(MAX_DEPTH - 1):
        data = b"%d:%b]" % (len(data), data)
    decode_tnetstring(data)
    with pytest.raises(ProtocolError, match="deep"):
        decode_tnetstring(b"%d:%b]" % (len(data), data))


def test_a_value_without_a_tag_is_a_type_error() -> None:
    """What tagged netstrings cannot say is the caller's mistake."""
    with pytest.raises(TypeError):
        encode_tnetstring("text")  # type: ignore[arg-type]


def test_the_known_forms() -> None:
    """The bytes are those that the format's own page shows."""
    assert decode_tnetstring(b"0:}")[0] == {}
    assert decode_tnetstring(b"23:5:hello,5:12345#4:true!]")[0] == [b"hello", 12345, True]
    assert encode_tnetstring({b"hello": [12345678901, b"this"]}) == (
        b"34:5:hello,22:11:12345678901#4:this,]}"
    )
