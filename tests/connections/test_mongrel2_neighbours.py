"""Several programs behind one genuine Mongrel2, which deals out its notices among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from brubeck import green
from brubeck.connections.mongrel2 import peers as mongrel2_neighbours
from brubeck.connections.mongrel2.peers import Peers
from brubeck.http import Request, Response, StreamingResponse
from tests.servers import Caller, wait_until
from tests.servers.mongrel2 import running_mongrel2, served


@pytest.fixture(autouse=True)
def own_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep the programs of this test apart from all others, on a path that a socket can have."""
    with TemporaryDirectory(prefix="brubeck-") as directory:
        monkeypatch.setattr(mongrel2_neighbours, "gettempdir", lambda: directory)
        yield Path(directory)


@pytest.mark.mongrel2
def test_exports_arrive_whole_from_several_programs() -> None:
    """Credits reach the program whose client they are about, whoever was given them."""
    chunk = b"x" * 65_536

    def respond(request: Request) -> Response:
        return StreamingResponse(chunk for _ in range(40))

    with running_mongrel2(settings={"download.flow_control": 1}) as front, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(served(front, respond, patience=10))
        callers = [stack.enter_context(Caller(front.port)) for _ in range(12)]
        for caller in callers:
            caller.get("/")
        for caller in callers:
            assert len(caller.response().read()) == 40 * len(chunk)


@pytest.mark.mongrel2
def test_a_reader_that_left_is_noticed_by_its_own_program() -> None:
    """Each feed is closed, although two of three notices go elsewhere."""
    open_feeds: list[Event] = []

    class Feed:
        def __init__(self) -> None:
            self.closed = Event()
            open_feeds.append(self.closed)

        def __iter__(self) -> Iterator[bytes]:
            yield b"event"
            self.closed.wait(30)

        def close(self) -> None:
            self.closed.set()

    with running_mongrel2() as front, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(
                served(front, lambda _: StreamingResponse(Feed(), endless=True), beat_seconds=60)
            )
        for _ in range(9):
            with Caller(front.port) as caller:
                caller.get("/")
                assert caller.response().read(5) == b"event"
        for closed in open_feeds:
            assert closed.wait(10)


def test_who_comes_is_told_and_who_leaves_is_not(own_directory: Path) -> None:
    """The directory says who is there; what a dead program left in it is removed."""
    heard: list[bytes] = []
    one, two = Peers("ipc:///front"), Peers("ipc:///front")
    one.listen(lambda _: None)
    one.broadcast(b"to nobody")
    two.listen(heard.append)
    (directory,) = own_directory.iterdir()
    (directory / f"{2**22 + 1}.dead").touch()
    one.broadcast(b"to two")
    wait_until(lambda: heard == [b"to two"])
    two.close()
    one.broadcast(b"to nobody")
    assert len(list(directory.iterdir())) == 1
    one.close()


def test_a_directory_of_somebody_else_is_not_used(
    own_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever could write there could forge notices; so it is said, and nothing is passed on."""
    peers = Peers("ipc:///other-front")
    peers._directory.mkdir(mode=0o777)
    peers._directory.chmod(0o777)
    peers.listen(lambda _: None)
    peers.broadcast(b"to nobody")
    peers.close()
    assert "not ours alone" in caplog.text


def test_a_directory_that_vanishes_does_no_harm(own_directory: Path) -> None:
    """Others are not found any more, and that is all."""
    peers = Peers("ipc:///front")
    peers.listen(lambda _: None)
    rmtree(peers._directory)
    peers.broadcast(b"to nobody")
    peers.close()


def test_a_path_too_long_for_a_socket_is_said(
    own_directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection works without its neighbours, and the log says that it does."""
    monkeypatch.setattr(mongrel2_neighbours, "gettempdir", lambda: own_directory / ("x" * 100))
    peers = Peers("ipc:///front")
    peers.listen(lambda _: None)
    peers.close()
    assert "too long" in caplog.text


def test_a_closed_program_hears_nothing_more(own_directory: Path) -> None:
    """Closing ends the thread that listens."""
    peers = Peers("ipc:///third-front")
    peers.listen(lambda _: None)
    inbox = peers._inbox
    peers.close()
    assert inbox is not None
    with pytest.raises(green.Closed):
        inbox.recv()
