"""`Mirror`: a copy of a stream in memory, kept right by a thread."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from typing import Self

from brubeck.client.connection import Connection, iterate
from brubeck.client.copying import Copy
from brubeck.client.errors import Closed
from brubeck.client.steps import Steps


class Mirror(Copy):
    """A copy of a stream that a thread keeps right, from the start of its context to its end."""

    def __init__(self, connection: Connection, steps: Steps[None]) -> None:
        super().__init__()
        self._connection = connection
        self._changed = Condition()
        self._steps = steps
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("a mirror is entered once; make another one")
        self._thread = Thread(target=self._run, name="brubeck-mirror", daemon=True)
        self._thread.start()
        try:
            self.wait(lambda copy: copy.cursor is not None)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def close(self) -> None:
        """Stop following the stream, from any thread; whoever waits gets `Closed`."""
        self._connection.close()

    def wait(self, condition: Callable[[Copy], object], timeout: float | None = None) -> bool:
        """Wait until a condition of the copy holds; False after ``timeout`` seconds.

        Raises the error that ended the mirror, or `Closed`.
        """

        def is_over() -> bool:
            return self._ended or bool(condition(self))

        with self._changed:
            is_in_time = self._changed.wait_for(is_over, timeout)
            return self._outcome(condition, is_in_time=is_in_time)

    def next_version(self, version: int, timeout: float | None = None) -> int:
        """Wait for a newer version than one, and return it; the same one after ``timeout`` seconds.

        The first version is 1. Raises what `wait` raises.
        """
        self.wait(lambda copy: copy.version > version, timeout)
        return self.version

    def _run(self) -> None:
        try:
            for step in iterate(self._connection, self._steps):
                with self._changed:
                    self.take(step)
                    self._changed.notify_all()
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001, every look at the copy raises it
            self._fail(error)
        finally:
            self._connection.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _end(self) -> None:
        self.close()
        if self._thread is not None:
            self._thread.join()
