"""Genuine proxies, started from the files of ``deploy/`` with free ports in place of theirs."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.proxies.origins import Origin
from tests.servers import free_port, require
from tests.servers.processes import Server

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAM = "127.0.0.1:6767"
"""The address of the program in the files."""


def shipped(name: str, replaced: dict[str, str]) -> str:
    """Return a file of ``deploy/`` with some texts replaced, each of which has to be there."""
    text = (DEPLOY / name).read_text()
    for old, new in replaced.items():
        assert old in text, f"deploy/{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def write(path: Path, text: str) -> Path:
    """Write a file and return its path."""
    path.write_text(text)
    return path


def nginx(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of an nginx with the site of ``deploy/nginx.conf``."""
    program = require("nginx", "nginx-light")
    replaced = {
        "listen 80;": f"listen 127.0.0.1:{port};",
        PROGRAM: f"127.0.0.1:{origin}",
        "/var/cache/brubeck": f"{directory}/cache",
    }
    site = write(directory / "site.conf", shipped("nginx.conf", replaced))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""  # the directory is ours alone
    main = (
        (
            f"{user}\ndaemon off;\npid {directory}/pid;\nerror_log stderr;\nworker_processes 1;\n"
            "worker_rlimit_nofile 8192;\nevents {{ worker_connections 4096; }}\n"
            f"http {{\naccess_log off;\n{temporary}include {site};\n}}\n"
        )
        .replace("{{", "{")
        .replace("}}", "}")
    )
    path = write(directory / "nginx.conf", main)
    return [program, "-p", str(directory), "-c", str(path), "-e", "stderr"]


def haproxy(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of a HAProxy with ``deploy/haproxy.cfg``."""
    program = require("haproxy", "haproxy")
    replaced = {"bind :80": f"bind 127.0.0.1:{port}", PROGRAM: f"127.0.0.1:{origin}"}
    replaced["maxconn 20000"] = "maxconn 1000"  # a laptop has few file descriptors
    path = write(directory / "haproxy.cfg", shipped("haproxy.cfg", replaced))
    return [program, "-db", "-f", str(path)]


def varnish(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of a Varnish with ``deploy/default.vcl``."""
    program = require("varnishd", "varnish")
    replaced = {'.port = "6767"': f'.port = "{origin}"'}
    path = write(directory / "default.vcl", shipped("default.vcl", replaced))
    listen = ("-a", f"127.0.0.1:{port}", "-T", "none", "-j", "none", "-n", str(directory / "v"))
    return [program, "-F", *listen, "-s", "malloc,64m", "-f", str(path)]


_MODULES = (
    *("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "env", "setenvif"),
    *("deflate", "filter"),
)


def apache(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of an Apache with the site of ``deploy/apache.conf``."""
    program = require("apache2", "apache2-bin")
    replaced = {"*:80": f"127.0.0.1:{port}", PROGRAM: f"127.0.0.1:{origin}"}
    site = write(directory / "site.conf", shipped("apache.conf", replaced))
    folder = "/usr/lib/apache2/modules"
    lines = [f"LoadModule {each}_module {folder}/mod_{each}.so" for each in _MODULES]
    lines += [f"Listen 127.0.0.1:{port}", f"PidFile {directory}/pid", "ServerName localhost"]
    lines += [f"ErrorLog {directory}/error.log", f"DefaultRuntimeDir {directory}"]
    lines += ["AddOutputFilterByType DEFLATE application/json text/html"]  # as Debian's is set up
    if os.geteuid() == 0:
        lines += ["User www-data", "Group www-data"]
    main = write(directory / "apache2.conf", "\n".join([*lines, f"Include {site}", ""]))
    return [program, "-X", "-d", str(directory), "-f", str(main)]


def caddy(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of a Caddy with ``deploy/Caddyfile``, without a certificate."""
    program = require("caddy", "caddy")
    replaced = {
        "api.example.org {": f"http://:{port} {{\n\tbind 127.0.0.1",
        PROGRAM: f"127.0.0.1:{origin}",
    }
    general = "{\n\tadmin off\n}\n\n"
    path = write(directory / "Caddyfile", general + shipped("Caddyfile", replaced))
    # It keeps what it keeps below the home directory.
    home = (f"HOME={directory}", f"XDG_DATA_HOME={directory}", f"XDG_CONFIG_HOME={directory}")
    return ["env", *home, program, "run", "--adapter", "caddyfile", "--config", str(path)]


def caddy_version() -> tuple[int, ...]:
    """Return the version of Caddy, such as ``(2, 6, 2)``."""
    said = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", said)
    assert found is not None, said
    return tuple(map(int, found.groups()))


def nginx_by_default(directory: Path, port: int, origin: int) -> list[str]:
    """Return the command of an nginx with the one line that most people begin with.

    It speaks HTTP/1.0 to the program, and names neither the client nor the host.
    """
    command = nginx(directory, port, origin)
    location = f"location / {{ proxy_pass http://127.0.0.1:{origin}; }}"
    write(directory / "site.conf", f"server {{ listen 127.0.0.1:{port}; {location} }}\n")
    return command


def mongrel2_listen(directory: Path) -> str:
    """Return where the program listens behind a Mongrel2 in a directory."""
    return f"ipc://{directory}/requests,ipc://{directory}/replies"


def mongrel2(directory: Path, port: int, _origin: int = 0) -> list[str]:
    """Return the command of a Mongrel2 with ``deploy/mongrel2.conf``.

    Its sockets are those of `mongrel2_listen`, and there is no chroot, which only root may have.
    """
    program, m2sh = (require(each, "mongrel2-core") for each in ("mongrel2", "m2sh"))
    requests, replies = mongrel2_listen(directory).split(",")
    replaced = {
        "tcp://127.0.0.1:9999'": f"{requests}'",
        "tcp://127.0.0.1:9998'": f"{replies}'",
        "port=80": f"port={port}",
        "chroot='/var/lib/mongrel2',": "",
        "'/access.log'": f"'{directory}/access.log'",
        "'/error.log'": f"'{directory}/error.log'",
        "'/mongrel2.pid'": f"'{directory}/mongrel2.pid'",
        "/uploads": f"{directory}",
        "settings = {": "settings = {'server.daemonize': 0, "
        f"'control_port': 'ipc://{directory}/control',",
    }
    config, database = directory / "mongrel2.conf", directory / "config.sqlite"
    write(config, shipped("mongrel2.conf", replaced))
    load = [m2sh, "load", "-config", str(config), "-db", str(database)]
    subprocess.run(load, cwd=directory, check=True, capture_output=True)
    uuid = re.findall(r"uuid='([^']+)'", config.read_text())[0]
    return [program, str(database), uuid]


FRONTS: dict[str, Callable[[Path, int, int], list[str]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
    "varnish": varnish,
    "apache": apache,
    "caddy": caddy,
}
"""Each proxy of ``deploy/`` that speaks HTTP with the program, by its name."""

PROXIES = FRONTS | {"nginx alone": nginx_by_default, "mongrel2": mongrel2}
"""All of them, also an nginx without the file, and the one that speaks ZeroMQ."""


class Front(Server):
    """A proxy before the program on the port ``origin``."""

    origin: Origin
    """The program, in the tests of proxies."""

    def __init__(self, name: str, directory: Path, origin: int) -> None:
        port = free_port()
        self.name = name
        super().__init__(PROXIES[name](directory, port, origin), port, directory / "log")

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> None:
        """Start it and wait until it listens."""
        self.start(self._listens)

    @property
    def prefix(self) -> str:
        """The prefix that the program is mounted at, too, by the file of the proxy."""
        return "/music" if self.name in FRONTS else ""

    def stop(self) -> None:
        """Stop it at once where it would wait, as Apache does for the next event of each feed."""
        if self.name in ("apache", "mongrel2"):
            self.kill()
        else:
            super().stop()

    def passes(self) -> bool:
        """Tell whether a request arrives at the program, and its answer here."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/seen")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _listens(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port)):
            return True
