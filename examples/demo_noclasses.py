"""Functions as handlers, each routed by a decorator.

    brubeck run examples.demo_noclasses:app

    $ curl 'localhost:6767/brubeck?name=Paul'
    Take five, Paul!
    $ curl -d name=Joe localhost:6767/brubeck
    Joe takes five.

A function is given the application and the request, and returns a response.
"""

from __future__ import annotations

from html import escape

from brubeck import Brubeck, Request, Response, render

app = Brubeck()


@app.add_route("^/brubeck$")
def greet(application: Brubeck, message: Request) -> Response:
    """Greet whoever asks."""
    return render(f"Take five, {escape(message.get_argument('name') or 'dude')}!")


@app.add_route("^/brubeck$", method="POST")
def take(application: Brubeck, message: Request) -> Response:
    """Say who took five."""
    return render(f"{escape(message.get_argument('name') or 'Somebody')} takes five.")
