"""Connections with coroutines: perform the steps of operations by `httpx.AsyncClient`.

A step is a task of its own: it is cancelled with the task of its user, or when the connection is
closed, after which every step raises `Closed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from brubeck.client.bodies import async_pieces
from brubeck.client.errors import Closed
from brubeck.client.steps import Emit, Failure, Open, Pause, Read, Reply, Request, Send, Step, Steps
from brubeck.client.transport import (
    BODY_SECONDS,
    MAX_BYTES,
    Options,
    failure_of,
    no_answer,
    reply_of,
    timeouts,
    too_long,
    too_slow,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class AsyncConnection:
    """The connections of one stream, or of one feed, which has at most one open answer."""

    def __init__(self, options: Options) -> None:
        import httpx

        self._client = httpx.AsyncClient(**options.arguments())
        self.is_closed = False
        self._closing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._silence = 0.0

    async def perform(self, step: Step) -> Reply | Failure | bytes | None:
        """Perform a step and return its outcome; `Closed` when it was closed."""
        self._check_open()
        task = asyncio.ensure_future(self._perform(step))
        self._tasks.add(task)
        try:
            await asyncio.wait((task,))
        finally:
            self._tasks.discard(task)
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if not task.cancelled():
            task.exception()  # it may be of no interest any more
        self._check_open()
        return task.result()

    def _check_open(self) -> None:
        if self.is_closed:
            raise Closed

    async def close(self) -> None:
        """End every request, feed and pause, of all tasks."""
        self.is_closed = True
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.release()
        await self._client.aclose()

    def close_soon(self) -> None:
        """Close it in a task of the running loop; `RuntimeError` where none is running."""
        if not self.is_closed:
            loop = asyncio.get_running_loop()
            self._closing = loop.create_task(self.close())

    async def release(self) -> None:
        """Close the open answer."""
        response, self._response = self._response, None
        if response is not None:
            with suppress(Exception):
                await response.aclose()

    async def _perform(self, step: Step) -> Reply | Failure | bytes | None:
        match step:
            case Send():
                return await self._send(step.request, step.seconds)
            case Open():
                return await self._open(step)
            case Read():
                return await self._read()
            case Pause():
                await asyncio.sleep(step.seconds)
        return None

    async def _request(self, request: Request, seconds: float) -> httpx.Response:
        """Send a request, and return the response before its body."""
        built = self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.body,
            timeout=timeouts(seconds),
        )
        return await self._client.send(built, stream=True)

    async def _send(self, request: Request, seconds: float) -> Reply | Failure:
        import httpx

        try:
            async with asyncio.timeout(seconds):
                response = await self._request(request, seconds)
                try:
                    return reply_of(response, await _whole(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            return too_slow(seconds)
        except (httpx.RequestError, OSError) as error:
            return failure_of(error)

    async def _open(self, step: Open) -> Reply | Failure:
        import httpx

        await self.release()
        try:
            try:
                async with asyncio.timeout(2 * step.silence):
                    response = await self._request(step.request, step.silence)
            except TimeoutError:
                return no_answer(2 * step.silence)
            reply = reply_of(response)
            if (reply.status, reply.media_type) == (200, step.media_type):
                self._response, self._chunks = response, async_pieces(response)
                self._silence = step.silence
                return reply
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    return reply_of(response, await _whole(response))
            finally:
                await response.aclose()
        except TimeoutError:
            return too_slow(BODY_SECONDS)
        except (httpx.RequestError, OSError) as error:
            return failure_of(error)

    async def _read(self) -> bytes | Failure:
        import httpx

        assert self._chunks is not None  # noqa: S101, a feed was opened
        try:
            async with asyncio.timeout(2 * self._silence):
                while (piece := await anext(self._chunks, None)) == b"":
                    pass  # nothing has come of what was received
        except TimeoutError:
            await self.release()
            return no_answer(2 * self._silence)
        except (httpx.RequestError, OSError) as error:
            await self.release()
            return failure_of(error)
        if piece is None:
            await self.release()
            return b""
        return piece


async def _whole(response: httpx.Response) -> bytes:
    """Return the body of an answer; a `Problem` for one that is too long."""
    found, size = [], 0
    async for piece in async_pieces(response):
        found.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise too_long(response)
    return b"".join(found)


async def run(connection: AsyncConnection, steps: Steps[T]) -> T:
    """Perform the steps of an operation and return its result."""
    outcome = None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result
        outcome = await connection.perform(step)


async def iterate(connection: AsyncConnection, steps: Steps[None]) -> AsyncIterator[Any]:
    """Perform the steps of an operation, and yield its results."""
    outcome = None
    try:
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            if isinstance(step, Emit):
                yield step.value
                outcome = None
            else:
                outcome = await connection.perform(step)
    finally:
        steps.close()
