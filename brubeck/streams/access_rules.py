"""Access rules: the declared rules for reading and writing a stream.

Every combination of ``may_read`` and ``may_write`` is either a rule here or refused when the class
is made; no declaration falls back to "everybody".

| ``may_read`` | ``may_write`` | a caller reads | a caller changes |
| --- | --- | --- | --- |
| ``anyone`` | ``authenticated`` | every item, without credentials | every item, once it is known |
| ``anyone`` | ``owner`` | every item, without credentials | its own items |
| ``authenticated`` | ``authenticated`` | every item | every item |
| ``authenticated`` | ``owner`` | every item | its own items |
| ``owner`` | ``owner`` | its own items, and those that name it as a reader | its own items |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from brubeck.errors import ConfigError, did_you_mean
from brubeck.streams.documents import OwnedDocument, StreamedDocument

Readers: TypeAlias = Literal["anyone", "authenticated", "owner"]
Writers: TypeAlias = Literal["authenticated", "owner"]
"""The words for ``may_write``; in a stream without authentication, everybody writes."""

_ACTIONS: Final = ("read", "write")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""A scope token (RFC 6749, section 3.3)."""


class AccessRules(msgspec.Struct, frozen=True):
    """The rules of one stream."""

    read: Readers
    write: Writers | Literal["anyone"]

    @property
    def owned(self) -> bool:
        """Whether callers see only their own items and those that are shared with them."""
        return self.read == "owner"


def declare_access(
    may_read: Readers | None,
    may_write: Writers | None,
    *,
    owned: object,
    model: type[StreamedDocument],
    owner: str,
) -> AccessRules:
    """Return the rules of a declaration; `ConfigError` for one that is none or contradicts itself.

    ``owner`` is the name of the class that declares it. Without a word on writing, only owners
    change the items of an `OwnedDocument`.
    """
    if not isinstance(owned, bool):
        raise ConfigError(f"{owner}.owned is True or False, not {owned!r}.")
    _check_word(may_read, get_args(Readers), f"{owner}.may_read")
    _check_word(may_write, get_args(Writers), f"{owner}.may_write")
    if owned and not {may_read, may_write} <= {None, "owner"}:
        raise ConfigError(
            f"{owner} is owned, which means may_read = may_write = 'owner': leave owned or "
            "the others out."
        )
    has_owners = issubclass(model, OwnedDocument)
    read: Readers = may_read or ("owner" if owned else "authenticated")
    write: Writers = may_write or ("owner" if has_owners or read == "owner" else "authenticated")
    if "owner" in (read, write) and not has_owners:
        raise ConfigError(
            f"{owner} is owned by its callers, so {owner}.model must be an OwnedDocument."
        )
    if read == "owner" and write != "owner":
        raise ConfigError(
            f"{owner}: with may_read = 'owner' nobody sees what others own, so that "
            "may_write is 'owner', too."
        )
    return AccessRules(read, write)


def check_scopes(scopes: object, rules: AccessRules, owner: str) -> None:
    """Raise `ConfigError` for scopes that would protect nothing, or not the intended action."""
    if not isinstance(scopes, Mapping):
        raise ConfigError(
            f"{owner}.scopes is a mapping such as {{'read': 'notes:read'}}, not {scopes!r}."
        )
    for action, scope in scopes.items():
        if action not in _ACTIONS:
            hint = did_you_mean(str(action), _ACTIONS)
            raise ConfigError(f'{owner}.scopes has no "{action}"; there is read and write.{hint}')
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise ConfigError(
                f"{owner}.scopes: a scope is one word such as 'notes:read', not {scope!r}."
            )
    if "read" in scopes and rules.read == "anyone":
        raise ConfigError(
            f"{owner}.scopes asks for a scope to read, and may_read = 'anyone' lets everybody: "
            "leave one of them out."
        )


def _check_word(word: object, words: tuple[str, ...], name: str) -> None:
    if word is not None and word not in words:
        hint = did_you_mean(str(word), words)
        raise ConfigError(f"{name} is one of {', '.join(words)}, not {word!r}.{hint}")


OPEN: Final = AccessRules("anyone", "anyone")
"""The rules of a stream without authentication."""
