"""Where their side keeps new earthquakes: memory, Redis, MongoDB or SQLite, each as its users do.

Drivers are imported where they are used. None of the stores keeps an order of changes or tokens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Item = dict[str, Any]
Keep = Callable[[Sequence[Item], Sequence[bytes]], Awaitable[None]]
"""Keeps items, given as dictionaries and as JSON."""


def store_of(url: str) -> Keep:
    """Return the store at a URL: ``memory://``, ``redis://…``, ``mongodb://…``, ``sqlite:///…``."""
    kind = url.partition("://")[0]
    return {"memory": _memory, "redis": _redis, "mongodb": _mongo, "sqlite": _sqlite}[kind](url)


def _memory(_url: str) -> Keep:
    kept: list[Item] = []
    by_id: dict[str, Item] = {}

    async def keep(items: Sequence[Item], _bodies: Sequence[bytes]) -> None:
        kept.extend(items)
        by_id.update((each["id"], each) for each in items)

    return keep


def _redis(url: str) -> Keep:
    from redis.asyncio import Redis

    client = Redis.from_url(url)

    async def keep(items: Sequence[Item], bodies: Sequence[bytes]) -> None:
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.hset(
                "peer:bodies",
                mapping={each["id"]: body for each, body in zip(items, bodies, strict=True)},
            )
            pipeline.zadd("peer:timeline", {each["id"]: each["created_at"] for each in items})
            await pipeline.execute()

    return keep


def _mongo(url: str) -> Keep:
    from pymongo import AsyncMongoClient

    client: AsyncMongoClient[Item] = AsyncMongoClient(url, w="majority")

    async def keep(items: Sequence[Item], _bodies: Sequence[bytes]) -> None:
        documents = [{"_id": each["id"], **each} for each in items]
        await client["peer"]["quakes"].insert_many(documents)

    return keep


def _sqlite(url: str) -> Keep:
    import asyncio

    from sqlalchemy import (
        BigInteger,
        Column,
        LargeBinary,
        MetaData,
        String,
        Table,
        create_engine,
        event,
    )

    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _wal(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    metadata = MetaData()
    quakes = Table(
        "quakes",
        metadata,
        Column("id", String, primary_key=True),
        Column("created_at", BigInteger, index=True),
        Column("body", LargeBinary),
    )
    metadata.create_all(engine)

    def insert(rows: list[Item]) -> None:
        with engine.begin() as connection:
            connection.execute(quakes.insert(), rows)

    async def keep(items: Sequence[Item], bodies: Sequence[bytes]) -> None:
        rows = [
            {"id": each["id"], "created_at": each["created_at"], "body": body}
            for each, body in zip(items, bodies, strict=True)
        ]
        await asyncio.to_thread(insert, rows)

    return keep
