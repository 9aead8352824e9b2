"""``brubeck mongrel2``: setting up a Mongrel2 in front of a program, and starting it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from brubeck import green
from brubeck.cli.output import print_lines, print_text
from brubeck.cli.programs import PROGRAM, load, plain_errors
from brubeck.config.values import DEFAULT_PORT, whole
from brubeck.errors import ConfigError

if TYPE_CHECKING:
    from brubeck.application import Brubeck
    from brubeck.connections.mongrel2.configuration import Configuration, Folder

_SOCKETS: Final = "tcp://127.0.0.1:9999,tcp://127.0.0.1:9998"


@click.command()
@PROGRAM
@click.option("--listen", help="The two sockets, with a comma between them, if not configured.")
@click.option("--port", default=str(DEFAULT_PORT), help="Where Mongrel2 listens for HTTP.")
@click.option("--bind", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--static",
    "folders",
    multiple=True,
    metavar="PATH=FOLDER",
    help="A folder that Mongrel2 serves by itself; may be repeated.",
)
@click.option("--directory", default=".mongrel2", help="The folder for Mongrel2's own files.")
@click.option("--force", is_flag=True, help="Replace a configuration that somebody has changed.")
@click.option("--print", "only_print", is_flag=True, help="Print the configuration, do nothing.")
@click.option("--start", is_flag=True, help="Become that Mongrel2, until it is stopped.")
def mongrel2(
    program: str,
    listen: str | None,
    port: str,
    bind: str,
    folders: tuple[str, ...],
    directory: str,
    force: bool,
    only_print: bool,
    start: bool,
) -> None:
    """Set up a Mongrel2 in front of the application APP of the module MODULE.

    Writes the configuration into DIRECTORY and loads it, in place of the one before.
    """
    with plain_errors():
        from brubeck.connections.mongrel2.configuration import Configuration, signed

        application = load(program)
        if listen is not None:
            application.configure(server={"listen": listen})
        send_spec, recv_spec = _sockets(application)
        server = application.settings.server
        uploads = Path(server.upload_dir or gettempdir())
        home = Path(directory).absolute()
        configuration = Configuration(
            send_spec=send_spec,
            recv_spec=recv_spec,
            directory=str(home),
            uploads=str(_existing(uploads, "server.upload_dir")),
            bind=_address(bind),
            port=_port(port),
            spool=server.spool,
            folders=tuple(_folder(given) for given in folders),
        )
        text = signed(configuration.text())
        if only_print:
            print_lines(text.rstrip("\n"))
            return
        m2sh, server_program = _found("m2sh"), _found("mongrel2")
        database = _set_up(m2sh, home, text, configuration.uuid, force=force)
        shown = f"[{bind}]" if ":" in bind else bind
        print_text(f"Mongrel2 on http://{shown}:{port} for {send_spec} and {recv_spec}.")
        print_text(f"It logs to {home}/logs and stores large bodies in {configuration.uploads}.")
        command = [server_program, str(database), configuration.uuid]
        if not start:
            print_text(f"Start it with --start, or by m2sh start -db {database} -name main")
            return
        _refuse_what_is_taken(configuration)
        # Whatever is sent to this process now reaches Mongrel2 itself, and it ends as that does.
        os.execv(server_program, command)  # noqa: S606, it needs no shell


def _sockets(application: Brubeck) -> tuple[str, str]:
    """Return the program's two sockets; a relative path in one is made absolute."""
    listen = application.settings.server.listen
    if application.msg_conn is not None or not listen.mongrel2:
        own = "by a connection of its own" if application.msg_conn is not None else f"on {listen}"
        raise ConfigError(
            f"The program serves {own}, not behind Mongrel2. Name two sockets, here and where it "
            f"runs: --listen {_SOCKETS}, or server.listen in brubeck.toml."
        )
    send_spec, recv_spec = map(_absolute, listen.mongrel2)
    return send_spec, recv_spec


def _absolute(spec: str) -> str:
    scheme, _, path = spec.partition("://")
    return f"ipc://{Path(path).absolute()}" if scheme == "ipc" and path[0] not in "/@" else spec


def _port(given: str) -> int:
    try:
        return whole(1, 65_535)(given)
    except ValueError as reason:
        raise ConfigError(f"--port {reason}") from None


def _address(given: str) -> str:
    try:
        return str(ip_address(given))
    except ValueError:
        raise ConfigError(f'--bind must be an IP address, not "{given}".') from None


def _folder(given: str) -> Folder:
    """Return a folder to serve; `ConfigError` if it is none, or not the only one to be seen."""
    from brubeck.connections.mongrel2.configuration import Folder

    path, separator, name = given.partition("=")
    if not separator or not name:
        raise ConfigError(f'--static is a path and a folder, /static=folder, not "{given}".')
    base = _existing(Path(name), "--static")
    # Mongrel2 takes ../static-old for a part of static: it compares no more than how they begin.
    beside = sorted(
        each.name
        for each in base.parent.iterdir()
        if each.name.startswith(base.name) and each.name != base.name
    )
    if beside:
        raise ConfigError(
            f"Mongrel2 would show {base.parent / beside[0]} with {base}, since their names begin "
            "alike. Move one of them."
        )
    return Folder(f"{path.rstrip('/')}/", f"{base}/")


def _existing(folder: Path, where: str) -> Path:
    if not folder.is_dir():
        raise ConfigError(f'{where} must name a folder, and there is none at "{folder}".')
    return folder.resolve()


def _found(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ConfigError(f"{program} is not installed: apt-get install mongrel2-core")
    return found


def _set_up(m2sh: str, home: Path, text: str, uuid: str, *, force: bool) -> Path:
    """Write the configuration and load it; return the database that Mongrel2 reads."""
    file, database = home / "mongrel2.conf", home / "config.sqlite"
    try:
        _refuse_what_is_changed(file, force=force)
        for each in (home, home / "logs", home / "run"):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        database.unlink(missing_ok=True)
    except OSError as reason:
        raise ConfigError(f"{reason.filename} cannot be written: {reason.strerror}.") from reason
    output = _run(m2sh, "load", "-config", file, "-db", database)
    # m2sh reports no failure by its exit status.
    if uuid not in _run(m2sh, "servers", "-db", database):
        raise ConfigError(f"m2sh could not load {file}: {output.strip()}")
    return database


def _run(*command: str | Path) -> str:
    done = subprocess.run(  # noqa: S603, a list of arguments, and no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def _refuse_what_is_changed(file: Path, *, force: bool) -> None:
    from brubeck.connections.mongrel2.configuration import is_ours

    if force or not file.exists():
        return
    if not is_ours(file.read_text(encoding="utf-8", errors="replace")):
        raise ConfigError(f"{file} has been edited; --force replaces it.")


def _refuse_what_is_taken(configuration: Configuration) -> None:
    """Refuse addresses that are in use: Mongrel2 reports that only in its log."""
    with ExitStack() as held:
        for address in _addresses(configuration):
            held.enter_context(green.listen(address))


def _addresses(configuration: Configuration) -> Iterable[green.Address]:
    yield green.Address(configuration.bind, configuration.port)
    for spec in (configuration.send_spec, configuration.recv_spec):
        url = urlsplit(spec)
        try:
            host, port = url.hostname, url.port
        except ValueError:
            host = port = None
        if url.scheme == "tcp":
            if not host or not port:
                raise ConfigError(f'"{spec}" is not a socket such as tcp://127.0.0.1:9999.')
            yield green.Address(host, port)
