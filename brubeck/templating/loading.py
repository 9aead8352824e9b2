"""The loaders that an application is given: ``template_loader=load_jinja2_env('./templates')``.

Each returns a function that makes the engine's environment, so that nothing is imported and no
folder looked at before the first page.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from brubeck.errors import ConfigError

Folder = str | Path


class Template(Protocol):
    """The interface of a template."""

    def render(self, /, **context: Any) -> str | bytes:
        """Return the page."""


class Templates(Protocol):
    """The interface of a template engine's environment, also of a custom one."""

    def get_template(self, name: str) -> Template:
        """Return the template of a name."""


Loader = Callable[[], Any]


def load_jinja2_env(template_dir: Folder, *args: Any, **options: Any) -> Loader:
    """Return a loader of Jinja2 templates; the rest is for ``jinja2.Environment``."""
    return _loader("Jinja2", "jinja", template_dir, *args, **options)


def load_tornado_env(template_dir: Folder, *args: Any, **options: Any) -> Loader:
    """Return a loader of Tornado templates; the rest is for ``tornado.template.Loader``."""
    return _loader("Tornado", "tornado", template_dir, *args, **options)


def load_mako_env(template_dir: Folder, *args: Any, **options: Any) -> Loader:
    """Return a loader of Mako templates; the rest is for ``mako.lookup.TemplateLookup``."""
    return _loader("Mako", "mako", template_dir, *args, **options)


def load_mustache_env(template_dir: Folder, **options: Any) -> Loader:
    """Return a loader of Mustache templates; the rest is for ``mstache.render``."""
    return _loader("Mustache", "mustache", template_dir, **options)


def _loader(engine: str, module: str, template_dir: Folder, *args: Any, **options: Any) -> Loader:
    def load() -> Any:
        try:
            made = import_module(f"brubeck.templating.{module}")
        except ModuleNotFoundError as reason:
            package = "jinja2" if engine == "Jinja2" else f"'brubeck[{module}]'"
            raise ConfigError(
                f"{engine} templates need a library: pip install {package}"
            ) from reason
        folder = Path(template_dir or ".").absolute()
        if not folder.is_dir():
            raise ConfigError(f"There is no folder of templates at {folder}.")
        return getattr(made, f"{engine}Templates")(folder, *args, **options)

    return load
