"""Header fields: any case, order kept, nothing smuggled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.http import Headers, Response
from brubeck.http.headers import list_values
from brubeck.http.response import response_head

tokens = st.text("abcXYZ019-_!#$%&'*+.^`|~", min_size=1, max_size=12)
values = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)


def test_names_have_no_case() -> None:
    """But keep the one that they were first given in."""
    headers = Headers({"Content-Type": "a"})
    headers["CONTENT-TYPE"] = "b"
    assert headers["content-type"] == "b"
    assert "cOnTeNt-TyPe" in headers
    assert list(headers) == ["CONTENT-TYPE"]
    del headers["content-type"]
    assert len(headers) == 0
    assert headers.get("content-type") is None


def test_values_add_up_until_they_are_replaced() -> None:
    """Read together, sent apart."""
    headers = Headers([("Set-Cookie", "a"), ("X", "1"), ("set-cookie", "b")])
    assert headers.get_all("set-cookie") == ["a", "b"]
    assert headers["Set-Cookie"] == "a, b"
    assert list(headers.pairs()) == [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("X", "1")]
    headers["Set-Cookie"] = "c"
    assert headers.get_all("set-cookie") == ["c"]
    assert "Set-Cookie" in repr(headers)


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\0b", "a\r\nX: y", "\u20ac"])
def test_a_value_cannot_be_two_fields(value: str) -> None:
    """CR, LF and NUL are refused when they are set."""
    headers = Headers()
    for change in (headers.__setitem__, headers.add):
        with pytest.raises(ValueError, match="may not hold"):
            change("X", value)
    with pytest.raises(ValueError, match="may not hold"):
        Headers({"X": value})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "é", "a\0"])
def test_a_name_is_a_token(name: str) -> None:
    """And nothing else."""
    with pytest.raises(ValueError, match="not a header name"):
        Headers({name: "x"})


@given(st.lists(st.tuples(tokens, values)))
def test_a_head_has_a_line_for_each_field_and_no_more(pairs: list[tuple[str, str]]) -> None:
    """Whatever names and values were taken."""
    head = response_head(Response(headers=Headers(pairs)), [("Content-Length", "0")])
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert lines[-2:] == [b"", b""]
    assert len(lines) == len(pairs) + 4


@given(st.lists(st.tuples(tokens, values)))
def test_what_was_received_reads_as_what_was_set(pairs: list[tuple[str, str]]) -> None:
    """Two ways to make headers, one result."""
    wire = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    assert list(Headers.from_wire(wire).pairs()) == list(Headers(pairs).pairs())


@given(st.text(max_size=60))
def test_any_list_is_read(value: str) -> None:
    """Members are never empty, and hold together what quotes hold together."""
    members = list_values(value)
    assert all(member == member.strip(" \t") and member for member in members)
    if '"' not in value:
        assert len(members) <= value.count(",") + 1


@pytest.mark.parametrize("reason", ["a\r\nX: y", "a\0", "caf\u00e9", "a\tb"])
def test_a_status_line_is_one_line(reason: str) -> None:
    """Its words are printable ASCII."""
    with pytest.raises(ValueError, match="reason phrase"):
        Response(reason=reason)
