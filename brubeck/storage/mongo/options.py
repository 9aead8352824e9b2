"""The options of a MongoDB's URL: which are the driver's, which agree with the promises.

Names are compared in any case, as the driver and hosted services do. An option that asks for what
is done anyway is accepted, so that the connection string of a service can be pasted as it is; one
that a promise contradicts is refused with the reason.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from pymongo import MongoClient
from pymongo.errors import ConfigurationError as BadOptions
from pymongo.errors import InvalidURI

from brubeck.errors import ConfigError, did_you_mean
from brubeck.storage.urls import redacted, split

PASSED_ON: Final = (
    "appName",
    "authMechanism",
    "authMechanismProperties",
    "authSource",
    "compressors",
    "directConnection",
    "heartbeatFrequencyMS",
    "loadBalanced",
    "maxIdleTimeMS",
    "minPoolSize",
    "replicaSet",
    "retryReads",
    "serverMonitoringMode",
    "srvMaxHosts",
    "srvServiceName",
    "tls",
    "tlsAllowInvalidCertificates",
    "tlsAllowInvalidHostnames",
    "tlsCAFile",
    "tlsCertificateKeyFile",
    "tlsCertificateKeyFilePassword",
    "tlsCRLFile",
    "tlsDisableOCSPEndpointCheck",
    "tlsInsecure",
    "zlibCompressionLevel",
)
"""The driver's own options that a URL may have; none of them affects a promise."""
_ALIASES: Final = {"ssl": "tls", "j": "journal"}
FIXED: Final = {
    "w": (("majority",), "every write is acknowledged by the majority"),
    "journal": (("true",), "every write is acknowledged by the journal"),
    "readConcernLevel": (("majority",), "the order of changes is read with the majority's concern"),
    "readPreference": (("primary",), "the order of changes is read from the primary"),
    "retryWrites": (("true", "false"), "Brubeck sends a lost write again by itself"),
}
"""The fixed options: their permitted values, and the reason to refuse others."""
REPLACED: Final = {
    "connectTimeoutMS": "timeout",
    "serverSelectionTimeoutMS": "timeout",
    "socketTimeoutMS": "timeout",
    "timeoutMS": "timeout",
    "waitQueueTimeoutMS": "timeout",
    "wTimeoutMS": "timeout",
    "maxPoolSize": "pool",
}
"""The driver's options that Brubeck has its own for."""


def driver_url(url: str, ours: tuple[str, ...]) -> str:
    """Return the URL for the driver, without the options that are Brubeck's own.

    Raises `ConfigError` for an option that is unknown, given twice, or against a promise.
    """
    where = f'The storage "{redacted(url)}"'
    parts = split(url)
    address = url.partition("?")[0]
    kept: dict[str, str] = {}
    for given, value in parse_qsl(parts.query, keep_blank_values=True):
        name = _name(given, ours)
        if name in ours:
            continue
        if fault := _fault(name, value):
            raise ConfigError(f"{where}: {fault}")
        if name not in PASSED_ON and name not in FIXED:
            hint = did_you_mean(given, (*ours, *PASSED_ON, *FIXED))
            raise ConfigError(f'{where} has no option "{given}".{hint}')
        if kept.setdefault(name, value) != value:
            raise ConfigError(f'{where} has the option "{name}" twice.')
    path = parts.path.strip("/")
    if "/" in path or any(each in path for each in ' ."$'):
        raise ConfigError(f"{where}: the path is the name of a database.")
    found = address if path else f"{address.rstrip('/')}/"
    passed = {name: value for name, value in kept.items() if name not in FIXED}
    found += f"?{urlencode(passed)}" if passed else ""
    try:
        MongoClient(found, connect=False).close()
    except (InvalidURI, BadOptions, ValueError, OSError) as reason:
        raise ConfigError(f"{where}: {reason}") from None
    return found


def own_options(query: str, ours: tuple[str, ...]) -> str:
    """Return the part of a query that is Brubeck's own options, their names in lower case."""
    own = []
    for each in query.split("&"):
        name, _, value = each.partition("=")
        if name.lower() in ours:
            own.append(f"{name.lower()}={value}")
    return "&".join(own)


def _name(given: str, ours: tuple[str, ...]) -> str:
    """Return the usual spelling of an option's name; the given one where it has none."""
    lower = given.lower()
    lower = _ALIASES.get(lower, lower)
    return _SPELLINGS.get(lower, lower if lower in ours else given)


def _fault(name: str, value: str) -> str:
    if name in REPLACED:
        return f'use the option "{REPLACED[name]}" in place of "{name}".'
    if name not in FIXED:
        return ""
    agreeing, reason = FIXED[name]
    if value.lower() in agreeing:
        return ""
    return f'the option "{name}" may only be {" or ".join(agreeing)}: {reason}. Leave it out.'


_SPELLINGS: Final = {name.lower(): name for name in (*PASSED_ON, *FIXED, *REPLACED)}
