"""A genuine Chromium for tests: a browser as people have it, but without a window.

Its driver waits in ways of its own, which a patched process would not have; so it runs in the test
process, and the program that it visits in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers import require


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a browser for the time of the context; skip, or fail in CI, where it is missing.

    It is not for a whole session of tests: while it runs, its event loop is the thread's.
    """
    program = require("chromium", "chromium")
    with sync_playwright() as driver:
        # Without its sandbox it also runs as root; it visits nobody but us.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def person(browser: Browser, *, seconds: float = 20) -> Iterator[Page]:
    """Open a page of somebody who was never here before, and waits for anything so long."""
    with browser.new_context() as context:
        context.set_default_timeout(seconds * 1000)
        yield context.new_page()


@contextmanager
def content_person(browser: Browser, *, but: str = "\0") -> Iterator[Page]:
    """Open a page that complains of nothing: neither of a script, nor of its policy.

    Complaints with the text ``but`` are expected.
    """
    complaints: list[str] = []
    with person(browser) as found:
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on("console", lambda message: complaints.append(message.text))
        yield found
        assert [each for each in complaints if but not in each] == []
