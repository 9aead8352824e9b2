"""Opening a storage by its URL: the scheme names the class, which is imported only then."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from brubeck.errors import ConfigError, did_you_mean
from brubeck.storage.contract import Storage
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

SCHEMES: Final = {"memory": "brubeck.storage.memory:MemoryStorage"}

_PASSWORD: Final = re.compile(r"(?<=://)[^/@]*@")


def open_storage(url: str, *, clock: Clock = SYSTEM_CLOCK) -> Storage:
    """Return the storage at a URL; `ConfigError` when it names none.

    >>> open_storage('memory://').shared
    False
    """
    scheme = url.partition("://")[0]
    if "://" not in url or scheme not in SCHEMES:
        known = [f"{each}://" for each in SCHEMES]
        hint = did_you_mean(f"{scheme}://", known)
        raise ConfigError(f'"{redacted(url)}" is not the URL of a storage.{hint}')
    parts = urlsplit(url)
    if parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f'memory:// takes nothing more: "{redacted(url)}".')
    module, _, name = SCHEMES[scheme].partition(":")
    storage: Storage = getattr(import_module(module), name)(clock=clock)
    return storage


def redacted(url: str) -> str:
    """Return a URL fit for a log: without who logs in and how.

    >>> redacted('redis://user:secret@host/0')
    'redis://***@host/0'
    """
    return _PASSWORD.sub("***@", url)
