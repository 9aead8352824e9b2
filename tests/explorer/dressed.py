"""Earthquakes in a dress of their own: an accent, a logo, a template and a style of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brubeck import Brubeck, render
from brubeck.http import Response
from brubeck.streams import Explorer
from brubeck.templating import load_jinja2_env
from examples.earthquakes.app import Quakes
from examples.earthquakes.week import quakes

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">
<circle cx="4.5" cy="4.5" r="4" fill="#e0a"/></svg>"""
FILES = {
    "dressed.css": ("footer { padding: 23px; }", "text/css"),
    "logo.svg": (LOGO, "image/svg+xml"),
}


class Dressed(Quakes):
    """The earthquakes."""

    explorer = Explorer(accent="#e000a0", logo="/static/logo.svg", template="dressed.html")


app = Brubeck(
    streams=[Dressed], template_loader=load_jinja2_env(Path(__file__).with_name("templates"))
)


@app.add_route(r"^/static/(?P<name>dressed\.css|logo\.svg)$")
def static(_application: Any, _message: Any, name: str) -> Response:
    """Return a file."""
    body, media_type = FILES[name]
    return render(body, headers={"Content-Type": media_type})


app.stream(Dressed).insert_many(list(quakes())[:200])
