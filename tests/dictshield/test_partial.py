"""Dictionaries checked against a class, whole or in part."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck.dictshield.base import ShieldException
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import IntField, StringField


class User(Document):
    """Somebody who may change some of this."""

    _private_fields = ["rank"]
    name = StringField(required=True, max_length=10)
    age = IntField(min_value=0, validation=lambda value: value != 13)
    rank = IntField(default=0)


def test_rogue_keys_are_removed_from_the_dictionary() -> None:
    """What no field knows is gone afterwards, from the very dictionary that was given."""
    values = {"name": "Ida", "rogue": 1, "age": "5"}
    assert User.validate_class_fields(values) is True
    assert values == {"name": "Ida", "age": "5"}


@pytest.mark.parametrize("key", ["_id", "id", "rank"])
def test_internal_fields_are_not_the_users_to_set(key: str) -> None:
    """An id or a private field in the input is refused, unless it says the default."""
    with pytest.raises(ShieldException, match="Overwrite of internal fields attempted"):
        User.validate_class_partial({key: 7})
    assert User.validate_class_partial({"rank": 0}) is True


def test_no_value_is_not_a_bad_value() -> None:
    """None and blank text are skipped, but do not satisfy what is required."""
    assert User.validate_class_partial({"age": None, "name": "  "}) is True
    for values in ({}, {"name": None}, {"name": ""}, {"name": " "}):
        with pytest.raises(ShieldException, match="required"):
            User.validate_class_fields(values)


def test_all_faults_can_be_had_as_a_list() -> None:
    """With ``validate_all`` nothing is raised: the faults are returned, none for good input."""
    bad: dict[str, Any] = {"name": "x" * 11, "age": "old", "rank": 5}
    faults = User.validate_class_fields(bad, validate_all=True)
    assert [fault.field_name for fault in faults] == ["name", "age", "rank"]
    assert User.validate_class_fields({"name": "Ida"}, validate_all=True) == []
    assert [f.field_name for f in User.validate_class_partial({"age": 13}, True)] == ["age"]
