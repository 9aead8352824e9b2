"""Jinja2: an environment that escapes, over one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, TemplateNotFound


class Jinja2Templates(Environment):
    """The environment, as Jinja2 has it; its loader refuses names that lead out of the folder."""

    missing: ClassVar = TemplateNotFound

    def __init__(self, folder: Path, *args: Any, **options: Any) -> None:
        options = {"autoescape": True, "loader": FileSystemLoader(folder), **options}
        super().__init__(*args, **options)
