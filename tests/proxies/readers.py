"""Many readers of one stream, in one thread: by long poll, by polling, and of the first page."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Self


class Connection:
    """A kept connection to 127.0.0.1, for one request at a time."""

    def __init__(self, port: int, *, accept: str = "application/json") -> None:
        self._port, self._accept = port, accept
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, target: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; a lost connection is opened once more."""
        status, body = await self._get_again(target)
        return status, json.loads(body or b"null")

    async def status(self, target: str) -> int:
        """Return the status of an answer, on a connection for it alone; its body is not read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._request(target))
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1])

    async def _get_again(self, target: str) -> tuple[int, bytes]:
        try:
            return await self._get(target)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return await self._get(target)

    async def _get(self, target: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._request(target))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        body = await self._body(reader, head)
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def _request(self, target: str) -> bytes:
        lines = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {self._accept}\r\n\r\n"
        return lines.encode()

    async def _body(self, reader: asyncio.StreamReader, head: str) -> bytes:
        if "transfer-encoding: chunked" not in head:
            length = head.partition("content-length:")[2].split("\r\n")[0]
            return await reader.readexactly(int(length or 0))
        parts = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Reader:
    """A follower of ``path``: every text that it got, and when, on the clock of `perf_counter`.

    ``wait`` (seconds) makes it one by long poll, otherwise ``pause`` is the time between two polls.
    """

    def __init__(self, port: int, path: str, *, wait: int = 0, pause: float = 0.0) -> None:
        self.path, self.wait, self.pause = path, wait, pause
        self.requests = 0
        self.errors: list[int] = []
        self.took: list[float] = []
        self.got: dict[str, float] = {}
        self._moved = asyncio.Event()
        self._connection = Connection(port)

    async def follow(self, changes: str, last: str) -> Self:
        """Follow from a ``changes`` link until the last text has come."""
        try:
            while last not in self.got:
                changes = await self.step(changes)
                await asyncio.sleep(self.pause)  # how often it polls
        finally:
            self.close()
        return self

    async def step(self, changes: str) -> str:
        """Read the changes at a link, and return the next link."""
        waiting = f"&wait={self.wait}" if self.wait else ""
        self.requests += 1
        start = time.perf_counter()
        status, answer = await self._connection.get(changes + waiting)
        self.took.append(time.perf_counter() - start)
        if status != 200:
            self.errors.append(status)
            return changes
        for change in answer["data"]:
            self.got.setdefault(change["data"]["text"], time.perf_counter())
        self._moved.set()
        following: str = answer["paging"]["next"]
        return following

    async def has(self, text: str) -> None:
        """Wait until a text has come."""
        while text not in self.got:
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """Close its connection."""
        self._connection.close()

    async def read_first_pages(self, last: str) -> Self:
        """Read the first page again and again until the last text is on it."""
        try:
            while last not in self.got:
                self.requests += 1
                start = time.perf_counter()
                status, answer = await self._connection.get(self.path)
                self.took.append(time.perf_counter() - start)
                if status != 200:
                    self.errors.append(status)
                for item in answer.get("data", ()):
                    self.got.setdefault(item["text"], time.perf_counter())
                self._moved.set()
                await asyncio.sleep(self.pause)  # how often it polls
        finally:
            self.close()
        return self


async def write(port: int, path: str, text: str) -> float:
    """Create an item and return when it was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"text": text}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    answer = await reader.read()
    assert b" 201 " in answer.split(b"\r\n")[0], answer
    writer.close()
    return time.perf_counter()


async def write_to(readers: list[Reader], port: int, path: str, texts: list[str]) -> list[float]:
    """Write each text when all have the one before; return the seconds that each took to each."""
    took = []
    for text in texts:
        start = await write(port, path, text)
        await asyncio.gather(*(each.has(text) for each in readers))
        took += [each.got[text] - start for each in readers]
    return took
