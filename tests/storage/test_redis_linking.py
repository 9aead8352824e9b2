"""Each script for Redis stands behind the definitions that it uses, and behind no others."""

from __future__ import annotations

from brubeck.storage.redis.linking import definitions, link
from brubeck.storage.redis.scripts import SCRIPTS

LIBRARY = """-- A library.

local ONE, TWO = 1, 2 -- two

-- unused() is not called by it.
local function half(number)
  local other = number.unused
  return number / TWO
end

local function unused()
  return ONE
end

local function quarter(number)
  return half(half(number)) .. 'unused'
end
"""


def test_a_script_gets_what_it_uses_in_the_order_of_the_library() -> None:
    """Also what that uses in turn; a definition of several names comes once."""
    known = definitions(LIBRARY)
    assert list(known) == ["ONE", "TWO", "half", "unused", "quarter"]
    linked = link("return quarter(ONE)\n", known)
    assert linked == known["ONE"] + known["half"] + known["quarter"] + "return quarter(ONE)\n"


def test_comments_fields_and_texts_use_nothing() -> None:
    """A name in them is no call."""
    known = definitions("local one = 1\nlocal two = 2\n")
    for script in ("return 1 -- one\n", "return a.one\n", "return 'one'\n"):
        assert link(script, known) == script
    assert link("return 'a'..one\n", known) == known["one"] + "return 'a'..one\n"


def test_a_small_script_stays_small() -> None:
    """The head of a stream needs neither conditions nor a walk, and a page no conditions."""
    assert "function enter(" in SCRIPTS["head"].text
    assert "function less(" not in SCRIPTS["head"].text
    assert "function rank(" in SCRIPTS["page"].text
    assert "function read_conditions(" not in SCRIPTS["page"].text
    assert "function read_conditions(" in SCRIPTS["filtered_page"].text
