"""The sixteenth attack: jobs whose data are a mebibyte of the smallest values."""

from __future__ import annotations

from tests.attacks.measuring import measured


def test_a_job_of_many_small_values_lets_others_be_served() -> None:
    """It was decoded twice while the collector of garbage went through what it is made of."""
    holds = measured("held_by_sending")
    assert {name: hold for name, hold in holds.items() if hold > 0.2} == {}
