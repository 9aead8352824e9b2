"""``brubeck demo``: a week of earthquakes, to try everything on."""

from __future__ import annotations

from typing import Any

import click

from brubeck import green
from brubeck.cli.output import print_lines
from brubeck.cli.programs import plain_errors
from brubeck.cli.serving import address_options, listen_of

TEXT = """
A week of earthquakes at {where}/quakes: a page in a browser, JSON for programs. Worth typing:

  curl '{where}/quakes?limit=2'
  curl '{where}/quakes?magnitude__gte=5&total=true'
  curl -N -H 'Accept: text/event-stream' '{where}/quakes/changes?after=now'
"""


@click.command()
@address_options
@click.option(
    "--replay",
    "speed",
    metavar="SPEED",
    type=click.FloatRange(min=0, min_open=True),
    help="Replay the week this many times as fast as it happened.",
)
def demo(speed: float | None, **options: Any) -> None:
    """Serve a week of earthquakes from memory, until stopped."""
    with plain_errors():
        green.patch()
        from brubeck.demo import serving
        from brubeck.demo.app import app as program

        app = serving.prepared(listen_of(options, program), speed)
        print_lines(TEXT.format(where=app.settings.server.listen))
        app.run()
