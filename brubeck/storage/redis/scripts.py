"""The scripts that run inside Redis, and running them: each call is one atomic step.

A server that has lost its scripts, as after a restart or a failover, is sent the text again.

While a slot of a cluster is moved to another server, its keys are moved one after another. A script
that names one of them and reaches others would find some missing, and fail in the middle of what it
writes. So in a cluster it also names a key that never exists: a command with several keys, some of
which are missing, is refused before it begins as long as its slot is being moved (TRYAGAIN).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import NoScriptError

from brubeck.storage.redis.linking import definitions, link
from brubeck.storage.redis.run_ids import RUN_ID
from brubeck.storage.sizes import STEP_BYTES

_LUA: Final = files(__package__) / "lua"
_OF_STREAMS: Final = ("write", "changes", "head", "purge", "keep_indexes", "index", "new_era")
_WALKING: Final = ("page", "filtered_page", "count")
_OTHERS: Final = ("hit", "attempt", "conclude")
_WRITING: Final = frozenset(
    ("write", "purge", "keep_indexes", "index", "new_era", "hit", "attempt", "conclude")
)
_CALLS: Final = re.compile(r"redis\.call\(\s*'([A-Z]+)'")
_GUARD: Final = """if not redis.acl_check_cmd then
  return redis.error_reply('ERR Redis 7.0 or newer is needed')
end
for _, command in ipairs({%s}) do
  if not redis.acl_check_cmd(command, KEYS[1])
    or not redis.acl_check_cmd(command, KEYS[1] .. ':items')
  then
    return redis.error_reply('NOPERM the user may not run ' .. command .. ' on ' .. KEYS[1])
  end
end
"""


ABSENT: Final = ":absent"
"""The suffix of a stream's key that makes a key which never exists."""


class Script:
    """A script, and the name that Redis knows it by.

    One that ``enters`` a stream needs the run id of the server, behind its other arguments. One
    that ``derives`` uses keys that begin with the one that it is given.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.enters = "function enter(" in text
        self.derives = "HEAD .. '" in text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, client: Any, key: str, *args: object) -> Any:
        """Run the script on the server that has a key."""
        keys = (key, key + ABSENT) if self.derives and client.moves_keys else (key,)
        return self.run(client, keys, *((*args, RUN_ID) if self.enters else args))

    def run(self, client: Any, keys: Sequence[str], *args: object) -> Any:
        """Run the script on the server that has some keys, which all have one slot."""
        try:
            return client.run("EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client.run("EVAL", self.text, len(keys), *keys, *args)


def commands(text: str) -> list[str]:
    """Return the commands that a script calls and cannot do without."""
    return sorted(set(_CALLS.findall(text)))


def _guarded(text: str) -> str:
    """Return a script that first checks whether the user may run every command of it.

    What a script did before one of its commands was refused stays done. A Redis before 7.0 cannot
    check that, and is refused.
    """
    return _GUARD % ", ".join(f"'{command}'" for command in commands(text)) + text


def _load() -> dict[str, Script]:
    bound = f"local STEP_BYTES = {STEP_BYTES}\n"
    shared = definitions(bound + (_LUA / "stream.lua").read_text())
    walk = shared | definitions((_LUA / "walk.lua").read_text())
    before = dict.fromkeys(_OF_STREAMS, shared) | dict.fromkeys(_WALKING, walk)
    before |= {name: {} for name in _OTHERS}
    texts = {
        name: link((_LUA / f"{name}.lua").read_text(), known) for name, known in before.items()
    }
    return {
        name: Script(_guarded(text) if name in _WRITING else text) for name, text in texts.items()
    }


SCRIPTS: Final = _load()
"""Each script by its name."""
