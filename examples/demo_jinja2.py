"""Pages by Jinja2: a folder of templates, and a handler that renders one.

    brubeck run examples.demo_jinja2:app

    $ curl 'localhost:6767/brubeck?name=%3CPaul%3E'
    <!doctype html>
    <title>Brubeck</title>
    <h1>Take five, &lt;Paul&gt;!</h1>

The page is ``templates/jinja2/success.html``, and mistakes are shown by ``errors`` beside it.
"""

from __future__ import annotations

from pathlib import Path

from brubeck import Brubeck, Response
from brubeck.templating import Jinja2Rendering, load_jinja2_env


class DemoHandler(Jinja2Rendering):
    """Greets whoever asks, with a page."""

    def get(self) -> Response:
        """Render the template with a name, which it escapes."""
        return self.render_template("success.html", name=self.get_argument("name") or "dude")


app = Brubeck(
    handler_tuples=[(r"^/brubeck$", DemoHandler)],
    template_loader=load_jinja2_env(Path(__file__).with_name("templates") / "jinja2"),
)
