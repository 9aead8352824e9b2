"""The program behind proxies: at one port, also when it is started again; its requests counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers import free_port
from tests.servers.programs import Program, brubeck, brubeck_run

PROGRAM = "tests.proxies.program:app"
ROOT = Path(__file__).parents[2]


class Origin:
    """The program, over a SQLite file in a directory; with a user and a token.

    It listens at a free port, or wherever ``listen`` says; ``settings`` are further ones.
    """

    def __init__(self, directory: Path, listen: str = "", **settings: str) -> None:
        self.port = free_port()
        self._listen = listen or self.url
        self.settings = {"storage_default": f"sqlite:///{directory}/streams.db", **settings}
        self._brubeck("user", "add", PROGRAM, "ella", given="a-tisket, a-tasket\n")
        self.token = self._brubeck("token", "new", PROGRAM, "ella").split()[0]
        self._stack = ExitStack()
        self.program: Program | None = None

    def _brubeck(self, *command: str, given: str = "") -> str:
        done = brubeck(ROOT, *command, given=given, **self.settings)
        assert not done.returncode, done.stderr
        return done.stdout

    @property
    def url(self) -> str:
        """Its own address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        settings = self.settings | {"server_access_log": "true"}
        settings |= {"server_trusted_proxies": "127.0.0.1"}
        self.program = self._stack.enter_context(
            brubeck_run(PROGRAM, listen=self._listen, cwd=ROOT, **settings)
        )

    def stop(self) -> None:
        """Stop it as a supervisor would."""
        self._stack.close()

    def requests(self, target: str) -> int:
        """Return how many GET requests to paths that begin so it has answered."""
        assert self.program is not None
        return sum(f" GET {target}" in line for line in self.program.output.splitlines())


@contextmanager
def running_origin(directory: Path, listen: str = "", **settings: str) -> Iterator[Origin]:
    """Run the program for the time of the context."""
    origin = Origin(directory, listen, **settings)
    try:
        origin.start()
        yield origin
    finally:
        origin.stop()
