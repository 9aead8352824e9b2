"""The dress of every page: templates, one style, one script, and the headers that go with them.

Rules:

- A client gets JSON unless its ``Accept`` header names HTML and prefers it to JSON.
- Everything is escaped, and nothing is loaded from elsewhere: the one style and the one script
  stand in the page and are named by their digests, so that a browser runs no other
  (https://www.w3.org/TR/CSP3/).
- A page works without its script, but for live updates.

Jinja2 is imported when the first page is made.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from brubeck.http import Headers
from brubeck.http.media import best_match
from brubeck.http.problems import MEDIA_TYPE as PROBLEM

MEDIA_TYPE: Final = "text/html"
CONTENT_TYPE: Final = f"{MEDIA_TYPE}; charset=utf-8"

_IMAGES: Final = "img-src 'self'; "
FILES: Final = Path(__file__).with_name("html")
"""The folder of the templates, the style, the script and the images."""


def wants_page(accept: str | None) -> bool:
    """Return whether a problem is to be shown as a page.

    >>> wants_page('text/html,application/xml;q=0.9,*/*;q=0.8'), wants_page('*/*'), wants_page(None)
    (True, False, False)
    """
    return best_match(accept, (PROBLEM, "application/json", MEDIA_TYPE)) == MEDIA_TYPE


def headers_of(headers: Headers, *, images: bool = False) -> Headers:
    """Add to the headers of an answer those of a page, which may have images of this site."""
    headers["Content-Type"] = CONTENT_TYPE
    headers["Content-Security-Policy"] = _policy(images)
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    return headers


def render(template: str, **values: object) -> bytes:
    """Return a page: a template of the explorer, rendered with values."""
    text: str = _environment().get_template(template).render(values)
    return text.encode()


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(FILES),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(_inline())
    return environment


@cache
def _inline() -> dict[str, Any]:
    """Return the style and the script, which are the project's own and so need no escaping."""
    from markupsafe import Markup

    return {
        "style": Markup(_compact("explorer.css")),  # noqa: S704
        "script": Markup(_compact("explorer.js")),  # noqa: S704
    }


def _compact(name: str) -> str:
    """Return a file without its indentation and its lines of comments."""
    lines = map(str.strip, (FILES / name).read_text().splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def _policy(images: bool) -> str:
    style, script = (_digest(text) for text in _inline().values())
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; "
        f"{_IMAGES if images else ''}"
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
