"""The fifteenth attack: names that hang."""

from __future__ import annotations

from tests.attacks.measuring import measured


def test_names_without_an_answer_hold_up_no_other() -> None:
    """On gevent the threads that wait for them were those of SQLite, and of all other names."""
    waits = measured("held_by_names")
    assert {name: wait for name, wait in waits.items() if wait > 3} == {}
