"""Opening a storage by its URL: the scheme names the class, which is imported only then.

Another package may bring a storage of its own: an entry point of the group ``brubeck.storages``,
named as its scheme, that loads a `Storage` class.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from brubeck.errors import ConfigError, did_you_mean
from brubeck.storage.contract import Storage
from brubeck.storage.urls import redacted
from brubeck.timekeeping import SYSTEM_CLOCK, Clock

SCHEMES: Final = {
    "memory": "brubeck.storage.memory:MemoryStorage",
    "sqlite": "brubeck.storage.sqlite:SQLiteStorage",
    "redis": "brubeck.storage.redis:RedisStorage",
    "rediss": "brubeck.storage.redis:RedisStorage",
    "redis+sentinel": "brubeck.storage.redis:RedisStorage",
    "rediss+sentinel": "brubeck.storage.redis:RedisStorage",
    "redis+cluster": "brubeck.storage.redis:RedisStorage",
    "rediss+cluster": "brubeck.storage.redis:RedisStorage",
    "mongodb": "brubeck.storage.mongo:MongoStorage",
    "mongodb+srv": "brubeck.storage.mongo:MongoStorage",
}
ENTRY_POINTS: Final = "brubeck.storages"


def open_storage(url: str, *, clock: Clock = SYSTEM_CLOCK) -> Storage:
    """Return the storage at a URL; `ConfigError` when it names none.

    Nothing is connected to yet: a server that is down now may be up when it is needed.

    >>> open_storage('memory://').shared
    False
    """
    return _storage_class(url).from_url(url, clock=clock)


def _storage_class(url: str) -> type[Storage]:
    scheme, separator, _ = url.partition("://")
    if separator and scheme in SCHEMES:
        module, _, name = SCHEMES[scheme].partition(":")
        known: type[Storage] = getattr(import_module(module), name)
        return known
    others = _others()
    if not separator or scheme not in others:
        hint = did_you_mean(f"{scheme}://", [f"{each}://" for each in (*SCHEMES, *others)])
        raise ConfigError(f'"{redacted(url)}" is not the URL of a storage.{hint}')
    found: object = others[scheme].load()
    if not (isinstance(found, type) and issubclass(found, Storage)):
        raise ConfigError(f"{others[scheme].value}, which serves {scheme}://, is no Storage.")
    return found


def _others() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=ENTRY_POINTS)}
