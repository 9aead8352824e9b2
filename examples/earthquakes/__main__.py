"""Serve the week: all of it at once, or played live.

``python -m examples.earthquakes --replay 3600`` plays an hour a second. Each report appears when
its last version was published, which is not the order in which the earth shook: so pages and
changes each show their own order.
"""

from __future__ import annotations

import logging
import time
from itertools import groupby
from typing import Any

import click

from brubeck import green

log = logging.getLogger("brubeck.app")


def load(items: list[dict[str, Any]]) -> None:
    """Put items into the stream."""
    from examples.earthquakes.app import Quakes, app

    failed = [each.problem for each in app.stream(Quakes).insert_many(items) if each.problem]
    if failed:
        raise SystemExit(f"The week cannot be loaded: {failed[0]}")


def replay(items: list[dict[str, Any]], speed: float) -> None:
    """Play items at so many seconds of then a second of now."""
    began, first = time.monotonic(), items[0]["updated_at"]
    for updated_at, published in groupby(items, key=lambda item: item["updated_at"]):
        due = began + (updated_at - first) / 1000 / speed
        green.sleep(max(0.0, due - time.monotonic()))
        load(list(published))
    log.info("The week is over.")


@click.command()
@click.option("--listen", default=None, help="Where to serve, if not http://127.0.0.1:6767.")
@click.option(
    "--replay",
    "speed",
    type=click.FloatRange(min=0, min_open=True),
    help="Play the week live, at so many seconds of then a second of now.",
)
def main(listen: str | None, speed: float | None) -> None:
    """Serve a week of earthquakes."""
    green.patch()
    from examples.earthquakes.app import app
    from examples.earthquakes.week import quakes

    if listen:
        app.configure(server={"listen": listen})
    week = list(quakes())
    if speed is None:
        load(week)
    else:
        # The first day is there to be paged through at once.
        day = week[0]["updated_at"] + 86_400_000
        load([item for item in week if item["updated_at"] < day])
        green.spawn(replay, [item for item in week if item["updated_at"] >= day], speed)
    where = app.settings.server.listen
    click.echo(
        f"""
A week of earthquakes at {where}/quakes. Worth typing in another terminal:

  curl '{where}/quakes?limit=2'
  curl '{where}/quakes?magnitude__gte=5&total=true'
  curl -N -H 'Accept: text/event-stream' '{where}/quakes/changes?after=now'
"""
    )
    app.run()


if __name__ == "__main__":
    main()
