"""``brubeck demo``: a week of earthquakes, to try everything on."""

from __future__ import annotations

import click

from brubeck import green
from brubeck.cli.output import print_lines
from brubeck.cli.programs import plain_errors

TEXT = """
A week of earthquakes at {where}/quakes: a page in a browser, JSON for programs. Worth typing:

  curl '{where}/quakes?limit=2'
  curl '{where}/quakes?magnitude__gte=5&total=true'
  curl -N -H 'Accept: text/event-stream' '{where}/quakes/changes?after=now'
"""


@click.command()
@click.option("--listen", metavar="URL", help="Where to serve. [default: http://127.0.0.1:6767]")
@click.option(
    "--replay",
    "speed",
    metavar="SPEED",
    type=click.FloatRange(min=0, min_open=True),
    help="Play the week live, at so many seconds of then a second of now.",
)
def demo(listen: str | None, speed: float | None) -> None:
    """Serve a week of earthquakes from memory, until stopped."""
    with plain_errors():
        green.patch()
        from brubeck.demo import serving

        app = serving.prepared(listen, speed)
        print_lines(TEXT.format(where=app.settings.server.listen))
        app.run()
