"""Pages by Tornado's templates: a folder of templates, and a handler that renders one.

    pip install 'brubeck[tornado]'
    brubeck run examples.demo_tornado:app

    $ curl 'localhost:6767/brubeck?name=%3CPaul%3E'
    <!doctype html>
    <title>Brubeck</title>
    <h1>Take five, &lt;Paul&gt;!</h1>

The page is ``templates/tornado/success.html``, and mistakes are shown by ``errors`` beside it.
"""

from __future__ import annotations

from pathlib import Path

from brubeck import Brubeck, Response
from brubeck.templating import TornadoRendering, load_tornado_env


class DemoHandler(TornadoRendering):
    """Greets whoever asks, with a page."""

    def get(self) -> Response:
        """Render the template with a name, which it escapes."""
        return self.render_template("success.html", name=self.get_argument("name") or "dude")


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_tornado_env(Path(__file__).with_name("templates") / "tornado"),
)
