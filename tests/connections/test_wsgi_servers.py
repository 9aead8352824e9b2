"""A program on the WSGI servers that people have: pages, writes, feeds, bodies without a length."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers import Caller, free_port, require, wait_until
from tests.servers.programs import ROOT, Program, running

APP: Final = "tests.connections.wsgi_servers_program:app"
SERVERS: Final = {
    "gunicorn": (
        "gunicorn",
        "-b",
        "127.0.0.1:{}",
        "--threads",
        "4",
        "--graceful-timeout",
        "1",
        "--no-control-socket",
        APP,
    ),
    "waitress": ("waitress", "--listen=127.0.0.1:{}", APP),
    "granian": ("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{}", APP),
    "a2wsgi": (
        "uvicorn",
        "--timeout-graceful-shutdown",
        "1",
        "--port",
        "{}",
        "tests.connections.wsgi_servers_program:asgi",
    ),
}
"""The commands of the servers that are modules of Python, with the port to come."""


def module(name: str, port: int, _: Path) -> list[str]:
    """Return the command of a server that is a module of Python."""
    return [sys.executable, "-m", *(each.format(port) for each in SERVERS[name])]


def uwsgi(_name: str, port: int, _: Path) -> list[str]:
    """Return the command of a uWSGI, which is a program in C."""
    program = str(Path(sys.executable).with_name("uwsgi"))
    threads = ("--master", "--die-on-term", "--enable-threads", "--threads", "8")
    return [program, "--http-socket", f"127.0.0.1:{port}", "--module", APP, *threads]


MODULES: Final = Path("/usr/lib/apache2/modules")
SITE: Final = """
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/log
DefaultRuntimeDir {folder}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
{user}
WSGISocketPrefix {sockets}/wsgi
WSGIDaemonProcess notes threads=8 python-path={root}:{packages}
WSGIProcessGroup notes
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias / {root}/tests/connections/wsgi_servers_program.py
WSGICallableObject app
WSGIChunkedRequest On
<Location "/">
    Require all granted
</Location>
"""


def mod_wsgi(_name: str, port: int, folder: Path) -> list[str]:
    """Return the command of an Apache that runs the program by mod_wsgi."""
    program = require("apache2", "apache2-bin")
    if not (MODULES / "mod_wsgi.so").exists():
        missing = "mod_wsgi is not installed: apt-get install libapache2-mod-wsgi-py3"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    version = "{}.{}".format(*sys.version_info)
    if not (MODULES / f"mod_wsgi.so-{version}").exists():
        pytest.skip(f"Debian's mod_wsgi is not for Python {version}")
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    # Its own Python with the packages of this one, which may lie where its user cannot read.
    packages = sysconfig.get_path("purelib")
    words = {"port": port, "folder": folder, "user": user, "packages": packages, "root": ROOT}
    words["sockets"] = _folder_for_everybody()
    (folder / "apache2.conf").write_text(SITE.format(modules=MODULES, **words))
    return ["setsid", program, "-X", "-d", str(folder), "-f", str(folder / "apache2.conf")]


def _folder_for_everybody() -> str:
    """Return a folder that Apache's user can enter, as it cannot those of pytest's."""
    folder = tempfile.mkdtemp(prefix="brubeck-wsgi-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder).chmod(0o755)
    return folder


COMMANDS: Final = dict.fromkeys(SERVERS, module) | {"uwsgi": uwsgi, "mod_wsgi": mod_wsgi}


@pytest.fixture(scope="module", params=COMMANDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """Run a server with the program."""
    port = free_port()
    command = COMMANDS[request.param](request.param, port, tmp_path_factory.mktemp("server"))
    with running(*command) as program:
        program.port = port

        def answers() -> bool:
            try:
                return ask(program, "GET", "/-/health")[0] == 200
            except (OSError, ValueError):  # not there yet, or with an error page of its own
                return False

        wait_until(answers, seconds=30)
        yield program
        if request.param == "mod_wsgi":  # it would wait for the next event of a feed that was left
            os.killpg(program.process.pid, signal.SIGKILL)


def ask(server: Program, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Return the status and the decoded body of an answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def test_pages_and_writes(server: Program) -> None:
    """As on Brubeck's own server."""
    status, made = ask(server, "POST", "/notes", {"text": "über"})
    assert status == 201
    item = f"/notes/{made['data']['id']}"
    assert ask(server, "GET", item)[1]["data"]["text"] == "über"
    assert ask(server, "PATCH", item, {"text": "two"})[0] == 200
    assert item.rpartition("/")[2] in {
        each["id"] for each in ask(server, "GET", "/notes")[1]["data"]
    }
    assert ask(server, "DELETE", item)[0] == 204
    assert ask(server, "GET", item)[0] == 410
    assert ask(server, "GET", "/notes?limit=0")[0] == 400


def test_a_name_with_an_underscore_is_none_with_a_dash(server: Program) -> None:
    """The log warns of a server that takes the one for the other."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/seen", headers={"X_Forwarded_For": "6.6.6.6"})
    seen = json.loads(connection.getresponse().read())
    connection.close()
    assert seen == "" or "may take a header X_Forwarded_For" in server.output


def test_a_feed_tells_of_a_write(server: Program) -> None:
    """While it is open; it is cut after a while, and the reader goes on from its last id."""
    with Caller(server.port) as feed:
        feed.get("/notes/changes?after=now", "Accept: text/event-stream")
        response = feed.response()
        assert response.status == 200
        status, made = ask(server, "POST", "/notes", {"text": "live"})
        assert status == 201
        seen = b""
        while made["data"]["id"].encode() not in seen:
            line = response.readline()
            assert line, "the feed has ended"
            seen += line


def test_a_body_without_a_length_is_read_or_refused(server: Program) -> None:
    """A server that does not pass it is 411; nothing is taken for an empty body."""
    with Caller(server.port) as caller:
        text = b'{"text": "in chunks"}'
        caller.send(
            b"POST /notes HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(text), text)
        )
        response = caller.response()
        assert response.status in (201, 411)
        if response.status == 201:
            assert json.loads(response.read())["data"]["text"] == "in chunks"
