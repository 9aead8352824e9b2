"""Variables that Kubernetes and Docker set for services, which are not settings of the program.

For a service named ``brubeck`` or ``brubeck-storage`` both set variables that begin like ours.
A variable is one of theirs only if its value has the shape of theirs, too; so a misspelt setting,
such as ``BRUBECK_PORT=6767``, is still refused.

Sources: Kubernetes, "Discovering services"; Docker, "Legacy container links".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SERVICE: Final = r"(?P<service>BRUBECK(?:_[A-Z0-9_]+?)?)"
_URL: Final = re.compile(r"(?:tcp|udp|sctp)://[^\s/]+:\d+")
_NUMBER: Final = re.compile(r"\d{1,5}")
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]+")
_PROTOCOL: Final = re.compile(r"tcp|udp|sctp")
_EACH_PORT: Final = _SERVICE + r"_PORT_\d+_(?:TCP|UDP|SCTP)"
_SHAPES: Final = (
    (re.compile(_SERVICE + "_SERVICE_HOST"), _HOST),
    (re.compile(_SERVICE + r"_SERVICE_PORT(?:_[A-Z0-9_]+)?"), _NUMBER),
    (re.compile(_SERVICE + "_PORT"), _URL),
    (re.compile(_EACH_PORT + "(?:_START|_END)?"), _URL),
    (re.compile(_EACH_PORT + "_ADDR"), _HOST),
    (re.compile(_EACH_PORT + "_PORT(?:_START|_END)?"), _NUMBER),
    (re.compile(_EACH_PORT + "_PROTO"), _PROTOCOL),
)
_NAME: Final = re.compile(_SERVICE + "_NAME")
_ENV: Final = "_ENV_"


def link_variables(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the variables that describe a linked service.

    >>> sorted(link_variables({'BRUBECK_PORT': 'tcp://10.0.0.1:6767', 'BRUBECK_GREEN': 'gevent'}))
    ['BRUBECK_PORT']
    """
    found, services = set(), {"BRUBECK"}
    ours = {name: value for name, value in environ.items() if name.startswith("BRUBECK_")}
    for name, value in ours.items():
        service = _service_of(name, value)
        if service:
            found.add(name)
            services.add(service)
    # Docker copies the variables of a linked container, whatever their values are. Without a link
    # of that name, such a variable may as well be a store: BRUBECK_STORAGE_ENV_EUROPE.
    found.update(name for name in ours if _ENV in name and name.partition(_ENV)[0] in services)
    return frozenset(found)


def _service_of(name: str, value: str) -> str:
    """Return the name of the service that a variable describes; empty for any other variable."""
    for shape, values in _SHAPES:
        match = shape.fullmatch(name)
        if match and values.fullmatch(value):
            return match["service"]
    match = _NAME.fullmatch(name)
    if match and value.startswith("/"):  # /container/alias, by which the container names the link
        alias = re.sub(r"[^A-Za-z0-9]", "_", value.rpartition("/")[2]).upper()
        return match["service"] if alias == match["service"] else ""
    return ""
