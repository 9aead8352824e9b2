"""The figures of the page on shared caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_docs import number, table_after, worked_out

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "caching.md").read_text()


@pytest.mark.parametrize("row", table_after(TEXT, "## A million followers, calculated"))
def test_a_calculated_figure_follows_from_its_calculation(row: list[str]) -> None:
    """At the CDN, at the program, and the share of the cache."""
    _, asked, all_requests, passed, at_program, share = row
    assert worked_out(asked) == number(all_requests)
    assert worked_out(passed) == number(at_program)
    cached = 100 * (1 - number(at_program) / number(all_requests))
    assert f"{cached:g} %" == share


def test_the_measured_figures_are_those_of_the_benchmarks() -> None:
    """Row by row, and no item is missed."""
    measured = (ROOT / "benchmarks" / "README.md").read_text()
    rows = table_after(TEXT, "## Varnish and nginx")
    assert len(rows) == 6
    assert rows == table_after(
        measured, "### 1,000 followers through a shared cache, 10 items written"
    )
    assert {row[5] for row in rows} == {"0"}
