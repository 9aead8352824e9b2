"""`Configured`: the settings of an application, as attributes and with their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from brubeck import config


class Configured:
    """The part of an application that reads settings; the arguments are those of its class."""

    _arguments: Mapping[str, Mapping[str, object]]
    _command_line: Mapping[str, Mapping[str, object]]

    @cached_property
    def settings(self) -> config.Settings:
        """The settings in force, read once; `ConfigError` for the first one that is wrong."""
        return config.load(
            arguments=self._arguments,
            command_line=self._command_line,
            file=config.default_file(),
        )

    def explain_settings(self) -> list[config.SettingInForce]:
        """Return every setting with its source, as ``brubeck config`` shows them."""
        options, file = self._command_line, config.default_file()
        return config.explain(arguments=self._arguments, command_line=options, file=file)

    @property
    def login_url(self) -> str:
        """The URL of the login page."""
        return str(self.settings.app.login_url)

    @property
    def cookie_secret(self) -> str | None:
        """The key that signs cookies, or None."""
        keys = self.settings.app.cookie_secret
        return keys[0] if keys else None

    @property
    def cookie_keys(self) -> Sequence[str]:
        """The keys of signed cookies; the first one signs, all of them verify."""
        keys: Sequence[str] = self.settings.app.cookie_secret
        return keys

    @property
    def api_base_url(self) -> str:
        """The prefix of the URLs of AutoAPIs."""
        return str(self.settings.app.api_base_url)
