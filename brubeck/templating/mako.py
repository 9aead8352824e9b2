"""Mako: a look-up that escapes, and knows a changed file by more than the second of its change."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mako.lookup import TemplateLookup

from brubeck.templating.names import NoSuchTemplate, Stamp, file_of, stamp_of


class MakoTemplates(TemplateLookup):  # type: ignore[misc]  # Mako has no types
    """The look-up, as Mako has it."""

    missing: ClassVar = NoSuchTemplate

    def __init__(self, folder: Path, *args: Any, **options: Any) -> None:
        options = {"default_filters": ["h"], "filesystem_checks": False, **options}
        super().__init__([str(folder)], *args, **options)
        self._folder = folder
        self._stamps: dict[str, Stamp | None] = {}

    def get_template(self, uri: str) -> Any:
        """Return a template, also for those that inherit or include it."""
        stamp = stamp_of(file_of(self._folder, uri.lstrip("/")))
        if self._stamps.get(uri) != stamp:
            self._collection.pop(uri, None)
            self._stamps[uri] = stamp
        return super().get_template(uri)
