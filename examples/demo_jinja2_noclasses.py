"""Pages by Jinja2, from a function.

    brubeck run examples.demo_jinja2_noclasses:app

    $ curl 'localhost:6767/brubeck?name=%3CPaul%3E'
    <!doctype html>
    <title>Brubeck</title>
    <h1>Take five, &lt;Paul&gt;!</h1>

The ``base_handler`` answers where no function does, so that a 404 is a page as well.
"""

from __future__ import annotations

from pathlib import Path

from brubeck import Brubeck, Request, Response, render
from brubeck.templating import Jinja2Rendering, load_jinja2_env

app = Brubeck(
    template_loader=load_jinja2_env(Path(__file__).with_name("templates") / "jinja2"),
    base_handler=Jinja2Rendering,
)


@app.add_route("^/brubeck$")
def greet(application: Brubeck, message: Request) -> Response:
    """Greet whoever asks, with a page."""
    name = message.get_argument("name") or "dude"
    return render(application.render_template("success.html", name=name))
