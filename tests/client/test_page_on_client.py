"""The page on the client does what it says, against the stream of the README."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from brubeck import client
from brubeck.client import ClientError, Page, Stream
from tests.servers.programs import ROOT, brubeck_run
from tests.test_docs import README, blocks

TEXT = (ROOT / "docs" / "client.md").read_text()


def test_the_page_on_the_client_does_what_it_says(tmp_path: Path) -> None:
    """In order, with the results that stand there."""
    snippet = next(block for block in blocks(README, "python") if "StreamHandler" in block)
    (tmp_path / "readme.py").write_text(snippet)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    failures: list[str] = []
    with brubeck_run("readme:app", cwd=tmp_path) as server:
        text = TEXT.replace(":6767", f":{server.port}")
        test = parser.get_doctest(text, {}, "client.md", None, 0)
        runner.run(test, out=failures.append, clear_globs=False)
        quakes: Stream = test.globs["quakes"]
        quakes.close()
    assert not failures, "".join(failures)
    assert runner.tries > 20


def test_every_name_is_on_the_page() -> None:
    """Each error, each argument, each parameter of a page."""
    table = re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE)
    for name in client.__all__:
        kind = getattr(client, name)
        if issubclass(kind, ClientError) and kind is not ClientError:
            assert name in table
    for name in ("auth", "headers", "timeout", "retries", "silence"):
        assert f"| `{name}` |" in TEXT
    for name in Page.__annotations__:
        if name not in ("changes", "total_exact"):
            assert f"page.{name}" in TEXT, name
