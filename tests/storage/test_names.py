"""No two streams, and no two viewers, share a collection or a key, whatever they are called."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files

from hypothesis import example, given
from hypothesis import strategies as st

from brubeck.storage.mongo.settling import HORIZONS, STREAMS, items_name, tombstones_name
from brubeck.storage.mongo.storage import ATTEMPTS, HITS
from tests.servers.redis import RedisServer

_parts = st.sampled_from(
    ("a", ".", "tombstones", "brubeck", "items", "streams", "system", "/", "#")
)
_names = st.lists(_parts, min_size=1, max_size=6).map("".join)
LONG = "x" * 65


@given(_names, _names)
@example("ella", "ella.tombstones")
@example("a", "brubeck.tombstones.a")
@example("brubeck.items.a", "brubeck.a")
def test_no_two_collections_of_a_mongodb_share_a_name(one: str, other: str) -> None:
    """Items, tombstones, and what belongs to all streams."""
    names = {make(each) for each in {one, other} for make in (items_name, tombstones_name)}
    assert len(names) == 2 * len({one, other})
    assert not names & {STREAMS, HITS, ATTEMPTS, HORIZONS}


@given(st.text(max_size=70), st.text(max_size=70))
@example(LONG, f"#{sha1(LONG.encode()).hexdigest()}")
def test_no_two_names_are_one_part_of_a_key(redis_server: RedisServer, a: str, b: str) -> None:
    """A long name is its digest, and no other name is written as one."""
    shared = (files("brubeck.storage.redis") / "lua" / "stream.lua").read_text()
    script = f"{shared}\nreturn short(ARGV[1]) == short(ARGV[2]) and 1 or 0"
    told = [each.encode(errors="replace") for each in (a, b)]
    with redis_server.client() as client:
        assert bool(client.eval(script, 1, "key", *told)) == (told[0] == told[1])
