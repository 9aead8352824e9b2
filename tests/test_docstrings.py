"""What docstrings show is what happens."""

from __future__ import annotations

import ast
import doctest
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.streams import StreamedDocument, StreamHandler

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "brubeck").rglob("*.py")
    if ">>>" in path.read_text()
)

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
RELATIVE = re.compile(r"\b(who|whoever|whose|whom|what|whatever)\b", re.IGNORECASE)
BARE_CLAUSE = re.compile(r"(Return|Yield|Tell) (what|who|whose|whether what)\b")
MOST_RELATIVE = 0.06


def first_lines() -> list[tuple[str, str]]:
    """Return the place and the first line of every docstring of the package."""
    return [
        (f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text.partition("\n")[0])
        for path in sorted((ROOT / "brubeck").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node))
    ]


def test_a_first_line_names_the_returned_value() -> None:
    """By its noun, "the stored record", and not by a relative clause, "what is stored"."""
    found = [f"{place}: {line}" for place, line in first_lines() if BARE_CLAUSE.search(line)]
    assert not found, "\n".join(found)


def test_few_first_lines_have_a_relative_clause() -> None:
    """Nouns of the field can be searched for; "who" and "what" cannot."""
    lines = first_lines()
    found = [f"{place}: {line}" for place, line in lines if RELATIVE.search(line)]
    share = len(found) / len(lines)
    assert share < MOST_RELATIVE, f"{share:.1%} of the first lines:\n" + "\n".join(found)


class Quake(StreamedDocument):
    """The model that examples speak of."""

    place = StringField()
    network = StringField()
    magnitude = FloatField()


class Quakes(StreamHandler):
    """The stream that examples ask."""

    model = Quake
    path = "/quakes"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    """In order, each module's by themselves."""
    module = import_module(name)
    given: dict[str, Any] = {
        "app": Brubeck(streams=[Quakes]),
        "Quake": Quake,
        "StreamHandler": StreamHandler,
    }
    failed, tried = doctest.testmod(module, extraglobs=given)
    assert tried
    assert not failed
