"""The fourteenth attack: followers that are interrupted, and sweeps of many items."""

from __future__ import annotations

import pytest

from tests.attacks.measuring import measured


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_an_interrupted_follower_changes_nothing_for_others(engine: str) -> None:
    """One that was interrupted while another read for it got a ``ValueError`` for its timeout."""
    assert measured("interrupted_followers", engine) == []


def test_a_sweep_of_many_items_lets_others_be_served() -> None:
    """A sweep took 0.2 s in one go, also of many partitions, and looked at kept items again."""
    holds = measured("held_by_sweeps")
    assert holds.pop("what is purged") < 0.002
    assert {name: hold for name, hold in holds.items() if hold > 0.06} == {}
