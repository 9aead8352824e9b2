"""A dictionary with several values for a key."""

from __future__ import annotations

import copy
import pickle

import pytest

from brubeck.dictshield.datastructures import MultiValueDict, MultiValueDictKeyError


def _names() -> MultiValueDict:
    return MultiValueDict({"name": ["Adrian", "Simon"], "none": []})


def test_the_last_value_is_shown() -> None:
    """Reading a key gives its last value; reading all of it gives the list."""
    names = _names()
    assert names["name"] == "Simon"
    assert names["none"] == []
    assert names.get("none", "x") == "x"
    assert names.get("nobody", "x") == "x"
    assert names.getlist("name") == ["Adrian", "Simon"]
    assert names.getlist("nobody", ["x"]) == ["x"]
    assert names.items() == [("name", "Simon"), ("none", [])]
    assert list(names.iteritems()) == names.items()
    assert names.values() == list(names.itervalues()) == ["Simon", []]
    assert names.dict() == {"name": "Simon", "none": []}
    assert "Adrian" in repr(names)
    with pytest.raises(MultiValueDictKeyError, match="nobody"):
        _ = names["nobody"]


def test_values_are_set_and_added() -> None:
    """Setting a key replaces its list, appending and updating make it longer."""
    names = _names()
    names["name"] = "Ida"
    names.appendlist("name", "Bo")
    names.setlist("other", ["a"])
    assert names.setdefault("other", "b") == "a"
    assert names.setdefault("new", "b") == "b"
    assert names.setlistdefault("newer", ["c"]) == ["c"]
    names.update({"other": "d"}, third="e")
    names.update(MultiValueDict({"other": ["f"]}))
    assert dict(names.iterlists()) == {
        "name": ["Ida", "Bo"],
        "none": [],
        "other": ["a", "d", "f"],
        "new": ["b"],
        "newer": ["c"],
        "third": ["e"],
    }
    with pytest.raises(TypeError):
        names.update({}, {})
    with pytest.raises(ValueError, match="dictionary"):
        names.update(5)


def test_copies_have_lists_of_their_own() -> None:
    """A copy equals the original and does not change with it."""
    names = _names()
    twins = [names.copy(), copy.deepcopy(names), pickle.loads(pickle.dumps(names))]
    twins.append(MultiValueDict(names))
    assert all(type(twin) is MultiValueDict and twin == names for twin in twins)
    for twin in twins[:3]:
        twin.appendlist("name", "Ida")
    assert names.getlist("name") == ["Adrian", "Simon"]
