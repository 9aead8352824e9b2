"""The documentation of documents is true and whole."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from brubeck.dictshield import base, fields
from brubeck.dictshield.declaration import DocumentOptions
from brubeck.dictshield.document import TopLevelDocumentOptions
from brubeck.dictshield.field import FieldOptions

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["documents.md", "porting-from-dictshield.md"])
def test_every_example_does_what_it_says(page: str) -> None:
    """The snippets of a page run in order, with the results that stand there."""
    text = (DOCS / page).read_text(encoding="utf-8")
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    runner.run(parser.get_doctest(text, {}, page, page, 0), out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries > 2


@pytest.mark.parametrize("module", ["base", "datastructures", "document", "forms"])
def test_examples_in_docstrings_are_true(module: str) -> None:
    """What a docstring shows is what happens."""
    found = doctest.testmod(import_module(f"brubeck.dictshield.{module}"))
    assert found.attempted
    assert not found.failed


def test_every_field_option_and_error_is_described() -> None:
    """Nothing that a user can write or meet is missing from the page."""
    text = (DOCS / "documents.md").read_text(encoding="utf-8")
    names = {name for name in fields.__all__ if name[0].isupper()}
    names |= {*FieldOptions.__annotations__, *TopLevelDocumentOptions.known, *DocumentOptions.known}
    for name in fields.__all__:
        if name.endswith("Field"):
            names |= (
                set(vars(getattr(fields, name))["__init__"].__annotations__)
                - {
                    *("self", "options", "return"),
                }
                if "__init__" in vars(getattr(fields, name))
                else set()
            )
    names |= {name for name in base.__all__ if name.startswith("Shield")}
    assert sorted(name for name in names if f"`{name}" not in text) == []
