"""The items of the week; see `brubeck.demo.week`."""

from __future__ import annotations

from brubeck.demo.week import quakes

__all__ = ["quakes"]
