r"""Arguments in paths: named groups arrive by their names, other groups by their order.

    brubeck run examples.demo_urlargs:app

    $ curl localhost:6767/class/
    Take five, stranger!
    $ curl localhost:6767/class/Dave
    Take five, Dave!
    $ curl localhost:6767/fun/Paul/5
    Paul takes 5.

What ``\w`` and ``\d`` match needs no escaping; any other path is a 404.
"""

from __future__ import annotations

from brubeck import Brubeck, Request, Response, WebMessageHandler, render


class NameHandler(WebMessageHandler):
    """Greets by a name that may be missing, as it is from the first route below."""

    def get(self, name: str = "stranger") -> Response:
        """Answer with a page; the route lets nothing into a name that would need to be escaped."""
        self.set_body(f"Take five, {name}!")
        return self.render()


app = Brubeck(
    handler_tuples=[
        (r"^/class/$", NameHandler),
        (r"^/class/(?P<name>\w+)$", NameHandler),
    ]
)


@app.add_route(r"^/fun/(\w+)/(\d+)$")
def take(application: Brubeck, message: Request, name: str, count: str) -> Response:
    """Say who took how many."""
    return render(f"{name} takes {int(count)}.")
