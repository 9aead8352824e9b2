"""Configuration: one table of settings, five places to set them, and errors that say where.

Precedence, lowest first: the defaults, the program's arguments, ``brubeck.toml``, the environment
(``BRUBECK_<SECTION>_<KEY>``), the command line. So a deployment always has the last word.

Every value passes the same parser, wherever it comes from; a key or a value that cannot be right is
refused with its place (file and line, variable, option), never ignored.
"""

from __future__ import annotations

import logging
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from brubeck.config.links import link_variables
from brubeck.config.settings import AppSettings, JobsSettings, ServerSettings, Settings
from brubeck.config.urls import redacted
from brubeck.config.values import (
    DEFAULT_PORT,
    Listen,
    accent_color,
    boolean,
    duration,
    forwarding_headers,
    job_name,
    listen,
    local_path,
    log_level,
    networks,
    one_of,
    optional_duration,
    path_or_address,
    readable_file,
    signing_keys,
    size,
    text,
    whole,
)
from brubeck.errors import ConfigError, did_you_mean

log = logging.getLogger("brubeck.server")

FILE_NAME: Final = "brubeck.toml"
_CREDENTIALS: Final = {"BRUBECK_USER", "BRUBECK_TOKEN"}
"""The variables of the commands that ask a server."""
_RESERVED: Final = {"BRUBECK_GREEN", "BRUBECK_CONFIG", "BRUBECK_WORKER", *_CREDENTIALS}


class Setting(msgspec.Struct, frozen=True):
    """One setting: its parser, its default and its description."""

    parse: Callable[[Any], Any]
    default: object
    help: str


SETTINGS: Final[dict[str, dict[str, Setting]]] = {
    "server": {
        "listen": Setting(
            listen,
            listen("http://127.0.0.1:6767"),
            "Where to serve: a URL, or the two sockets of a Mongrel2.",
        ),
        "workers": Setting(whole(1, 512), 1, "How many processes share the port."),
        "certfile": Setting(readable_file, "", "The certificate chain for https (PEM)."),
        "keyfile": Setting(readable_file, "", "The certificate's private key (PEM)."),
        "trusted_proxies": Setting(networks, (), "Addresses whose forwarding headers count."),
        "trusted_headers": Setting(
            forwarding_headers, "x-forwarded", "The headers that these proxies set."
        ),
        "access_log": Setting(boolean, False, "Whether to log a line for each request."),
        "request_ids": Setting(
            boolean, False, "Whether answers and log lines name the request (X-Request-ID)."
        ),
        "health": Setting(boolean, True, "Whether to serve /-/health and /-/ready."),
        "metrics": Setting(
            path_or_address, "", "Where Prometheus reads: a path, or an address of its own."
        ),
        "tracing": Setting(boolean, False, "Whether requests are spans of OpenTelemetry."),
        "blocked_after": Setting(
            optional_duration, 0.0, "Time without the hub after which its line is logged; 0: never."
        ),
        "max_connections": Setting(whole(1, 1_000_000), 20_000, "Connections at once, a process."),
        "max_head": Setting(size, 65_536, "Bytes of a request's line and headers."),
        "max_body": Setting(size, 64 << 20, "Bytes of a request's body."),
        "max_held": Setting(size, 512 << 20, "Bytes held in memory for all clients, a process."),
        "max_spooled": Setting(size, 4 << 30, "Bytes of all bodies in files, a process."),
        "upload_dir": Setting(
            text, "", "The folder of Mongrel2's large bodies, as seen from here."
        ),
        "spool": Setting(size, 1 << 20, "Bytes of a body to hold in memory before a file."),
        "head_timeout": Setting(duration, 15.0, "Time for a request's line and headers."),
        "body_timeout": Setting(
            duration, 60.0, "Time without a byte of the body or answer moving."
        ),
        "idle_timeout": Setting(duration, 75.0, "Time an idle connection is kept open."),
        "grace": Setting(duration, 30.0, "Time to finish running requests when stopping."),
    },
    "app": {
        "log_level": Setting(log_level, "INFO", "Python's name of a logging level."),
        "log_format": Setting(one_of("text", "json"), "text", "Logs for people, or for programs."),
        "login_url": Setting(text, "", "The URL of the page to log in."),
        "logout_url": Setting(text, "", "The URL that logs out by POST."),
        "cookie_secret": Setting(signing_keys, (), "Keys for signed cookies; the first one signs."),
        "api_base_url": Setting(text, "/", "The prefix of the URLs of AutoAPIs."),
        "explorer_accent": Setting(accent_color, "", "The colour of links in the explorer."),
        "explorer_logo": Setting(local_path, "", "The path of an image for the explorer's pages."),
    },
    "jobs": {
        "queue": Setting(text, "", "The Redis or SQLite file of jobs; else the default store."),
        "name": Setting(job_name, "jobs", "The queue's name, for programs that share it."),
        "workers": Setting(whole(1, 512), 1, "How many processes do jobs."),
        "concurrency": Setting(whole(1, 10_000), 10, "Jobs at once, a process."),
        "attempts": Setting(whole(1, 1000), 5, "How many attempts a failing job has."),
        "backoff": Setting(duration, 1.0, "Time between the first two attempts; then it doubles."),
        "lease": Setting(duration, 30.0, "Time without a heartbeat until others take a job over."),
    },
    # Stores have any name; the streams that name none are kept in `default`.
    "storage": {},
}

_STORE: Final = Setting(text, "memory://", "The URL of a store.")
_STORE_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def given(**sections: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return only the values of each section that were given at all.

    >>> given(app={'log_level': None, 'login_url': '/login'})
    {'app': {'login_url': '/login'}}
    """
    return {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in sections.items()
    }


class _Given(msgspec.Struct, frozen=True):
    """One value that somebody has set, and the words for where."""

    section: str
    key: str
    value: object
    where: str
    source: str


class SettingInForce(msgspec.Struct, frozen=True):
    """One setting with its value in force, fit to be shown, and the source of the value."""

    section: str
    key: str
    value: object
    source: str
    """``default``, ``program``, or words such as ``file brubeck.toml, line 2``."""


def load(
    *,
    arguments: Mapping[str, Mapping[str, object]] | None = None,
    command_line: Mapping[str, Mapping[str, object]] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Read every source and return the settings; `ConfigError` for the first thing wrong.

    >>> settings = load(arguments={'server': {'workers': 2}}, environ={}, file=None)
    >>> settings.server.workers, settings.storage['default']
    (2, 'memory://')

    ``arguments`` and ``command_line`` map a section to its keys and values. ``file`` is the path of
    a configuration file, which must exist, or None.
    """
    values: dict[str, dict[str, Any]] = {
        section: {key: setting.default for key, setting in keys.items()}
        for section, keys in SETTINGS.items()
    }
    for each in _all_given(arguments, command_line, environ, file):
        values[each.section][each.key] = _parsed(each)
    return Settings(
        server=ServerSettings(**values["server"]),
        app=AppSettings(**values["app"]),
        jobs=JobsSettings(**values["jobs"]),
        storage={"default": "memory://", **values["storage"]},
        stores_given=frozenset(values["storage"]),
    )


def explain(
    *,
    arguments: Mapping[str, Mapping[str, object]] | None = None,
    command_line: Mapping[str, Mapping[str, object]] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> list[SettingInForce]:
    """Return every setting with its value in force and the source; secrets are ``***``.

    >>> environ = {'BRUBECK_APP_LOGIN_URL': '/'}
    >>> found = explain(arguments={'server': {'workers': 2}}, environ=environ)
    >>> [(each.key, each.value, each.source) for each in found if each.source != 'default']
    [('workers', 2, 'program'), ('login_url', '/', 'environment BRUBECK_APP_LOGIN_URL')]

    The arguments are those of `load`, and so are the errors.
    """
    found = {
        (section, key): (setting.default, "default")
        for section, keys in SETTINGS.items()
        for key, setting in (keys or {"default": _STORE}).items()
    }
    for each in _all_given(arguments, command_line, environ, file):
        found[each.section, each.key] = (_parsed(each), each.source)
    return [
        SettingInForce(section, key, _shown(section, key, value), source)
        for (section, key), (value, source) in found.items()
    ]


def _shown(section: str, key: str, value: Any) -> object:
    """Return a value without secrets, as JSON has it."""
    if key == "cookie_secret":
        return ["***"] * len(value)
    if section == "storage" or key == "queue":
        return redacted(value)
    return str(value) if isinstance(value, Listen) else value


def _all_given(
    arguments: Mapping[str, Mapping[str, object]] | None,
    command_line: Mapping[str, Mapping[str, object]] | None,
    environ: Mapping[str, str] | None,
    file: Path | None,
) -> list[_Given]:
    """Return the given values of all sources, lowest precedence first."""
    return [
        *_from_mapping(arguments or {}, "the argument {key}", "program"),
        *(_from_file(file) if file else ()),
        *_from_environment(os.environ if environ is None else environ),
        *_from_mapping(command_line or {}, "--{option}", "command line --{option}"),
    ]


def default_file(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the configuration file in force: ``BRUBECK_CONFIG``, or ``brubeck.toml`` if any."""
    named = (os.environ if environ is None else environ).get("BRUBECK_CONFIG")
    if named:
        return Path(named)
    here = Path(FILE_NAME)
    return here if here.is_file() else None


def _parsed(given: _Given) -> object:
    setting = _setting(given)
    try:
        return setting.parse(given.value)
    except ValueError as reason:
        raise ConfigError(f"{given.where} {reason}") from None


def _setting(given: _Given) -> Setting:
    keys = SETTINGS.get(given.section)
    if keys is None:
        hint = did_you_mean(given.section, SETTINGS)
        raise ConfigError(f'{given.where}: there is no section "{given.section}".{hint}')
    if given.section == "storage":
        if not _STORE_NAME.fullmatch(given.key):
            raise ConfigError(
                f'{given.where}: a store\'s name is like "archive", not "{given.key}".'
            )
        return _STORE
    if given.key not in keys:
        hint = did_you_mean(given.key, keys)
        raise ConfigError(f'{given.where}: there is no setting "{given.key}".{hint}')
    return keys[given.key]


def _from_mapping(
    sections: Mapping[str, Mapping[str, object]], where: str, source: str
) -> Iterator[_Given]:
    for section, keys in sections.items():
        for key, value in keys.items():
            names = {"key": key, "option": key.replace("_", "-")}
            yield _Given(section, key, value, where.format(**names), source.format(**names))


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Given]:
    linked = link_variables(environ)
    if linked:
        # A warning, since it is read before the level of the log is known.
        log.warning("Variables of service links are ignored: %s.", ", ".join(sorted(linked)))
    for name, value in sorted(environ.items()):
        if not name.startswith("BRUBECK_") or name in _RESERVED or name in linked:
            continue
        section, _, key = name.removeprefix("BRUBECK_").lower().partition("_")
        if section not in SETTINGS or not key:
            known = _RESERVED - {"BRUBECK_WORKER"} - _CREDENTIALS | {
                f"BRUBECK_{section}_{key}".upper()
                for section in SETTINGS
                for key in SETTINGS[section]
            }
            raise ConfigError(f"{name}: there is no such variable.{did_you_mean(name, known)}")
        yield _Given(section, key, value, name, f"environment {name}")


def _from_file(path: Path) -> Iterator[_Given]:
    try:
        source = path.read_text(encoding="utf-8")
        sections = tomllib.loads(source)
    except OSError as reason:
        raise ConfigError(f"{path} cannot be read: {reason.strerror}.") from reason
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise ConfigError(f"{path} is not TOML: {reason}.") from reason
    for section, keys in sections.items():
        if section not in SETTINGS or not isinstance(keys, dict):
            line = _line(source, "", section) if not isinstance(keys, dict) else ""
            hint = did_you_mean(section, SETTINGS)
            raise ConfigError(f'{path}{line}: there is no section "{section}".{hint}')
        for key, value in keys.items():
            place = f"{path}{_line(source, section, key)}"
            yield _Given(section, key, value, f"{place}: {section}.{key}", f"file {place}")


def _line(source: str, section: str, key: str) -> str:
    """Return the words for a key's line, as far as a look at the text can tell."""
    current = ""
    for number, line in enumerate(source.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            current = header[1]
        elif current == section and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return f", line {number}"
    return ""


__all__ = [
    "DEFAULT_PORT",
    "SETTINGS",
    "Listen",
    "Setting",
    "SettingInForce",
    "Settings",
    "default_file",
    "explain",
    "load",
]
