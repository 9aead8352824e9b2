"""Configuration: five places, one parser each, and errors that say where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck.config import SETTINGS, default_file, load
from brubeck.config.values import Listen, duration, listen, size
from brubeck.errors import ConfigError
from brubeck.green import Address


def test_a_later_place_wins(tmp_path: Path) -> None:
    """Defaults, arguments, file, environment, command line."""
    file = tmp_path / "brubeck.toml"
    arguments = {"server": {"workers": 2, "max_body": "1k", "grace": 1, "spool": "2k"}}
    file.write_text('[server]\nworkers = 3\nmax_body = "2k"\ngrace = "2s"\n')
    environ = {"BRUBECK_SERVER_WORKERS": "4", "BRUBECK_SERVER_MAX_BODY": "3k"}
    command_line = {"server": {"workers": "5"}}
    settings = load(arguments=arguments, file=file, environ=environ, command_line=command_line)
    server = settings.server
    assert (server.workers, server.max_body, server.grace, server.spool) == (5, 3072, 2.0, 2048)
    assert server.idle_timeout == 75.0


def test_stores_have_any_name(tmp_path: Path) -> None:
    """And there is always a default one."""
    file = tmp_path / "brubeck.toml"
    file.write_text('[storage]\narchive = "mongodb://h/db"\n')
    settings = load(file=file, environ={"BRUBECK_STORAGE_CACHE": "memory://"})
    assert settings.storage == {
        "default": "memory://",
        "archive": "mongodb://h/db",
        "cache": "memory://",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\n\nworkrs = 2\n", 'line 3: server.workrs: there is no setting "workrs"'),
        ("[server]\nworkers = 0\n", "line 2: server.workers must be a whole number from 1"),
        ("[server]\nworkers = true\n", "not True"),
        ("[sever]\nworkers = 1\n", 'Did you mean "server"'),
        ("workers = 1\n", 'line 1: there is no section "workers"'),
        ("[server\n", "is not TOML"),
        ("[storage]\nArchive = 'x'\n", "a store's name"),
        ("[storage]\ndefault = 7\n", "must be a text"),
        ("[server]\nlisten = 'ftp://x'\n", "must be a URL"),
        ("[server]\nlisten = ['tcp://a', 'x']\n", "must be a URL"),
        ("[server]\ngrace = 'soon'\n", "must be a time"),
        ("[server]\nmax_body = '-1'\n", "must be a size"),
        ("[server]\ntrusted_proxies = [1]\n", "must be a list of texts"),
        ("[server]\naccess_log = 'perhaps'\n", "must be true or false"),
        ("[server]\ncertfile = '/nowhere.pem'\n", "there is none at /nowhere.pem"),
        ("[server]\ntrusted_proxies = ['10.0.0.0/99']\n", "must be IP addresses or networks"),
        ("[app]\ncookie_secret = ''\n", "must hold no empty key"),
        ("[app]\nlog_level = 'LOUD'\n", "must be one of DEBUG"),
    ],
)
def test_a_mistake_in_the_file_is_shown_its_place(tmp_path: Path, text: str, said: str) -> None:
    """The file, the line if known, the key, and the nearest right one."""
    file = tmp_path / "brubeck.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file=file, environ={})
    assert said in str(caught.value)
    assert "brubeck.toml" in str(caught.value)


def test_a_mistake_elsewhere_is_shown_its_place() -> None:
    """The variable, the option, the argument."""
    with pytest.raises(ConfigError, match="BRUBECK_SERVER_WORKERS must be"):
        load(environ={"BRUBECK_SERVER_WORKERS": "many"})
    with pytest.raises(ConfigError, match="--max-body must be"):
        load(environ={}, command_line={"server": {"max_body": "x"}})
    with pytest.raises(ConfigError, match="the argument log_level must be"):
        load(environ={}, arguments={"app": {"log_level": 7}})
    with pytest.raises(ConfigError, match='Did you mean "BRUBECK_SERVER_LISTEN"'):
        load(environ={"BRUBECK_LISTEN": "x"})


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """One that merely lies there need not."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load(environ={}, file=tmp_path / "none.toml")
    assert default_file({"BRUBECK_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("http://127.0.0.1:8000", Listen(Address("127.0.0.1", 8000))),
        ("https://localhost", Listen(Address("localhost", 6767), tls=True)),
        ("http://[::1]:0/", Listen(Address("::1", 0))),
        ("unix:/run/b.sock", Listen(Address(path="/run/b.sock"))),
        ("tcp://a:1, ipc://b", Listen(mongrel2=("tcp://a:1", "ipc://b"))),
        (["tcp://a:1", "ipc://b"], Listen(mongrel2=("tcp://a:1", "ipc://b"))),
    ],
)
def test_where_to_serve_is_a_url_or_two_sockets(text: Any, wanted: Listen) -> None:
    """From text or from a list, and the same again from itself."""
    assert listen(text) == wanted
    assert listen(wanted) == wanted
    assert str(wanted)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "http://", "http://h:99999", "http://h/path", "http://u@h", "http://h?x"),
        *("unix:", "tcp://a", "tcp://a,tcp://b,tcp://c", 7, None),
    ],
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    """With what would be right."""
    with pytest.raises(ValueError, match="must be"):
        listen(text)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_no_value_is_another_error(value: Any) -> None:
    """Each parser reads it or raises `ValueError`."""
    parsers = [setting.parse for keys in SETTINGS.values() for setting in keys.values()]
    said: list[str] = []
    for parse in parsers:
        try:
            parse(value)
        except ValueError as reason:
            said.append(str(reason))
    assert all(each.startswith("must") for each in said)


def test_units_are_read() -> None:
    """Times in seconds, sizes in bytes."""
    assert [duration(each) for each in ("5", "1.5s", "2m", "1h", "30d", "250ms")] == [
        *(5, 1.5, 120, 3600, 2_592_000, 0.25)
    ]
    assert [size(each) for each in ("5", "64k", "16MB", "1GiB")] == [5, 65_536, 1 << 24, 1 << 30]


def test_every_setting_says_what_it_is_for() -> None:
    """And its default passes its own parser."""
    for keys in SETTINGS.values():
        for setting in keys.values():
            assert setting.help.endswith(".")
            assert setting.parse(setting.default) == setting.default


SERVICES = ("BRUBECK", "BRUBECK_SERVER", "BRUBECK_STORAGE", "BRUBECK_JOBS", "BRUBECK_APP_2")
LINKS = {
    "_SERVICE_HOST": "10.0.0.1",
    "_SERVICE_PORT": "6767",
    "_SERVICE_PORT_HTTP": "6767",
    "_SERVICE_PORT_WEB_UI": "80",
    "_PORT": "tcp://10.0.0.1:6767",
    "_PORT_6767_TCP": "tcp://10.0.0.1:6767",
    "_PORT_6767_TCP_ADDR": "10.0.0.1",
    "_PORT_6767_TCP_PORT": "6767",
    "_PORT_6767_TCP_PROTO": "tcp",
    "_PORT_53_UDP": "udp://[fd00::1]:53",
    "_PORT_53_UDP_ADDR": "fd00::1",
}


@pytest.mark.parametrize("service", SERVICES)
def test_variables_of_service_links_are_no_settings(
    service: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither as Kubernetes sets them nor as Docker does; one line of the log names them."""
    environ = {f"{service}{suffix}": value for suffix, value in LINKS.items()}
    alias = service.lower().replace("_", "-")
    environ[f"{service}_NAME"] = f"/web/{alias}"
    environ[f"{service}_ENV_PATH"] = "/usr/bin"
    environ["BRUBECK_SERVER_WORKERS"] = "2"
    environ["BRUBECK_STORAGE_CACHE"] = "memory://"
    settings = load(environ=environ)
    assert (settings.server.workers, settings.jobs.name) == (2, "jobs")
    assert settings.storage == {"default": "memory://", "cache": "memory://"}
    (record,) = caplog.records
    assert record.name == "brubeck.server"
    assert all(name in record.getMessage() for name in environ if service + "_PORT" in name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRUBECK_PORT", "6767"),
        ("BRUBECK_PORT", "http://10.0.0.1:6767"),
        ("BRUBECK_SERVER_PORT", "6767"),
        ("BRUBECK_SERVICE_HOST", "http://10.0.0.1"),
        ("BRUBECK_SERVICE_PORT", "http://10.0.0.1:6767"),
        ("BRUBECK_SERVICE_LISTEN", "http://127.0.0.1:6767"),
        ("BRUBECK_SERVER_LISTN", "http://127.0.0.1:6767"),
        ("BRUBECK_PORT_TCP", "tcp://10.0.0.1:6767"),
        ("BRUBECK_NAME", "quakes"),
        ("BRUBECK_JOBS_NAMES", "quakes"),
        ("BRUBECK_SERVER_ENV_PATH", "/usr/bin"),
    ],
)
def test_a_variable_that_is_like_a_link_is_still_refused(name: str, value: str) -> None:
    """Without a value as links have it, it is a misspelt setting."""
    with pytest.raises(ConfigError, match=name):
        load(environ={name: value})


def test_settings_and_stores_that_are_named_like_links_stay() -> None:
    """Their values are not those of links."""
    environ = {
        "BRUBECK_JOBS_NAME": "quakes",
        "BRUBECK_STORAGE_PORT": "redis://h/1",
        "BRUBECK_STORAGE_ENV_EUROPE": "memory://",
        "BRUBECK_STORAGE_SERVICE_HOST": "sqlite:///hosts.db",
    }
    settings = load(environ=environ)
    assert settings.jobs.name == "quakes"
    assert set(settings.storage) == {"default", "port", "env_europe", "service_host"}
