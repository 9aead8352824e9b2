"""The scripts that run inside Redis: each is one step, whole or not at all."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from brubeck.storage.redis.scripts import Script

_NAMES: Final = (
    *("send", "delay", "wake", "claim", "renew", "later", "archive", "revive", "leave", "done"),
    "cancel",
)
_CALLS: Final = re.compile(r"redis\.call\(\s*'([A-Z]+)'(?:, '([A-Z]+)')?")
_GUARD: Final = """local function allowed(name, subcommand, key)
  if subcommand ~= '' then
    return redis.acl_check_cmd(name, subcommand, key)
  end
  return redis.acl_check_cmd(name, key)
end
if not redis.acl_check_cmd then
  return redis.error_reply('ERR Redis 7.0 or newer is needed')
end
for _, call in ipairs({%s}) do
  for _, key in ipairs(KEYS) do
    if not allowed(call[1], call[2], key) then
      return redis.error_reply('NOPERM the user may not run ' .. call[1] .. ' on ' .. key)
    end
  end
end
"""


def guarded(text: str) -> str:
    """Return a script that first checks whether the user may run every command of it.

    What a script did before one of its commands was refused stays done. A Redis before 7.0 cannot
    check that, and is refused.
    """
    calls = sorted(set(_CALLS.findall(text)))
    return _GUARD % ", ".join(f"{{'{name}', '{second}'}}" for name, second in calls) + text


def _load() -> dict[str, Script]:
    folder = files(__package__) / "lua"
    return {name: Script(guarded((folder / f"{name}.lua").read_text())) for name in _NAMES}


SCRIPTS: Final = _load()
"""Each script by its name."""
