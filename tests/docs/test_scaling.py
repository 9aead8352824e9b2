"""The figures of the page on scaling, and the tests that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.test_docs import number, table_after, worked_out

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "scaling.md").read_text()
MEASURED = (ROOT / "benchmarks" / "README.md").read_text()
PROGRAM = ast.parse((ROOT / "benchmarks" / "__main__.py").read_text())
COMMANDS = re.findall(r"``(\w+)``", ast.get_docstring(PROGRAM) or "")
"""The names that the benchmarks take; what they import is not installed for tests."""
LIMITS = table_after(TEXT, "## Calculated limits")


@pytest.mark.parametrize("row", LIMITS, ids=range(len(LIMITS)))
def test_calculated_limits_follow_from_what_was_measured(row: list[str]) -> None:
    """The constants are those of the measured tables, and the arithmetic is right."""
    _, _, measured, example, calculated = row
    for constant in re.findall(r"= ([\d,.]*\d)", measured):
        assert constant in MEASURED, "measured anew?"
        assert constant in example
    assert int(worked_out(example) + 0.5) == number(calculated)


def test_measured_constants_are_those_of_the_benchmarks() -> None:
    """Each with a command that prints it."""
    rows = table_after(TEXT, "## Measured constants")
    assert len(rows) > 9
    for _, *cells, _ in rows:
        for cell in filter(None, cells):
            assert re.search(rf"(?<![\d,.]){cell}(?![\d,])", MEASURED), cell
    for name in re.findall(r"`python -m benchmarks (\w+)`", TEXT):
        assert name in COMMANDS


def test_what_happens_is_shown_by_tests_that_are_there() -> None:
    """Each row names one, or says that it is the same as above."""
    sources = "".join(path.read_text() for path in (ROOT / "tests").glob("*/test_*.py"))
    rows = table_after(TEXT, "## What happens when")
    assert len(rows) > 7
    for row in rows:
        names = re.findall(r"`(test_\w+)`", row[-1])
        assert names or row[-1] == "the same"
        for name in names:
            assert f"def {name}(" in sources or (ROOT / "tests/fire" / f"{name}.py").exists(), name
