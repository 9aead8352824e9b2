"""The pages are accessible, as far as a program can tell: axe-core finds no violation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.servers.programs import brubeck_run
from tests.soak import SOAK

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
@pytest.mark.parametrize(
    ("program", "paths"),
    [("tests.explorer.dressed:app", ("/quakes",)), ("tests.explorer.members:app", ("/", "/never"))],
)
def test_a_dress_of_a_program_has_no_violation(
    browser: Browser, program: str, paths: tuple[str, ...], scheme: Literal["light", "dark"]
) -> None:
    """Its accent, its logo, and the way to log in."""
    with (
        brubeck_run(program) as served,
        browser.new_context(color_scheme=scheme, bypass_csp=True) as context,
    ):
        page = context.new_page()
        for path in paths:
            page.goto(f"http://127.0.0.1:{served.port}{path}")
            page.add_script_tag(path=AXE)
            assert page.evaluate(RUN) == []


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (390, "dark"), *([(1280, "dark"), (390, "light")] if SOAK else [])],
)
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
