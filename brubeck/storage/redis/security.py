"""Logging in to Redis servers and Sentinels, and TLS to them: options of the URL."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final

import msgspec

from brubeck.config.values import boolean, readable_file, text

SECURITY_OPTIONS: Final = {
    "cafile": readable_file,
    "certfile": readable_file,
    "keyfile": readable_file,
    "keyfile_password": text,
    "check_hostname": boolean,
    "sentinel_username": text,
    "sentinel_password": text,
    "sentinel_tls": boolean,
}
"""The options of a URL and their parsers, named as the fields of `Security`."""
_OF_TLS: Final = ("cafile", "certfile", "keyfile", "keyfile_password", "check_hostname")
_OF_SENTINELS: Final = ("sentinel_username", "sentinel_password", "sentinel_tls")


class Security(msgspec.Struct, frozen=True):
    """How to trust the servers and how to log in to Sentinels; ``""`` stands for none.

    ``cafile`` holds the certificates of the authorities to trust, in place of the system's.
    ``certfile`` and ``keyfile`` are the client's own. ``sentinel_tls`` None is as the servers.
    """

    cafile: str = ""
    certfile: str = ""
    keyfile: str = ""
    keyfile_password: str = ""
    check_hostname: bool = True
    sentinel_username: str = ""
    sentinel_password: str = ""
    sentinel_tls: bool | None = None

    def __repr__(self) -> str:
        return "Security(***)"

    def fault(self, scheme: str) -> str:
        """Return why the options do not fit the scheme of a URL, "" where they do."""
        set_ = [name for name, value in _differing(self).items() if value]
        of_tls = [name for name in set_ if name in _OF_TLS]
        of_sentinels = [name for name in set_ if name in _OF_SENTINELS]
        if of_sentinels and not scheme.endswith("+sentinel"):
            return f'"{of_sentinels[0]}" is an option of redis+sentinel://'
        if of_tls and not scheme.startswith("rediss") and not self.sentinel_tls:
            return f'"{of_tls[0]}" is an option of TLS: write rediss{scheme[5:]}://'
        if self.keyfile and not self.certfile:
            return '"keyfile" belongs to a "certfile"'
        return ""

    def context(self) -> ssl.SSLContext:
        """Return the context of TLS; `ValueError` for certificates that cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.cafile or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.check_hostname = self.check_hostname
            if self.certfile:
                # A function, or OpenSSL asks for a password at the terminal.
                context.load_cert_chain(
                    self.certfile, self.keyfile or None, lambda: self.keyfile_password
                )
        except (OSError, ValueError) as reason:
            raise ValueError(f"the certificates cannot be used: {reason}") from None
        return context


def _differing(security: Security) -> Mapping[str, bool]:
    """Return which fields are not as they are without options."""
    usual = msgspec.structs.asdict(NO_SECURITY)
    return {name: value != usual[name] for name, value in msgspec.structs.asdict(security).items()}


NO_SECURITY: Final = Security()
"""No options: the authorities of the system, and Sentinels that ask for no login."""
