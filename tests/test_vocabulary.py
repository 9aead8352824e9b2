"""The words of the project: the glossary's former names may not come back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "brubeck"
FORMER_MODULES = frozenset(
    (
        *("errands", "carrying", "shelf", "places", "sight", "past", "news", "settling"),
        *("neighbours", "together", "sharing", "plans", "attempts", "shapes", "renderings"),
        *("connecting", "tables", "browsing", "recent", "returning", "same_site"),
    )
)
"""The former names of modules; `CONTRIBUTING.md` has the present ones."""
FORMER_NAMES = frozenset(
    (
        *("Errand", "Saving", "carry_out", "Shelf", "Sight", "Past", "News", "Settler"),
        *("Door", "Neighbours", "Together", "Share", "Seat", "Broadcast"),
        *("Attempts", "Begun", "strangers", "stretch", "LostPlace", "Place"),
    )
)
"""The former names of classes and functions."""

MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_former_name_comes_back(path: Path) -> None:
    """As a module, a class, a function or a parameter."""
    assert not FORMER_MODULES & set(path.relative_to(PACKAGE).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            assert node.name not in FORMER_NAMES, f"{path}:{node.lineno}: {node.name}"


def test_every_former_name_is_in_the_glossary() -> None:
    """So that someone who remembers one finds its successor."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    glossary = text.partition("## Glossary")[2].partition("\n## ")[0]
    words = set(re.findall(r"`([\w/.]+)`", glossary))
    missing = [name for name in sorted(FORMER_MODULES) if name not in words]
    assert not missing, missing
