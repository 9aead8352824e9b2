"""Linking of the scripts for Redis: each gets only the shared definitions that it uses.

Redis runs a script from its first line at every call, so a shared function that a script never
calls would be made in vain each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_START: Final = re.compile(r"^(?=local )", re.MULTILINE)
_DEFINED: Final = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")
_IGNORED: Final = re.compile(r"--[^\n]*|'(?:[^'\\\n]|\\.)*'|(?<!\.)\.\w+")
"""Comments, texts, and names behind a dot, which are fields."""
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def definitions(library: str) -> dict[str, str]:
    """Return the definition of each name in a library, as text.

    A library is a sequence of definitions, each of which begins with ``local`` at the start of a
    line. A definition of several names stands under each of them.
    """
    _, *parts = _START.split(_without_comments(library))
    found: dict[str, str] = {}
    for part in parts:
        match = _DEFINED.match(part)
        assert match is not None  # noqa: S101, a part begins with a definition
        found |= dict.fromkeys(match[1].split(", "), part.strip() + "\n")
    return found


def link(script: str, known: Mapping[str, str]) -> str:
    """Return a script behind the definitions that it uses, and those that these use in turn.

    ``known`` holds the definitions by their names; they keep their order.
    """
    needed: set[str] = set()
    pending = list(_used(script, known))
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += _used(known[name], known)
    before = dict.fromkeys(text for name, text in known.items() if name in needed)
    return "".join(before) + script


def _used(text: str, known: Iterable[str]) -> set[str]:
    return set(_NAME.findall(_IGNORED.sub(" ", text))) & set(known)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.startswith("--"))
