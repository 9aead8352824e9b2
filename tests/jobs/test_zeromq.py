"""Messages over genuine ZeroMQ: in by PULL, out by PUB or PUSH, in JSON or msgpack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
import zmq

from brubeck import Brubeck
from brubeck.connections.zeromq import MOST_UNREAD, ZeroMQConnection
from brubeck.errors import ConfigError
from brubeck.handlers import MessageHandler
from brubeck.http import Request, Response
from tests.servers import wait_until
from tests.servers.programs import running

Codec = dict[str, tuple[Callable[[object], bytes], Callable[[bytes], Any]]]
CODECS: Codec = {
    "json": (msgspec.json.encode, msgspec.json.decode),
    "msgpack": (msgspec.msgpack.encode, msgspec.msgpack.decode),
}


class Resize(MessageHandler):
    """A handler of messages, as in 0.4."""

    def post(self, size: str) -> Response:
        """Answer with what came and where."""
        data: Any = self.message.json()
        self.add_to_payload("size", size)
        self.add_to_payload("width", data["width"])
        self.set_status(self._SUCCESS_CODE)
        return self.render()


APP = Brubeck(handler_tuples=[(r"^/resize/(?P<size>\w+)$", Resize)])


class Line:
    """Both ends of a program's messages, seen from outside."""

    def __init__(self, directory: Path, pattern: str, codec: str) -> None:
        self.receive, self.send = f"ipc://{directory}/in", f"ipc://{directory}/out"
        self.encode, self.decode = CODECS[codec]
        self.pattern = pattern
        self._context = zmq.Context()
        self.outgoing = self._context.socket(zmq.PUSH)
        self.outgoing.connect(self.receive)
        self.incoming = self._receiver()

    def _receiver(self) -> zmq.Socket[bytes]:
        incoming = self._context.socket(zmq.SUB if self.pattern == "PUB" else zmq.PULL)
        if self.pattern == "PUB":
            incoming.setsockopt(zmq.SUBSCRIBE, b"")
        incoming.setsockopt(zmq.RCVTIMEO, 10_000)
        incoming.connect(self.send)
        return incoming

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be no receiver of answers for a while."""
        self.incoming.close()
        yield
        self.incoming = self._receiver()

    def tell(self, message: object) -> None:
        """Send a message; bytes go as they are."""
        self.outgoing.send(message if isinstance(message, bytes) else self.encode(message))

    def hear(self) -> tuple[str, Any]:
        """Return the topic and the answer that come next."""
        raw = self.incoming.recv()
        topic, _, rest = raw.partition(b" ") if self.pattern == "PUB" else (b"", b"", raw)
        return topic.decode(), self.decode(rest)

    def subscribed(self) -> None:
        """Wait until answers arrive: who subscribes late misses what was published before."""
        self.incoming.setsockopt(zmq.RCVTIMEO, 200)

        def answered() -> bool:
            self.tell({"path": "/nowhere"})
            try:
                self.hear()
            except zmq.Again:
                return False
            return True

        wait_until(answered)
        self.incoming.setsockopt(zmq.RCVTIMEO, 10_000)

    def close(self) -> None:
        """Close both ends."""
        self._context.destroy(linger=0)


@contextmanager
def served(directory: Path, pattern: str, codec: str) -> Iterator[Line]:
    """Serve the program, and yield the other end."""
    line = Line(directory, pattern, codec)
    connection = ZeroMQConnection(line.receive, line.send, pattern=pattern, codec=codec)  # type: ignore[arg-type]
    thread = Thread(target=connection.serve, args=(APP.respond,), daemon=True)
    thread.start()
    try:
        if pattern == "PUB":
            line.subscribed()
        yield line
    finally:
        connection.stop()
        thread.join(10)
        line.close()
        assert not thread.is_alive()


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize("pattern", ["PUB", "PUSH"])
def test_messages_are_routed_and_answered(tmp_path: Path, pattern: str, codec: str) -> None:
    """By path, as requests are."""
    with served(tmp_path, pattern, codec) as line:
        line.tell({"path": "/resize/small", "data": {"width": 7}, "id": "m1"})
        while (heard := line.hear())[1]["id"] != "m1":
            pass  # an answer to what asked whether anybody hears
        topic, answer = heard
        assert topic == ("/resize/small" if pattern == "PUB" else "")
        assert (answer["path"], answer["status"]) == ("/resize/small", 200)
        assert (answer["data"]["size"], answer["data"]["width"]) == ("small", 7)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize(
    "message",
    [
        b"\xff\xfe nonsense",
        b"",
        {"data": 1},
        {"path": 7},
        {"path": "resize"},
        {"path": "/resize\n"},
        {"path": "/resize\x9b31m"},
        {"path": "/resize\u2028"},
        {"path": "/" + "x" * 2000},
        {"path": "/resize", "id": "a\n2026-11-30 INFO forged"},
        {"path": "/resize", "id": "\x1b[2J"},
        {"path": "/resize", "id": "x" * 201},
        {"path": "/resize", "more": 1},
        {"path": "/resize", "headers": {"a\r\nb": "c"}},
        {"path": "/resize", "headers": {"a": "b\r\nc"}},
        [1, 2],
    ],
)
def test_what_is_no_message_is_said_to_be_none(tmp_path: Path, message: object, codec: str) -> None:
    """And the next one is answered."""
    with served(tmp_path, "PUSH", codec) as line:
        line.tell(message)
        answer = line.hear()[1]
        assert (answer["path"], answer["status"]) == ("", 400)
        line.tell({"path": "/resize/small", "data": {"width": 7}, "id": "m2"})
        assert line.hear()[1]["status"] == 200


@pytest.mark.parametrize(
    "data",
    [msgspec.msgpack.Ext(5, b"x"), {(1, 2): 3}, [msgspec.msgpack.Ext(1, b"")]],
    ids=["an extension", "a key that is a list", "an extension in a list"],
)
def test_data_without_json_are_said_to_have_none(tmp_path: Path, data: object) -> None:
    """MessagePack has values that a handler could not be given; there was no answer at all."""
    with served(tmp_path, "PUSH", "msgpack") as line:
        line.tell({"path": "/resize/small", "data": data, "id": "m1"})
        assert line.hear()[1]["status"] == 400
        line.tell({"path": "/resize/small", "data": {"width": 7}, "id": "m2"})
        assert line.hear()[1]["status"] == 200


def test_a_message_that_is_too_long(tmp_path: Path) -> None:
    """Is not even decoded."""
    with served(tmp_path, "PUSH", "json") as line:
        line.tell({"path": "/resize/small", "data": "x" * (1 << 20)})
        assert line.hear()[1]["status"] == 400


def test_messages_that_nobody_has_read_wait_with_their_sender(tmp_path: Path) -> None:
    """A thousand of them were held here, 4 MiB each."""
    connection = ZeroMQConnection(f"ipc://{tmp_path}/in", concurrency=1, grace=0.1)
    may_go_on = Event()

    def respond(request: Request) -> Response:
        may_go_on.wait(30)
        return Response()

    thread = Thread(target=connection.serve, args=(respond,), daemon=True)
    thread.start()
    context = zmq.Context()
    outgoing = context.socket(zmq.PUSH)
    outgoing.setsockopt(zmq.SNDHWM, 1)
    outgoing.setsockopt(zmq.SNDTIMEO, 1000)
    outgoing.connect(connection.receive)
    message = msgspec.json.encode({"path": "/nowhere", "data": "x" * 100_000})
    sent = 0
    try:
        with suppress(zmq.Again):
            while sent < 4 * MOST_UNREAD:
                outgoing.send(message)
                sent += 1
    finally:
        may_go_on.set()
        connection.stop()
        thread.join(10)
        context.destroy(linger=0)
    assert MOST_UNREAD <= sent < 2 * MOST_UNREAD


def test_errors_are_answers(tmp_path: Path) -> None:
    """An unknown path, a method that is not there, a handler that fails."""
    with served(tmp_path, "PUSH", "json") as line:
        for message, status in (
            ({"path": "/nowhere"}, 404),
            ({"path": "/resize/a", "method": "GET"}, 405),
            ({"path": "/resize/a", "data": 7}, 500),
        ):
            line.tell(message)
            assert line.hear()[1]["status"] == status


@pytest.mark.parametrize(
    "arguments",
    [{"pattern": "REP"}, {"codec": "pickle"}, {"receive": "nonsense"}, {"receive": "tcp://x:y"}],
)
def test_a_connection_that_cannot_be(tmp_path: Path, arguments: dict[str, Any]) -> None:
    """Is refused in a sentence."""
    with pytest.raises(ConfigError):
        ZeroMQConnection(**{"receive": f"ipc://{tmp_path}/in"} | arguments).serve(APP.respond)


def test_answers_that_nobody_takes_hold_up_no_stop(tmp_path: Path) -> None:
    """However many there are."""
    connection = ZeroMQConnection(
        f"ipc://{tmp_path}/in", f"ipc://{tmp_path}/out", pattern="PUSH", concurrency=2, grace=0.1
    )
    reached: list[str] = []

    def respond(request: Request) -> Response:
        reached.append(request.path)
        return APP.respond(request)

    thread = Thread(target=connection.serve, args=(respond,), daemon=True)
    thread.start()
    context = zmq.Context()
    outgoing = context.socket(zmq.PUSH)
    outgoing.connect(connection.receive)
    for _ in range(5):
        outgoing.send(b'{"path": "/nowhere"}')
    try:
        wait_until(lambda: len(reached) == 2)
    finally:
        connection.stop()
        thread.join(10)
        context.destroy(linger=0)
    assert not thread.is_alive()


PROGRAM = """
from brubeck.request_handling import Brubeck, MessageHandler
from brubeck.connections.zeromq import ZeroMQConnection

class Echo(MessageHandler):
    def post(self):
        self.add_to_payload('echo', self.message.json())
        self.set_status(self._SUCCESS_CODE)
        return self.render()

app = Brubeck(ZeroMQConnection('IN', 'OUT', pattern='PUSH'), [(r'^/echo$', Echo)])
app.run()
"""


@pytest.mark.parametrize("module", ["brubeck.request_handling", "brubeck"])
def test_a_program_of_its_own(tmp_path: Path, module: str) -> None:
    """Run as any other, and stopped as any other, whether or not an import chose its engine."""
    line = Line(tmp_path, "PUSH", "json")
    code = PROGRAM.replace("IN", line.receive).replace("OUT", line.send)
    code = code.replace("brubeck.request_handling", module)
    (tmp_path / "program.py").write_text(code)
    with running(sys.executable, "-W", "error", "program.py", cwd=tmp_path) as program:
        program.await_output("Ctrl-C stops it")
        line.tell({"path": "/echo", "data": [1, 2]})
        assert line.hear()[1]["data"]["echo"] == [1, 2]
        assert program.stop() == 0
    line.close()


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_answers_wait_for_their_receiver(tmp_path: Path, engine: str) -> None:
    """All of them: on eventlet one alone could wait, and the others were lost."""
    count = 60
    line = Line(tmp_path, "PUSH", "json")
    code = PROGRAM.replace("IN", line.receive).replace("OUT", line.send)
    code = code.replace("def post(self):", "def post(self):\n        print('reached', flush=True)")
    (tmp_path / "program.py").write_text(code.replace("brubeck.request_handling", "brubeck"))
    env = {"BRUBECK_GREEN": engine}
    try:
        with running(sys.executable, "-W", "error", "program.py", cwd=tmp_path, env=env) as program:
            with line.away():
                program.await_output("Ctrl-C stops it")
                for number in range(count):
                    line.tell({"path": "/echo", "id": f"{number}"})
                wait_until(lambda: program.output.count("reached") == count)
            answers = [line.hear()[1] for _ in range(count)]
    finally:
        line.close()
    assert {each["id"] for each in answers} == {f"{number}" for number in range(count)}
