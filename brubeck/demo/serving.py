"""The week in the stream: all of it at once, or played live.

``brubeck demo --replay 3600`` plays an hour a second. Each report appears when
its last version was published, which is not the order in which the earth shook: so pages and
changes each show their own order.
"""

from __future__ import annotations

import logging
import time
from itertools import groupby
from typing import Any

from brubeck import Brubeck, green
from brubeck.demo.app import Quakes, app
from brubeck.demo.week import quakes

log = logging.getLogger("brubeck.app")


def load(items: list[dict[str, Any]]) -> None:
    """Put items into the stream."""
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


def prepared(listen: str | None, speed: float | None) -> Brubeck:
    """Return the application with the week in it, or about to be played."""
    if listen:
        app.configure(server={"listen": listen})
    week = list(quakes())
    if speed is None:
        load(week)
        return app
    # The first day is there to be paged through at once.
    day = week[0]["updated_at"] + 86_400_000
    load([item for item in week if item["updated_at"] < day])
    green.spawn(replay, [item for item in week if item["updated_at"] >= day], speed)
    return app
