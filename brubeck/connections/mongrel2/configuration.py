"""The configuration of a Mongrel2 for one program: values in, text out.

Rules:

- The same values make the same text: names that have to be unique are made of the two sockets.
- All paths are absolute and there is no chroot, so that the program and Mongrel2 see the same
  files, no matter how they are started.
- Mongrel2's format has no way to escape a character. A value that cannot be written is a
  `ConfigError`, as is a folder beside which Mongrel2 would show others.
"""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from brubeck.errors import ConfigError

BUFFER_SIZE: Final = 4096
"""Mongrel2's own ``limits.buffer_size``, below which ``limits.content_length`` makes it hang."""

_LARGEST: Final = (1 << 31) - 1
_UNWRITABLE: Final = re.compile(r"""['"`\\%\x00-\x1f\x7f]""")
_FOLDER_PATH: Final = re.compile(r"/(?:[\w.~-]+/)+", re.ASCII)
_SIGNED: Final = "# By `brubeck mongrel2`, which replaces only what nobody has changed: "

_TEXT: Final = """\
program = Handler(
    send_spec='{send_spec}', send_ident='{ident}',
    recv_spec='{recv_spec}', recv_ident='')

main = Server(
    uuid='{uuid}', name='main', port={port}, bind_addr='{bind}',
    default_host='localhost', chroot='',
    access_log='{directory}/logs/access.log', error_log='{directory}/logs/error.log',
    pid_file='{directory}/run/mongrel2.pid',
    hosts=[Host(name='localhost', routes={{
        {routes}
    }})])

settings = {{
    'server.daemonize': 0,
    'control_port': 'ipc://{directory}/run/control',
    'download.flow_control': 1,
    'upload.temp_store': '{uploads}/mongrel2.XXXXXX',
    'upload.temp_store_mode': '0600',
    'limits.content_length': {content_length}
}}

servers = [main]
"""


class Folder(msgspec.Struct, frozen=True):
    """A folder that Mongrel2 serves by itself: the ``path`` of its URLs, and its ``base``.

    Both are absolute and end with a slash.
    """

    path: str
    base: str

    def __post_init__(self) -> None:
        if not _FOLDER_PATH.fullmatch(self.path) or {".", ".."} & {*self.path.split("/")}:
            raise ConfigError(f'A folder is served at a path such as /static, not "{self.path}".')

    def directory(self) -> str:
        """Return the target of a route of Mongrel2: ``Dir(…)``."""
        kind = "application/octet-stream"
        return f"Dir(base='{self.base}', index_file='index.html', default_ctype='{kind}')"


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a Mongrel2 in front of one program.

    ``send_spec`` and ``recv_spec`` are the program's two sockets. ``directory`` is where Mongrel2
    keeps its own files, in ``logs`` and ``run``; ``uploads`` is where it stores bodies of more
    than ``spool`` bytes. Both are absolute.
    """

    send_spec: str
    recv_spec: str
    directory: str
    uploads: str
    bind: str = "127.0.0.1"
    port: int = 6767
    spool: int = 1 << 20
    folders: tuple[Folder, ...] = ()

    @property
    def uuid(self) -> str:
        """The server's name in Mongrel2's database."""
        return self._name("server")

    def text(self) -> str:
        """Return the configuration, as ``m2sh load`` reads it; `ConfigError` if it cannot be."""
        values = (self.send_spec, self.recv_spec, self.directory, self.uploads, self.bind)
        for value in (*values, *(folder.base for folder in self.folders)):
            _check_writable(value)
        lines = [f"'{path}': {to}" for path, to in sorted(self._routes().items())]
        return _TEXT.format(
            send_spec=self.send_spec,
            recv_spec=self.recv_spec,
            ident=self._name("handler"),
            uuid=self.uuid,
            port=self.port,
            bind=self.bind,
            directory=self.directory,
            uploads=self.uploads,
            content_length=min(max(self.spool, BUFFER_SIZE), _LARGEST),
            routes=",\n        ".join(lines),
        )

    def _routes(self) -> dict[str, str]:
        """Return where each path leads.

        Beside ``/static/`` Mongrel2 would find nothing at ``/s``, ``/st`` and so on, though ``/``
        leads to the program; so the program is given each of them.
        """
        folders = sorted(self.folders, key=lambda folder: folder.path)
        for one, other in pairwise(folders):
            if other.path.startswith(one.path):
                raise ConfigError(
                    f"The folders at {one.path} and {other.path} are in each other's way."
                )
        directories = {folder.path: folder.directory() for folder in folders}
        pieces = (path[:end] for path in directories for end in range(1, len(path)))
        return {"/": "program"} | dict.fromkeys(pieces, "program") | directories

    def _name(self, what: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"mongrel2 {what} {self.send_spec} {self.recv_spec}"))


def signed(text: str) -> str:
    """Return a configuration with a first line by which `is_ours` knows it."""
    return f"{_SIGNED}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def is_ours(written: str) -> bool:
    """Return whether a file is as `signed` made it.

    >>> is_ours(signed('servers = []')), is_ours(signed('servers = []') + '# mine')
    (True, False)
    """
    return written == signed(written.partition("\n")[2])


def _check_writable(value: str) -> None:
    if found := _UNWRITABLE.search(value):
        raise ConfigError(f"Mongrel2's configuration cannot hold {found[0]!r}, as in {value!r}.")
