"""The scripts that run inside Redis: each is one step, whole or not at all."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

_NAMES: Final = ("send", "wake", "claim", "renew", "later", "bury", "revive", "leave")


def register(client: Any) -> dict[str, Any]:
    """Return the scripts by name, each to be called with ``keys`` and ``args``."""
    folder = files(__package__) / "lua"
    return {name: client.register_script((folder / f"{name}.lua").read_text()) for name in _NAMES}
