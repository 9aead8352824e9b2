"""The stores of an application: opened by name at their first use, and closed together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from brubeck import config, green
from brubeck.errors import ConfigError, did_you_mean
from brubeck.storage import Storage, open_storage
from brubeck.timekeeping import Clock


class Stores:
    """Stores by name: those that a program has opened itself, and those that settings have URLs of.

    A URL from a deployment has the last word over what the program brought.
    """

    def __init__(
        self, brought: Mapping[str, Storage], settings: Callable[[], config.Settings], clock: Clock
    ) -> None:
        self._brought = dict(brought)
        self._settings = settings
        self._clock = clock
        self._open: dict[str, Storage] = {}
        self._opening = green.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._brought or name in self._settings().storage

    def __getitem__(self, name: str) -> Storage:
        """Return a store; `ConfigError` for a name that nobody has configured."""
        store = self._open.get(name)
        if store is not None:
            return store
        with self._opening:
            if name not in self._open:
                self._open[name] = self._made(name)
            return self._open[name]

    def _made(self, name: str) -> Storage:
        settings = self._settings()
        if name in self._brought and name not in settings.stores_given:
            return self._brought[name]
        if name in settings.storage:
            return open_storage(settings.storage[name], clock=self._clock)
        hint = did_you_mean(name, settings.storage)
        raise ConfigError(f'There is no store "{name}" in the configuration.{hint}')

    @property
    def any_open(self) -> bool:
        """Whether any store is open."""
        return bool(self._open)

    @property
    def names(self) -> list[str]:
        """The names that are configured."""
        return list(dict.fromkeys((*self._settings().storage, *self._brought)))

    def close(self) -> None:
        """Close everything that is open; stores with a URL open again when they are used."""
        with self._opening:
            while self._open:
                self._open.popitem()[1].close()
