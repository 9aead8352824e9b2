"""Serve the week, as ``brubeck demo`` does: all of it at once, or played live."""

from __future__ import annotations

from brubeck.cli.demo import demo
from brubeck.demo.serving import load

__all__ = ["load"]

if __name__ == "__main__":
    demo()
