"""Tornado's templates: a loader that starts again when one of its files has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from tornado.template import Loader, Template

from brubeck.templating.names import NoSuchTemplate, Stamp, file_of, stamp_of


class TornadoTemplate:
    """A template of Tornado's, rendered as those of other engines are."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def render(self, /, **context: Any) -> bytes:
        """Return the page."""
        return self._template.generate(**context)


class TornadoTemplates(Loader):
    """Tornado's loader; a template's object holds the templates that it extends and includes."""

    missing: ClassVar = NoSuchTemplate

    def __init__(self, folder: Path, *args: Any, **options: Any) -> None:
        super().__init__(str(folder), *args, **options)
        self._stamps: dict[Path, Stamp | None] = {}

    def get_template(self, name: str) -> TornadoTemplate:
        """Return a template, of the files as they are now."""
        with self.lock:
            if any(stamp_of(path) != stamp for path, stamp in self._stamps.items()):
                self.reset()
            return TornadoTemplate(self.load(name))

    def reset(self) -> None:
        """Forget the templates, and the stamps of their files."""
        with self.lock:
            self._stamps = {}
            super().reset()

    def _create_template(self, name: str) -> Template:
        path = file_of(Path(self.root), name)
        self._stamps[path] = stamp_of(path)
        return Template(path.read_bytes(), name=name, loader=self)
