"""Templates: a folder of them, in one of four engines, and handlers that answer with pages.

All engines are held to the same rules:

- What a template shows is escaped for HTML, unless the template says otherwise.
- A name is looked up below the folder; no name leads out of it.
- A template that has changed is read again with the next request.

An engine is imported when its first template is asked for. Jinja2 comes with Brubeck; the others
are extras, and their absence says what to install.
"""

from __future__ import annotations

from brubeck.templating.loading import (
    load_jinja2_env,
    load_mako_env,
    load_mustache_env,
    load_tornado_env,
)
from brubeck.templating.names import NoSuchTemplate
from brubeck.templating.rendering import (
    Jinja2Rendering,
    MakoRendering,
    MustacheRendering,
    TornadoRendering,
    rendered,
)

__all__ = [
    "Jinja2Rendering",
    "MakoRendering",
    "MustacheRendering",
    "NoSuchTemplate",
    "TornadoRendering",
    "load_jinja2_env",
    "load_mako_env",
    "load_mustache_env",
    "load_tornado_env",
    "rendered",
]
