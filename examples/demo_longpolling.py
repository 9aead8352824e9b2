"""Long polling: requests that wait until another one has something to say.

    brubeck run examples.demo_longpolling:app

    $ curl -d 'text=Take five!' localhost:6767/messages
    {"next":1}
    $ curl 'localhost:6767/messages?after=0'
    {"messages":["Take five!"],"next":1}

``?after=1`` waits for the next message, at most for ``PATIENCE`` seconds. Whoever asks again with
the ``next`` of the last answer misses nothing of what is kept. For streams that forget nothing, see
``docs/following.md``: long polls are built into them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from brubeck import Brubeck, JSONMessageHandler, Problem, Response, green

PATIENCE = 30.0


class Room:
    """The last messages, numbered from one, and a condition for those who wait for more."""

    def __init__(self) -> None:
        self.sent = 0
        self.kept: deque[str] = deque(maxlen=100)
        self.changed = green.Condition()

    def send(self, text: str) -> int:
        """Add a message, wake whoever waits, and return its number."""
        with self.changed:
            self.kept.append(text)
            self.sent += 1
            self.changed.notify_all()
            return self.sent

    def wait(self, after: int, may_wait: Callable[[], bool]) -> tuple[list[str], int]:
        """Return the messages after a number, and the last number there is."""
        until = monotonic() + PATIENCE
        with self.changed:
            # Now and then it looks whether the reader has left, or the server wants to stop.
            while self.sent <= after and monotonic() < until and may_wait():
                self.changed.wait(2)
            missed = max(0, self.sent - after)
            return list(self.kept)[-missed:] if missed else [], self.sent


room = Room()


class MessagesHandler(JSONMessageHandler):
    """Takes messages, and hands them to all who wait."""

    def get(self) -> Response:
        """Wait for messages after a number; each waiting request costs one green thread."""
        try:
            after = int(self.get_argument("after") or 0)
        except ValueError:
            raise Problem(400, "after is the number that was next in the last answer.") from None
        found, last = room.wait(after, self.message.may_wait)
        self.add_to_payload("data", {"messages": found, "next": last})
        return self.render(200, hide_status=True)

    def post(self) -> Response:
        """Send a message to all."""
        text = self.get_argument("text")
        if not text:
            raise Problem(422, "A message has a text.")
        self.add_to_payload("data", {"next": room.send(text)})
        return self.render(200, hide_status=True)


app = Brubeck(handler_tuples=[(r"^/messages$", MessagesHandler)])
