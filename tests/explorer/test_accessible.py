"""The pages are accessible, as far as a program can tell: axe-core finds no violation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

AXE = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
PATHS = ("/", "/quakes", "/quakes?network=ci&limit=2", "/quakes/ci37868143", "/quakes/never")
RUN = """async () => (await axe.run(document)).violations.map((found) =>
    found.id + ": " + found.nodes.map((node) => node.html).join(" | ").slice(0, 500))"""


@pytest.fixture(scope="module", autouse=True)
def axe() -> None:
    """Skip, or fail in CI, where axe-core is missing."""
    if not AXE.is_file():
        message = "needs: npm install --prefix tests/clients --no-package-lock"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_violation(
    week: int, browser: Browser, path: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """In either scheme, on a desktop and a phone, with each menu open."""
    with browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    ) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{week}{path}")
        page.add_script_tag(path=AXE)
        assert page.evaluate(RUN) == []
        for menu in page.locator("summary").all():
            menu.click()
            assert page.evaluate(RUN) == []
