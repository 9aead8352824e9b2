"""The earthquakes, for ``brubeck run examples.earthquakes.app:app``; see `brubeck.demo.app`."""

from __future__ import annotations

from brubeck.demo.app import Quake, Quakes, app

__all__ = ["Quake", "Quakes", "app"]
