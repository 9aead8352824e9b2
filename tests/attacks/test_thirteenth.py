"""The thirteenth attack: the embedded server with as many connections as it may have."""

from __future__ import annotations

from tests.attacks.measuring import measured


def test_many_connections_let_others_be_served() -> None:
    """They were accepted and ended all at once, and looked through for each client that came."""
    found = measured("held_by_connections")
    assert found["accept"] < 0.03
    assert found["expire"] < 0.03
    assert found["newcomer"] < 100
