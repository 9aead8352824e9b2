"""The twelfth attack: tables of many fields, long imports, and nonces of a busy signer."""

from __future__ import annotations

from brubeck.auth.replay import SeenNonces
from tests.attacks.measuring import measured


def test_items_of_many_fields_let_others_be_served() -> None:
    """A page of HTML, a step of a CSV export and an import of bad lines took 0.2 s in one go."""
    holds = measured("held_by_columns")
    assert {name: hold for name, hold in holds.items() if hold > 0.15} == {}


def test_a_signer_of_many_requests_has_none_of_others_refused() -> None:
    """Forgotten nonces of one signer, ahead of the clock, had those of all others refused."""
    seen = SeenNonces(size=3)
    assert all(seen.first_use(f"a{number}", 1030.0 + number, "ann") for number in range(5))
    assert seen.first_use("b", 1000.0, "bob")
    assert not seen.first_use("b", 1000.0, "bob")
    assert not seen.first_use("a0", 1030.0, "ann")
