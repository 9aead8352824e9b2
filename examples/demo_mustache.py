"""Pages by Mustache: a folder of templates, and a handler that renders one.

    pip install 'brubeck[mustache]'
    brubeck run examples.demo_mustache:app

    $ curl 'localhost:6767/brubeck?name=%3CPaul%3E'
    <!doctype html>
    <title>Brubeck</title>
    <h1>Take five, &lt;Paul&gt;!</h1>

The page is ``templates/mustache/success.mustache``, and mistakes are shown by ``errors`` beside it.
"""

from __future__ import annotations

from pathlib import Path

from brubeck import Brubeck, Response
from brubeck.templating import MustacheRendering, load_mustache_env


class DemoHandler(MustacheRendering):
    """Greets whoever asks, with a page."""

    def get(self) -> Response:
        """Render the template with a name, which it escapes."""
        return self.render_template("success", name=self.get_argument("name") or "dude")


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_mustache_env(Path(__file__).with_name("templates") / "mustache"),
)
