"""The bytes of a whole timeline, and the JSON of any path, with both faces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brubeck.client import Problem


@pytest.mark.reads("Brubeck's client", "NDJSON", "CSV")
def test_an_export_is_the_whole_timeline(notes: Any) -> None:
    """As lines or as CSV, in order and by filters."""
    notes.create_many([{"id": f"n{number}", "kind": "ab"[number % 2]} for number in range(5)])
    lines = b"".join(notes.export(order="oldest")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"n{number}" for number in range(5)]
    assert b"".join(notes.export("text/csv", kind="b")).count(b"\r\n") == 3
    with pytest.raises(Problem, match="colour"):
        list(notes.export(colour="red"))


def test_the_json_of_any_path_is_fetched(notes: Any) -> None:
    """Below the stream's URL."""
    notes.create({"id": "a"})
    found = notes.fetch("/changes", [("after", "0")])
    assert found["data"][-1]["id"] == "a"
    with pytest.raises(Problem):
        notes.fetch("/nobody")
