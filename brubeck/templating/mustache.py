"""Mustache, by mstache: templates are read for each page, and compiled once for each text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import mstache

from brubeck.templating.names import NoSuchTemplate, file_of

EXTENSION = ".mustache"


class MustacheTemplate:
    """A template, and where it finds the partials that it names."""

    def __init__(self, text: str, templates: MustacheTemplates) -> None:
        self._text = text
        self._templates = templates

    def render(self, /, **context: Any) -> str:
        """Return the page."""
        partial, options = self._templates.partial, self._templates.options
        return mstache.render(self._text, context, **{"resolver": partial, **options})


class MustacheTemplates:
    """A folder of templates. A name without an extension means a ``.mustache`` file.

    The options are those of ``mstache.render``.
    """

    missing: ClassVar = NoSuchTemplate

    def __init__(self, folder: Path, **options: Any) -> None:
        self._folder = folder
        self.options = options

    def get_template(self, name: str) -> MustacheTemplate:
        """Return a template."""
        return MustacheTemplate(self._read(name), self)

    def partial(self, name: str | bytes) -> str:
        """Return the text of a partial; a missing one is empty, as the language requires."""
        try:
            return self._read(name.decode() if isinstance(name, bytes) else name)
        except (NoSuchTemplate, UnicodeDecodeError):
            return ""

    def _read(self, name: str) -> str:
        return file_of(self._folder, name if Path(name).suffix else name + EXTENSION).read_text()
