"""`AsyncMirror`: a copy of a stream in memory, kept right by a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from brubeck.client.async_connection import AsyncConnection, iterate
from brubeck.client.copying import Copy
from brubeck.client.errors import Closed
from brubeck.client.steps import Steps


class AsyncMirror(Copy):
    """A copy of a stream that a task keeps right, from the start of its context to its end."""

    def __init__(self, connection: AsyncConnection, steps: Steps[None]) -> None:
        super().__init__()
        self._connection = connection
        self._changed = asyncio.Condition()
        self._steps = steps
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a mirror is entered once; make another one")
        self._task = asyncio.create_task(self._run())
        try:
            await self.wait(lambda copy: copy.cursor is not None)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def close(self) -> None:
        """Stop following the stream; a task that waits gets `Closed`."""
        await self._connection.close()

    async def wait(self, condition: Callable[[Copy], object], timeout: float | None = None) -> bool:
        """Wait until a condition of the copy holds; False after ``timeout`` seconds.

        Raises the error that ended the mirror, or `Closed`.
        """
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self._ended or bool(condition(self)))
        except TimeoutError:
            return False
        return self._outcome(condition, is_in_time=True)

    async def next_version(self, version: int, timeout: float | None = None) -> int:
        """Wait for a newer version than one, and return it; the same one after ``timeout`` seconds.

        The first version is 1. Raises what `wait` raises.
        """
        await self.wait(lambda copy: copy.version > version, timeout)
        return self.version

    async def _run(self) -> None:
        try:
            async for step in iterate(self._connection, self._steps):
                async with self._changed:
                    self.take(step)
                    self._changed.notify_all()
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001, every look at the copy raises it
            self._fail(error)
        finally:
            await self._connection.close()
            async with self._changed:
                self._ended = True
                self._changed.notify_all()

    async def _end(self) -> None:
        await self.close()
        if self._task is not None:
            await self._task
