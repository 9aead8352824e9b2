"""The recipes for permissions."""

from __future__ import annotations

import doctest
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()


def test_the_recipes_do_what_they_say() -> None:
    """In order, with the results that stand there."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    failures: list[str] = []
    runner.run(parser.get_doctest(TEXT, {}, "permissions.md", None, 0), out=failures.append)
    assert not runner.failures, "".join(failures)
    assert runner.tries > 50
