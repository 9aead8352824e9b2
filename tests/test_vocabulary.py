"""The words of the project: the glossary's former names may not come back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

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


def test_no_former_name_comes_back() -> None:
    """As a module, a class, a function or a parameter."""
    found = []
    for path in MODULES:
        if FORMER_MODULES & set(path.relative_to(PACKAGE).with_suffix("").parts):
            found.append(f"{path}")
        found += [
            f"{path}:{node.lineno}: {node.name}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in FORMER_NAMES
        ]
    assert not found


def test_every_former_name_is_in_the_glossary() -> None:
    """So that someone who remembers one finds its successor."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    glossary = text.partition("## Glossary")[2].partition("\n## ")[0]
    words = set(re.findall(r"`([\w/.]+)`", glossary))
    missing = [name for name in sorted(FORMER_MODULES) if name not in words]
    assert not missing, missing
