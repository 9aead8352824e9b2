"""What the tests of connections run: slow answers, waits, feeds, and who answered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from brubeck import Brubeck, Request, Response, StreamingResponse, green, render

app = Brubeck()


@app.add_route("^/$", method=["GET", "POST"])
def root(_application: Brubeck, message: Request) -> Response:
    """Answer with the number of the process and the length of the body."""
    return render(f"{os.getpid()} {len(message.body)}")


@app.add_route("^/wait/(?P<name>.+)$")
def wait(_application: Brubeck, message: Request, name: str) -> Response:
    """Say that it has begun, and answer when a file is there."""
    path = Path("/") / name
    path.with_suffix(".begun").touch()
    while not path.exists():
        green.sleep(0.01)
    return render(f"waited, {message.method}")


@app.add_route("^/slow$")
def compute(_application: Brubeck, _message: Request) -> Response:
    """Answer after 5 ms of work that lets nobody else run."""
    until = monotonic() + 0.005
    while monotonic() < until:
        pass
    return render("done")


@app.add_route("^/patient/(?P<name>.+)$")
def be_patient(_application: Brubeck, message: Request, name: str) -> Response:
    """Say that it has begun, and wait for as long as somebody waits for the answer."""
    path = Path("/") / name
    path.with_suffix(".begun").touch()
    while message.may_wait():
        green.sleep(0.01)
    path.touch()
    return render("enough")


class Subscription:
    """A silent source that can be closed while it waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = green.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"begun\n"
        self._closed.wait()

    def close(self) -> None:
        """Note that nobody reads any more."""
        self._path.touch()
        self._closed.set()


@app.add_route("^/subscription/(?P<name>.+)$")
def subscribe(_application: Brubeck, _message: Request, name: str) -> Response:
    """Follow what never says anything more."""
    return StreamingResponse(Subscription(Path("/") / name), endless=True)


@app.add_route("^/feed$")
def feed(_application: Brubeck, _message: Request) -> Response:
    """Say one thing and then wait without end."""

    def chunks() -> Iterator[bytes]:
        yield b"begun\n"
        green.Event().wait()

    return StreamingResponse(chunks(), endless=True)


@app.add_route("^/ticks$")
def ticks(_application: Brubeck, _message: Request) -> Response:
    """Yield for as long as somebody reads."""

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield b"tick" * 10_000
                green.sleep(0)
        finally:
            print("the feed was closed", flush=True)

    return StreamingResponse(chunks())


@app.add_route("^/crumbs/(?P<name>.+)$")
def crumbs(_application: Brubeck, message: Request, name: str) -> Response:
    """Yield more small chunks than anybody waits for, until a file is there."""

    def chunks() -> Iterator[bytes]:
        while not Path("/", name).exists():
            yield b"."

    return StreamingResponse(chunks())


@app.add_route("^/large$")
def large(_application: Brubeck, _message: Request) -> Response:
    """Answer with more than any buffer holds."""
    return render(b"x" * 20_000_000)


@app.add_route("^/exit$")
def leave(_application: Brubeck, _message: Request) -> Response:
    """Try to end the process."""
    raise SystemExit(3)


@app.add_route("^/gaps$")
def gaps(_application: Brubeck, _message: Request) -> Response:
    """Yield nothing now and then."""
    return StreamingResponse(iter([b"a", b"", b"b"]))


@app.add_route("^/broken$")
def broken(_application: Brubeck, _message: Request) -> Response:
    """Break off in the middle."""

    def chunks() -> Iterator[bytes]:
        yield b"the beginning"
        raise RuntimeError("and no end")

    return StreamingResponse(chunks())


@app.add_route("^/slowly$")
def slowly(_application: Brubeck, _message: Request) -> Response:
    """Take longer to be made than it takes to notice who leaves."""

    def chunks() -> Iterator[bytes]:
        for _ in range(300):
            yield b"s" * 20_000
            green.sleep(0.004)

    return StreamingResponse(chunks())
