"""Both faces of the client with one set of methods, so that a test is written once.

The asynchronous face runs in the loop of a thread, and each of its calls is waited for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from brubeck.client import AsyncStream, Stream

FACES = ("sync", "async")


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of a coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(120)

    def close(self) -> None:
        """End the loop, and whatever is left in it."""
        self.call(self.loop.shutdown_asyncgens())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Driven:
    """An object of the asynchronous face, whose coroutines are waited for."""

    def __init__(self, target: Any, loop: Loop) -> None:
        self._target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._called(value) if callable(value) else value

    def _called(self, function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            return self._waited(function(*arguments, **named))

        return call

    def _waited(self, value: Any) -> Any:
        if inspect.iscoroutine(value):
            return self._loop.call(value)
        if hasattr(value, "__anext__") or hasattr(value, "__aenter__"):
            return Driven(value, self._loop)
        return value

    def __enter__(self) -> Any:
        self._loop.call(self._target.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call(self._target.__aexit__(*error))

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.call(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self) -> Any:
        return await anext(self._target)

    def __getitem__(self, key: str) -> Any:
        return self._target[key]

    def __len__(self) -> int:
        return len(self._target)

    def __contains__(self, key: object) -> bool:
        return key in self._target


@contextmanager
def client(face: str, url: str, **options: Any) -> Iterator[Any]:
    """Yield a client of a stream, with either face."""
    if face == "sync":
        with Stream(url, **options) as stream:
            yield stream
        return
    loop = Loop()
    try:
        with Driven(AsyncStream(url, **options), loop) as driven:
            yield driven
    finally:
        loop.close()
