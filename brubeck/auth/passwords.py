"""Passwords: hashed into lines that can be stored, verified, and rehashed.

Rules:

- New lines are argon2id (RFC 9106), with the parameters in the line. Lines of Brubeck 0.4,
  ``bcrypt|||$2a$…``, are still good; `needs_rehash` says that they, and those of weaker parameters,
  should be hashed again.
- A check against no line at all takes as long as any other.
- Hashing is slow on purpose. It runs beside the green threads, and only a few at once, since each
  needs 64 MiB.
- A password has at most 1024 bytes of UTF-8, after normalization (NFC, as in RFC 8265).
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from brubeck import green
from brubeck.auth.errors import PasswordRefused
from brubeck.auth.verification_cache import VerificationCache
from brubeck.errors import ConfigError
from brubeck.green.waking import FairSemaphore

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MAX_PASSWORD_LENGTH: Final = 1024
"""How many bytes a password may have."""

_AT_ONCE: Final = 4
_REMEMBERED: Final = 1024
_REMEMBERED_FOR: Final = 300.0
_SEPARATOR: Final = "|||"
_BCRYPT: Final = ("$2a$", "$2b$", "$2x$", "$2y$")
_BCRYPT_READS: Final = 72  # bytes; what comes after them never counted


def hash_password(password: str) -> str:
    """Return the line to keep of a password; `PasswordRefused` for an empty or endless one."""
    given = _bytes(password)
    if not given:
        raise PasswordRefused(f"A password has 1 to {MAX_PASSWORD_LENGTH} bytes, in UTF-8.")
    hasher = _hasher()
    with _places():
        return green.offload(hasher.hash, given)


def was_checked(password: str, line: str) -> bool:
    """Return whether a password was found to be right for a line a moment ago, without hashing."""
    given = _bytes(password)
    return bool(given) and _recent().knows(given, line)


def check_password(password: str, line: str) -> bool:
    """Return whether a password is the one that a line was made of.

    A line that is empty or unreadable is nobody's, and takes as long to be found so.
    """
    given = _bytes(password)
    if not given:
        return False
    if _recent().knows(given, line):
        return True
    right = _check(given, line)
    if right:
        _recent().add(given, line)
    return right


def needs_rehash(line: str) -> bool:
    """Return whether a line was made in another way than one would be made now."""
    from argon2.exceptions import InvalidHash

    try:
        return _hasher().check_needs_rehash(line)
    except InvalidHash:
        return True


def _check(password: bytes, line: str) -> bool:
    bare = line.rpartition(_SEPARATOR)[2]
    if bare.startswith(_BCRYPT):
        return _check_bcrypt(password, bare)
    hasher = _hasher()
    with _places():
        right = green.offload(_verify, hasher, line, password)
        # What is no line was found so in no time; the time of one is still to be spent.
        return (
            green.offload(_verify, hasher, _nobody(), password) is None if right is None else right
        )


def _verify(hasher: PasswordHasher, line: str, password: bytes) -> bool | None:
    """Verify a password by an argon2 line, in a native thread; None for an invalid line."""
    from argon2.exceptions import InvalidHash, VerificationError, VerifyMismatchError

    try:
        return hasher.verify(line, password)
    except VerifyMismatchError:
        return False
    except (InvalidHash, VerificationError, UnicodeError):
        return None


def _check_bcrypt(password: bytes, line: str) -> bool:
    try:
        import bcrypt
    except ImportError as reason:
        raise ConfigError(
            "There are password lines of bcrypt: pip install 'brubeck[bcrypt]'."
        ) from reason
    with _places():
        try:
            return green.offload(bcrypt.checkpw, password[:_BCRYPT_READS], line.encode())
        except ValueError:
            return False


def _bytes(password: str) -> bytes:
    """Return the bytes of a password that are hashed; nothing for an invalid one."""
    if len(password) > MAX_PASSWORD_LENGTH:
        return b""
    try:
        given = unicodedata.normalize("NFC", password).encode()
    except UnicodeError:
        return b""
    return given if len(given) <= MAX_PASSWORD_LENGTH else b""


# Made when they are first needed: the process may not have its engine before.


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _places() -> FairSemaphore:
    return FairSemaphore(_AT_ONCE)


@cache
def _recent() -> VerificationCache:
    return VerificationCache(_REMEMBERED, _REMEMBERED_FOR)


@cache
def _nobody() -> str:
    """Return a line of the present parameters that no password is known for."""
    hasher = _hasher()
    salt, made = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${made}"
