"""The tables of proxies and of clients say what the tests show, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from tests.proxies import test_proxies
from tests.proxies.fronts import PROXIES

ROOT: Final = Path(__file__).parents[2]


def table(page: str, heading: str) -> list[dict[str, str]]:
    """Return the rows of the table below a heading, by the names of the columns."""
    text = (ROOT / "docs" / page).read_text()
    section = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)
    lines = [line for line in section[0].splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


TRANSPORTS: Final = table("deployment.md", "Tested transports")
HEADS: Final = [head for head in TRANSPORTS[0] if head not in ("transport", "test")]
CLIENTS: Final = table("pipelines.md", "Tested clients")


def marks(function: Any, name: str) -> Iterator[pytest.Mark]:
    """Yield the marks of a name that a test has."""
    yield from (mark for mark in getattr(function, "pytestmark", []) if mark.name == name)


def is_transport(function: Any) -> bool:
    """Return whether a test runs behind every proxy."""
    found = [mark.args for mark in marks(function, "parametrize")]
    return ("front", PROXIES) in found


def test_every_transport_has_a_row() -> None:
    """Each test that runs behind all of the proxies, and no other."""
    tests = {name for name, found in vars(test_proxies).items() if is_transport(found)}
    named = [row["test"].strip("`") for row in TRANSPORTS]
    assert sorted(named) == sorted(tests)


@pytest.mark.parametrize("row", TRANSPORTS, ids=lambda row: row["transport"])
def test_a_row_of_transports_says_what_its_test_expects(row: dict[str, str]) -> None:
    """Of every proxy."""
    name = row["test"].strip("`")
    cells = {
        proxy.lower(): cell for proxy, cell in row.items() if proxy not in ("transport", "test")
    }
    assert cells == {proxy: test_proxies.NOTES.get((name, proxy), "yes") for proxy in PROXIES}


def shown() -> set[tuple[str, str, str]]:
    """Return client, kind and test of every mark `reads` of the tests."""
    found = set()
    for path in sorted((ROOT / "tests").glob("*/test_*.py")):
        if "pytest.mark.reads(" not in path.read_text() or path == Path(__file__):
            continue
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name, function in vars(module).items():
            for mark in marks(function, "reads"):
                client, *kinds = mark.args
                test = f"{path.relative_to(ROOT)}::{name}"
                found |= {(client, kind, test) for kind in kinds}
    return found


def test_each_client_reads_what_its_tests_show() -> None:
    """The cells with a yes, and the tests of each row, are those of the marks."""
    said, named = set(), set()
    for row in CLIENTS:
        link = re.match(r"\[(.*?)\]", row["client"])
        client = link[1] if link else row["client"]
        cells = {kind: cell for kind, cell in row.items() if kind not in ("client", "tests")}
        assert set(cells.values()) <= {"yes", ""}
        said |= {(client, kind) for kind, cell in cells.items() if cell}
        named |= {(client, test) for test in re.findall(r"`(.*?)`", row["tests"])}
    marked = shown()
    assert said == {(client, kind) for client, kind, _ in marked}
    assert named == {(client, test) for client, _, test in marked}
