"""The values that settings take, each read from text or from its own type.

A parser returns the value or raises `ValueError` with the end of a sentence that begins with the
name of the setting: "must be …".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from brubeck.green import Address

DEFAULT_PORT: Final = 6767
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SECONDS: Final = {"ms": 0.001, None: 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LOCAL_PATH: Final = re.compile(r"(?:/(?!/)[\w!$&'()*+,./:;=?@~%-]+)?", re.ASCII)
_SIZE: Final = re.compile(r"(\d+)\s*(?:([kmg])i?b?|b)?", re.IGNORECASE)
_SIZES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Listen(msgspec.Struct, frozen=True):
    """Where a program serves: an address of its own, or the two sockets of a Mongrel2.

    ``mongrel2`` is Mongrel2's send_spec and recv_spec, empty for the embedded server.
    """

    address: Address = Address()
    tls: bool = False
    mongrel2: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.mongrel2:
            return " and ".join(self.mongrel2)
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.address}" if not self.address.path else str(self.address)


def text(value: object) -> str:
    """Read a text."""
    if isinstance(value, str):
        return value
    raise ValueError(f"must be a text, not {value!r}.")


def accent_color(value: object) -> str:
    """Read a colour by its hexadecimal digits, as in a style sheet; an empty text is none."""
    if isinstance(value, str) and re.fullmatch(r"(?:#(?:[0-9A-Fa-f]{3}){1,2})?", value):
        return value.lower()
    raise ValueError(f"must be a colour such as #0b57b4, not {value!r}.")


def local_path(value: object) -> str:
    """Read the path of a file that the program itself serves; an empty text is none."""
    if isinstance(value, str) and _LOCAL_PATH.fullmatch(value):
        return value
    raise ValueError(f"must be a path of this site such as /static/logo.svg, not {value!r}.")


def job_name(value: object) -> str:
    """Read the name of a queue: it becomes part of keys."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        return value
    raise ValueError(
        f"must be 1 to 64 letters, digits, dots, dashes or underscores, not {value!r}."
    )


FORWARDING: Final = tuple(
    f"x-forwarded-{each}" for each in ("for", "proto", "host", "port", "prefix")
)
"""The headers of the family ``x-forwarded``."""


def forwarding_headers(value: object) -> str | tuple[str, ...]:
    """Return a family of forwarding headers, or the names of some of the first, in lower case."""
    if value in ("x-forwarded", "forwarded"):
        return str(value)
    names = tuple(each.lower() for each in texts(value))
    if not names or not set(names) <= set(FORWARDING):
        raise ValueError(
            f"must be x-forwarded, forwarded, or some of {', '.join(FORWARDING)}, not {value!r}."
        )
    return names


def texts(value: object) -> tuple[str, ...]:
    """Read a list of texts; in one text, commas separate them."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ValueError(f"must be a list of texts, not {value!r}.")


def signing_keys(value: object) -> tuple[str, ...]:
    """Read the keys of a signature: one text is one key, a list is a rotation; none is empty."""
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(key, str) for key in found):
        raise ValueError("must be a text or a list of texts.")
    if not all(key.strip() for key in found):
        raise ValueError("must hold no empty key.")
    return tuple(found)


def networks(value: object) -> tuple[str, ...]:
    """Read a list of IP addresses and networks; ``unix`` stands for clients without an address."""
    found = texts(value)
    for each in found:
        try:
            if each != "unix":
                ip_network(each, strict=False)
        except ValueError:
            raise ValueError(f"must be IP addresses or networks, not {each!r}.") from None
    return found


def whole(least: int, most: int) -> Callable[[object], int]:
    """Return a parser for whole numbers of a range."""

    def parse(value: object) -> int:
        number = value
        if isinstance(value, str) and value.strip().isdecimal():
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError(f"must be a whole number from {least} to {most}, not {value!r}.")
        return number

    return parse


def boolean(value: object) -> bool:
    """Read a yes or no."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"must be true or false, not {value!r}.")


def duration(value: object) -> float:
    """Read a time in seconds: a number, or a text such as ``1.5s``, ``2m``, ``30d``.

    >>> duration('2m'), duration(0.5)
    (120.0, 0.5)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < 1e9:
        raise ValueError(f"must be a time such as 30s or 5m, not {value!r}.")
    return seconds


def optional_duration(value: object) -> float:
    """Read a time in seconds, or 0.

    >>> optional_duration('0'), optional_duration('500ms')
    (0.0, 0.5)
    """
    is_zero = value in ("0", "0s", 0) and not isinstance(value, bool)
    return 0.0 if is_zero else duration(value)


def one_of(*words: str) -> Callable[[object], str]:
    """Return a parser for one of some words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {value!r}.")
        return value

    return parse


def path_or_address(value: object) -> str:
    """Read a path (``/-/metrics``), an address (``127.0.0.1:9100``), or nothing.

    >>> path_or_address('[::1]:9100')
    '[::1]:9100'
    """
    text = value.strip() if isinstance(value, str) else None
    if text == "" or (text is not None and re.fullmatch(r"/[A-Za-z0-9._~/-]+", text)):
        return text
    match = re.fullmatch(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})", text or "")
    if match is None or not 0 < int(match[1]) < 65_536:
        raise ValueError(f"must be a path or an address such as 127.0.0.1:9100, not {value!r}.")
    return str(text)


def size(value: object) -> int:
    """Read a number of bytes: a number, or a text such as ``64k``, ``16MB``.

    >>> size('16MB')
    16777216
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    count = int(match[1]) * _SIZES[(match[2] or "").lower()] if match else 0
    if not 0 < count < 1 << 50:
        raise ValueError(f"must be a size such as 512k or 16MB, not {value!r}.")
    return count


def log_level(value: object) -> str:
    """Read a logging level: its name, or its number as `logging` has it."""
    names = logging.getLevelNamesMapping()
    if isinstance(value, int) and value in names.values():
        return logging.getLevelName(value)
    if isinstance(value, str) and value.upper() in names:
        return value.upper()
    raise ValueError(f"must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not {value!r}.")


def readable_file(value: object) -> str:
    """Read the path of an existing file; an empty text is no file."""
    path = text(value)
    try:
        is_there = not path or Path(path).is_file()
    except OSError:  # a name that is too long, for one
        is_there = False
    if not is_there:
        raise ValueError(f"must name a file, and there is none at {path}.")
    return path


def listen(value: object) -> Listen:
    """Read where to serve: ``http://host:port``, ``https://…``, ``unix:path``, or two sockets.

    The two sockets of a Mongrel2 are a pair such as ``["tcp://127.0.0.1:9999",
    "tcp://127.0.0.1:9998"]``; in one text a comma separates them.
    """
    if isinstance(value, Listen):
        return value
    parts = texts(value)
    if len(parts) == 2 and all(re.match(r"(tcp|ipc)://.", part) for part in parts):
        return Listen(mongrel2=parts)
    if len(parts) == 1 and parts[0].startswith("unix:") and len(parts[0]) > 5:
        return Listen(address=Address(path=parts[0][5:]))
    try:
        url = urlsplit(parts[0] if len(parts) == 1 else "")
        plain = url.path in ("", "/") and not url.query and not url.fragment
        if url.scheme in ("http", "https") and url.hostname and plain and url.username is None:
            port = DEFAULT_PORT if url.port is None else url.port
            return Listen(address=Address(url.hostname, port), tls=url.scheme == "https")
    except ValueError:
        pass
    raise ValueError(
        "must be a URL such as http://127.0.0.1:6767, or the two sockets of a Mongrel2, "
        f"not {value!r}."
    )
