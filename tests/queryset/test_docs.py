"""The page on querysets is true."""

from __future__ import annotations

import doctest
from pathlib import Path

from brubeck.queryset import AbstractQueryset

PAGE = Path(__file__).parents[2] / "docs" / "queryset.md"


def test_every_example_does_what_it_says() -> None:
    """In order, with the results that stand there."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    runner.run(parser.get_doctest(PAGE.read_text(), {}, PAGE.name, None, 0), out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries > 9


def test_every_status_is_named() -> None:
    """With its word."""
    text = PAGE.read_text()
    for name, word in vars(AbstractQueryset).items():
        if name.startswith("MSG_"):
            assert f"`{name}`" in text.replace("`queryset.MSG_OK`", "`MSG_OK`")
            assert f"`{word}`" in text
