"""Brubeck: a toolkit for API streams.

Importing the package patches nothing, opens nothing and loads no driver.
"""

from __future__ import annotations

__version__ = "1.0.0.dev0"
