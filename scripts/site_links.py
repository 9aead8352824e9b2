"""Links of the documentation's site to files of the project that are no pages of it."""

from __future__ import annotations

import re
from typing import Any

FILES = "https://github.com/j2labs/brubeck/blob/master/"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the text of a page with links out of its folder as links to the repository."""
    return re.sub(r"\]\(\.\./([^)\s]+)\)", rf"]({FILES}\1)", markdown)
