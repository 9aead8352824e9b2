"""The page on webhooks."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

from brubeck.webhooks import Webhooks

TEXT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


def test_the_page_on_webhooks_does_what_it_says() -> None:
    """In order, with the results that stand there; and every declaration is in its table."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    failures: list[str] = []
    names: dict[str, Any] = {}
    try:
        page = parser.get_doctest(TEXT, names, "webhooks.md", None, 0)
        runner.run(page, out=failures.append, clear_globs=False)
        assert not runner.failures, "".join(failures)
        assert runner.tries > 25
        page.globs["server"].shutdown()
    finally:
        if "server" in page.globs:
            page.globs["server"].server_close()
        page.globs["app"].close()
    for name in Webhooks.__annotations__:
        if name != "deliveries" and not name.startswith("_"):
            assert f"| `{name}` |" in TEXT
