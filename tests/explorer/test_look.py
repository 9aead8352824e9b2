"""The look of pages: accents that can be read, logos, and templates of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, expect

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.explorer.colors import GROUNDS, accent_style, contrast
from brubeck.explorer.rendering import FILES
from brubeck.serving.running import check_declarations
from brubeck.streams import Explorer, StreamHandler
from brubeck.templating import load_jinja2_env, load_mustache_env
from brubeck.testing import Client
from tests.explorer.notes import BROWSER, EVIL, Note, Page
from tests.servers.browser import content_person
from tests.servers.programs import brubeck_run

MINE = """{% extends "brubeck/stream.html" %}
{% block title %}Mine{% endblock %}
{% block head %}<link rel="stylesheet" href="/static/mine.css">{% endblock %}
{% block footer %}<footer>{{ "five"|shout }}</footer>{% endblock %}
{% block row %}
<tr data-id="{{ row.id }}" data-at="1"><td>{{ row.item.text }}</td></tr>
{% endblock %}
"""


def page_of(explorer: Any, target: str = "/notes", **options: Any) -> Page:
    """Return a page of a stream with a look."""
    stream: type[StreamHandler] = type(
        "Notes", (StreamHandler,), {"model": Note, "path": "/notes", "explorer": explorer}
    )
    settings = options.pop("settings", {})
    app = Brubeck(streams=[stream], **options)
    app.configure(app=settings)
    client = Client(app, BROWSER)
    client.post("/notes", json={"id": "a", "text": EVIL}, headers={"Accept": "*/*"})
    return Page(client.get(target))


@given(st.integers(0, 0xFFFFFF))
def test_any_accent_can_be_read(color: int) -> None:
    """In both schemes, on all that it stands on."""
    light, dark = accent_style(f"#{color:06x}").split("@media")
    for scheme, style in (("light", light), ("dark", dark)):
        link, mark = (style.partition(f"--{name}:")[2][:7] for name in ("link", "mark"))
        for ground in (*GROUNDS[scheme], mark):
            assert contrast(link, ground) >= 4.5


def test_the_grounds_are_those_of_the_style() -> None:
    """Or the contrast would be that of other pages."""
    style = (FILES / "explorer.css").read_text()
    light, dark = style.partition("prefers-color-scheme")[::2]
    for text, (ground, card) in ((light, GROUNDS["light"]), (dark, GROUNDS["dark"])):
        short = ground.replace("#ffffff", "#fff")
        assert f"--ground: {short}" in text
        assert f"--card: {card}" in text


def test_an_accent_stays_where_it_can_be_read() -> None:
    """A short one, too."""
    assert accent_style("#8a1c5b").startswith(":root{--link:#8a1c5b;")
    assert accent_style("#00f").startswith(":root{--link:#0000ff;")


def test_a_stream_has_its_look_and_others_that_of_the_program() -> None:
    """On each of its pages; the policy lets the logo in."""
    settings = {"explorer_accent": "#00f", "explorer_logo": "/all.svg"}
    for target in ("/notes", "/notes/a", "/notes/never"):
        page = page_of(Explorer(accent="#8a1c5b", logo="/mine.svg"), target, settings=settings)
        assert "--link:#8a1c5b" in page.inside["style"]
        assert page.all("image")[0]["href"] == "/mine.svg"
        assert "img-src 'self'" in page.reply.headers["Content-Security-Policy"]
    for target in ("/", "/notes", "/never"):
        page = page_of(True, target, settings=settings)
        assert "--link:#0000ff" in page.inside["style"]
        assert page.all("image")[0]["href"] == "/all.svg"
    plain = page_of(True)
    assert not plain.all("image")
    assert "img-src" not in plain.reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accent": "red"}, "accent must be a colour such as #0b57b4, not 'red'"),
        ({"accent": "#12345"}, "accent must be a colour"),
        ({"accent": "#123456;}"}, "accent must be a colour"),
        ({"accent": 5}, "accent must be a colour"),
        ({"logo": "https://elsewhere.example/logo.svg"}, "logo must be a path of this site"),
        ({"logo": "//elsewhere.example/logo.svg"}, "logo must be a path of this site"),
        ({"logo": "/a b"}, "logo must be a path of this site"),
        ({"template": 5}, "template is a text"),
    ],
)
def test_a_look_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """When it is made."""
    with pytest.raises(ConfigError, match=message):
        Explorer(**options)


def test_a_setting_that_cannot_be_is_refused() -> None:
    """With its name."""
    with pytest.raises(ConfigError, match="explorer-accent must be a colour"):
        page_of(True, settings={"explorer_accent": "red"})


def templates(folder: Path, **files: str) -> Any:
    """Return a loader of templates, and a filter of the program's own."""
    for name, text in files.items():
        (folder / f"{name}.html").write_text(text)
    load = load_jinja2_env(folder, autoescape=False)

    def loaded() -> Any:
        environment = load()
        environment.filters["shout"] = str.upper
        return environment

    return loaded


def test_a_template_replaces_blocks(tmp_path: Path) -> None:
    """It has the program's filters, and escapes whatever the program's own pages do."""
    page = page_of(Explorer(template="mine.html"), template_loader=templates(tmp_path, mine=MINE))
    assert page.inside["title"] == "Mine"
    assert page.inside["footer"] == "FIVE"
    assert EVIL in page.inside["td"]
    assert page.all("th")
    policy = page.reply.headers["Content-Security-Policy"]
    assert "'; script-src 'sha256-" not in policy.partition("style-src")[0]
    assert " 'self'; script-src 'sha256-" in policy
    assert "font-src 'self'" in policy
    other = page_of(
        Explorer(template="mine.html"),
        "/notes/a",
        template_loader=templates(tmp_path, mine=MINE),
    )
    assert "font-src" not in other.reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_dress(browser: Browser, scheme: Literal["light", "dark"]) -> None:
    """The style and the logo are loaded, and nothing is refused; live updates go on."""
    with brubeck_run("tests.explorer.dressed:app") as program, content_person(browser) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto(f"http://127.0.0.1:{program.port}/quakes")
        footer = page.locator("footer")
        assert footer.evaluate("(at) => getComputedStyle(at).paddingTop") == "23px"
        link = page.locator("tbody a").first
        color = link.evaluate("(at) => getComputedStyle(at).color")
        assert color == ("rgb(193, 0, 138)" if scheme == "light" else "rgb(233, 76, 188)")
        page.get_by_role("button", name="Follow live").click()
        expect(page.locator("#said")).to_have_text("Live.")
        url = f"http://127.0.0.1:{program.port}/quakes"
        assert page.request.post(url, data={"id": "live", "place": "Here"}).status == 201
        expect(page.locator("tr[data-id=live]")).to_contain_text("Here")


@pytest.mark.parametrize("loader", ["none", "mustache", "missing"])
def test_a_template_that_cannot_be_found_is_refused(tmp_path: Path, loader: str) -> None:
    """When the program starts."""
    stream: type[StreamHandler] = type(
        "Notes", (StreamHandler,), {"model": Note, "explorer": Explorer(template="mine.html")}
    )
    loaders = {
        "none": None,
        "mustache": load_mustache_env(tmp_path),
        "missing": load_jinja2_env(tmp_path),
    }
    with pytest.raises(ConfigError, match="template"):
        check_declarations(Brubeck(streams=[stream], template_loader=loaders[loader]))
