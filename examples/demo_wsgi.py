"""The same program under any WSGI server, which is given ``app.wsgi``.

    gunicorn -b localhost:6767 examples.demo_wsgi:wsgi

    $ curl 'localhost:6767/brubeck?name=Paul'
    Take five, Paul!

Nothing in it knows of the server, so ``brubeck run`` serves it just as well:

    brubeck run examples.demo_wsgi:app
"""

from __future__ import annotations

from html import escape

from brubeck import Brubeck, Response, WebMessageHandler


class DemoHandler(WebMessageHandler):
    """Greets whoever asks, and knows nothing of the server."""

    def get(self) -> Response:
        """Answer with a page."""
        self.set_body(f"Take five, {escape(self.get_argument('name') or 'dude')}!")
        return self.render()


app = Brubeck(handler_tuples=[(r"^/brubeck$", DemoHandler)])
wsgi = app.wsgi
