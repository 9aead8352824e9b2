"""The scripts that run inside Redis, and running them: each call is one atomic step.

A server that has lost its scripts, as after a restart or a failover, is sent the text again.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import NoScriptError

_LUA: Final = files(__package__) / "lua"
_OF_STREAMS: Final = ("write", "changes", "head", "purge", "keep_indexes", "index", "new_era")
_WALKING: Final = ("page", "count")
_OTHERS: Final = ("hit", "attempt", "conclude")


class Script:
    """A script, and the name that Redis knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, client: Any, key: str, *args: object) -> Any:
        """Run the script on the server that has a key."""
        try:
            return client.evalsha(self.sha, 1, key, *args)
        except NoScriptError:
            return client.eval(self.text, 1, key, *args)


def _load() -> dict[str, Script]:
    shared = (_LUA / "stream.lua").read_text()
    walk = shared + (_LUA / "walk.lua").read_text()
    before = dict.fromkeys(_OF_STREAMS, shared) | dict.fromkeys(_WALKING, walk)
    before |= dict.fromkeys(_OTHERS, "")
    return {
        name: Script(text + (_LUA / f"{name}.lua").read_text()) for name, text in before.items()
    }


SCRIPTS: Final = _load()
"""Each script by its name."""
