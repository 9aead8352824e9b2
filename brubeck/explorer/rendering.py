"""The dress of every page: templates, one style, one script, and the headers that go with them.

Rules:

- A client gets JSON unless its ``Accept`` header names HTML and prefers it to JSON.
- Everything is escaped, and nothing is loaded from elsewhere: the one style and the one script
  stand in the page and are named by their digests, so that a browser runs no other
  (https://www.w3.org/TR/CSP3/). Images, and the styles of a program's own template, are of this
  site, on the pages that have them.
- A page works without its script, but for live updates.

Jinja2 is imported when the first page is made.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from brubeck import green
from brubeck.errors import ConfigError
from brubeck.explorer.colors import accent_style
from brubeck.explorer.look import Look
from brubeck.handlers.program import Program
from brubeck.http import Headers
from brubeck.http.media import best_match
from brubeck.http.problems import MEDIA_TYPE as PROBLEM

MEDIA_TYPE: Final = "text/html"
CONTENT_TYPE: Final = f"{MEDIA_TYPE}; charset=utf-8"

FILES: Final = Path(__file__).with_name("html")
"""The folder of the templates, the style, the script and the images."""
_SPACE: Final = re.compile(r"\s*([{};,])\s*|(?<=[a-z]:) ")
"""The space in a style that a browser does not need."""
PREFIX: Final = "brubeck/"
"""The beginning of the names of the explorer's templates."""


def wants_page(accept: str | None) -> bool:
    """Return whether a problem is to be shown as a page.

    >>> wants_page('text/html,application/xml;q=0.9,*/*;q=0.8'), wants_page('*/*'), wants_page(None)
    (True, False, False)
    """
    return best_match(accept, (PROBLEM, "application/json", MEDIA_TYPE)) == MEDIA_TYPE


def headers_of(headers: Headers, look: Look) -> Headers:
    """Add to the headers of an answer those of a page.

    A browser keeps no page that was made for a caller: after the log-out nobody goes back to it.
    """
    headers["Content-Type"] = CONTENT_TYPE
    headers["Content-Security-Policy"] = _policy(look)
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    kept = headers.get("Cache-Control", "")
    if "no-store" not in kept and (look.personal or kept.startswith("private")):
        headers["Cache-Control"] = "private, no-store"
    return headers


def render(template: str, /, *, look: Look, **values: object) -> bytes:
    """Return a page: a template of the explorer, rendered with values."""
    found = _environment().get_template(f"{PREFIX}{template}")
    return _rendered(found, look, values)


def render_own(program: Program, template: str, /, *, look: Look, **values: object) -> bytes:
    """Return a page by a template of the program, which extends one of the explorer's."""
    return _rendered(own_template(program, template), look, values)


def own_template(program: Program, name: str) -> Any:
    """Return a template of the program, in an environment that has the explorer's, too.

    Raises `ConfigError` where the program has no such template.
    """
    from jinja2 import TemplateNotFound

    templates = program.template_env
    made = _extended.get(templates)
    if made is None:
        made = _extended[templates] = _extending(templates)
    try:
        return made.get_template(name)
    except TemplateNotFound as reason:
        raise ConfigError(f"There is no explorer template {str(reason)!r}.") from reason


_extended: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _extending(templates: Any) -> Any:
    """Return an environment of the explorer's templates and those of a program."""
    from jinja2 import ChoiceLoader, Environment

    if not isinstance(templates, Environment) or templates.loader is None:
        raise ConfigError(
            "An explorer's template is one of Jinja2: template_loader=load_jinja2_env('…')."
        )
    made = _made(ChoiceLoader([_own_loader(), templates.loader]), templates.extensions.values())
    for mine, theirs in (
        (made.filters, templates.filters),
        (made.tests, templates.tests),
        (made.globals, templates.globals),
    ):
        mine.update(theirs)
    return made


def _rendered(template: Any, look: Look, values: dict[str, object]) -> bytes:
    pieces = template.generate(**values, look=look, style=_style(look.accent), script=_script())
    text: str = "".join(green.fairly(pieces))  # a table may have tens of thousands of cells
    return text.encode()


@cache
def _environment() -> Any:
    return _made(_own_loader(), ())


def _own_loader() -> Any:
    from jinja2 import FileSystemLoader, PrefixLoader

    return PrefixLoader({PREFIX.rstrip("/"): FileSystemLoader(FILES)})


def _made(loader: Any, extensions: Iterable[Any]) -> Any:
    """Return an environment that escapes everything, whatever that of a program does."""
    from jinja2 import Environment, StrictUndefined

    return Environment(
        autoescape=True,
        extensions=[type(each) for each in extensions],
        loader=loader,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


@lru_cache(maxsize=256)
def _style(accent: str) -> Any:
    """Return the style, which is the project's own and so needs no escaping."""
    from markupsafe import Markup

    style = _SPACE.sub(r"\1", _compact("explorer.css"))
    return Markup(style + (accent_style(accent) if accent else ""))  # noqa: S704, ours and a colour


@cache
def _script() -> Any:
    """Return the script, which is the project's own and so needs no escaping."""
    from markupsafe import Markup

    return Markup(f"{_compact('reader.js')}\n{_compact('explorer.js')}")  # noqa: S704, our own


def _compact(name: str) -> str:
    """Return a file without its indentation and its lines of comments."""
    lines = map(str.strip, (FILES / name).read_text().splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@lru_cache(maxsize=256)
def _policy(look: Look) -> str:
    style, script = _digest(_style(look.accent)), _digest(_script())
    site = " 'self'" if look.files else ""
    images = "img-src 'self'; " if look.images else ""
    fonts = "font-src 'self'; " if look.files else ""
    return (
        f"default-src 'none'; style-src {style}{site}; script-src {script}; {images}{fonts}"
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
