"""The smallest program: one handler class, at one path.

    brubeck run examples.demo_minimal:app

    $ curl 'localhost:6767/brubeck?name=Paul'
    Take five, Paul!
    $ curl localhost:6767/brubeck
    Take five, dude!

An answer is HTML unless it says otherwise, so what somebody typed is escaped.
"""

from __future__ import annotations

from html import escape

from brubeck import Brubeck, Response, WebMessageHandler


class DemoHandler(WebMessageHandler):
    """Greets whoever asks."""

    def get(self) -> Response:
        """Answer with a page; what somebody typed is escaped."""
        name = self.get_argument("name") or "dude"
        self.set_body(f"Take five, {escape(name)}!")
        return self.render()


app = Brubeck(handler_tuples=[(r"^/brubeck$", DemoHandler)])
