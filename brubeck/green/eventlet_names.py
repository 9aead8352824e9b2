"""Eventlet with a lazy DNS library: the first look-up of a name imports it.

That library, dnspython, took two thirds of the time in which a process starts, and most processes
never look up a name: they listen, and connect to numeric addresses and Unix sockets. The first
look-up imports it instead, and each look-up is still done by it, without a native thread. Where the
program has imported eventlet before, or has set ``EVENTLET_NO_GREENDNS``, all stays as that says.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from types import ModuleType
from typing import Any, Final

_SWITCH: Final = "EVENTLET_NO_GREENDNS"
_LOOK_UPS: Final = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "getnameinfo")


def import_eventlet() -> ModuleType:
    """Return eventlet, with look-ups of names that have not imported their library yet."""
    is_first = "eventlet.green.socket" not in sys.modules and _SWITCH not in os.environ
    if is_first:
        os.environ[_SWITCH] = "yes"
    try:
        with warnings.catch_warnings():
            # Eventlet is in maintenance and says so at each import. The documentation says it too,
            # with the way to gevent; a person who starts a server need not read it every time.
            warnings.filterwarnings("ignore", message=r"(?s).*[Ee]ventlet is deprecated")
            import eventlet
            import eventlet.green.socket as green_socket
    finally:
        if is_first:
            del os.environ[_SWITCH]
    if is_first:
        native = green_socket.getaddrinfo
        for name in _LOOK_UPS:
            setattr(green_socket, name, partial(_look_up, name))
        green_socket.getaddrinfo = partial(_addresses, native)
    found: ModuleType = eventlet
    return found


def _look_up(name: str, *args: Any, **options: Any) -> Any:
    """Call a function of eventlet's own look-ups."""
    from eventlet.support import greendns

    return getattr(greendns, name)(*args, **options)


def _addresses(native: Callable[..., Any], host: Any, *args: Any, **options: Any) -> Any:
    """Do as `socket.getaddrinfo`: the system knows a numeric address without a look-up."""
    if host is None or _is_numeric(host):
        return native(host, *args, **options)
    return _look_up("getaddrinfo", host, *args, **options)


def _is_numeric(host: object) -> bool:
    try:
        ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True
