"""The pages on upgrading and on concurrency are true."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
ROWS = re.findall(
    r"^\| `([\w.]+)` \| (same|the same|moved|gone)(?:: `([\w.]+)`)?",
    (DOCS / "upgrading-from-0.4.md").read_text(),
    re.MULTILINE,
)


def found(name: str) -> bool:
    """Tell whether a name can be imported."""
    module, _, last = name.rpartition(".")
    try:
        return hasattr(import_module(module), last)
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(("old", "what", "new"), ROWS, ids=[row[0] for row in ROWS])
def test_an_import_is_where_it_is_said_to_be(old: str, what: str, new: str) -> None:
    """Under its old name, under another, or nowhere."""
    if what == "the same":
        assert found(old)
    else:
        assert not found(old)
    if what == "moved":
        assert found(new)


def test_the_whole_table_was_read() -> None:
    """A row that the pattern does not know would go untested."""
    text = (DOCS / "upgrading-from-0.4.md").read_text()
    table = text.partition("## Imports")[2].partition("## ")[0]
    assert len(re.findall(r"^\| `", table, re.MULTILINE)) == len(ROWS)


def test_the_examples_on_concurrency_run() -> None:
    """In order, with the results that stand there."""
    page = DOCS / "concurrency.md"
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    runner.run(parser.get_doctest(page.read_text(), {}, page.name, None, 0), out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries > 5


def test_every_name_on_concurrency_is_there() -> None:
    """Those that are said to be the same in all engines."""
    from brubeck import green

    text = (DOCS / "concurrency.md").read_text()
    line = text.partition("`Event`, `Condition`")[2].partition("\n\n")[0]
    names = ["Event", "Condition", *re.findall(r"`(\w+)", line)]
    assert {"spawn", "offload", "Pool", "timeout"} <= set(names)
    assert [name for name in names if not hasattr(green, name)] == []
