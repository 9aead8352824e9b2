"""Items whose formatting or checking held up all other clients for a second."""

from __future__ import annotations

import json

import pytest

from brubeck.streams.atom import escape
from brubeck.streams.csv_rows import rows
from tests.attacks.measuring import measured


@pytest.fixture(scope="module")
def holds() -> dict[str, dict[str, float]]:
    """Return the longest holds, as a program on green threads has measured them."""
    found: dict[str, dict[str, float]] = measured("held", seconds=300)
    return found


def test_no_item_of_a_mebibyte_holds_up_others(holds: dict[str, dict[str, float]]) -> None:
    """However it is read or written: Atom took a second for an item of signs to be escaped."""
    long = {
        f"{kind}, {way}": hold
        for kind, ways in holds.items()
        for way, hold in ways.items()
        if hold > 0.25
    }
    assert long == {}
    assert len(holds) > 8


@pytest.mark.parametrize(
    "sign", ["&", "<", "\r", "\x01", "\ud800", "é", "\U0001f600", "\ufffe", "x"]
)
def test_a_long_text_is_escaped_like_a_short_one(sign: str) -> None:
    """It is escaped in slices."""
    assert escape(sign * 100_000) == escape(sign) * 100_000


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", '""'),
        ("x", "x"),
        (" x", '" x"'),
        ("x\u2003", '"x\u2003"'),
        ("x\x1f", '"x\x1f"'),
        ("a,b", '"a,b"'),
        ("a;b", '"a;b"'),
        ('a"b', '"a""b"'),
        ("a\tb", '"a\tb"'),
        ("a\nb", '"a\nb"'),
        ("a b", "a b"),
    ],
)
def test_a_cell_is_quoted_where_it_has_to_be(text: str, cell: str) -> None:
    """As it was by an expression that looked at each character."""
    body = json.dumps({"text": text}).encode()
    assert rows([body], ["text"]).decode() == f"{cell}\r\n"
