"""The querysets of 0.4, each named for where it keeps its documents."""

from __future__ import annotations

from typing import Any

from brubeck.queryset.stored import Queryset


class DictQueryset(Queryset):
    """Documents in the memory of this process; each queryset has its own.

    >>> queryset = DictQueryset()
    >>> queryset.read('blue-rondo')
    Result(status='Failed', datum='blue-rondo')
    """

    schemes = ("memory",)

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__("memory://", name, **options)


class SQLiteQueryset(Queryset):
    """Documents in one file: ``SQLiteQueryset('sqlite:///todos.db')``."""

    schemes = ("sqlite",)


class RedisQueryset(Queryset):
    """Documents in a Redis: ``RedisQueryset('redis://127.0.0.1:6379/0')``."""

    schemes = (
        *("redis", "redis+sentinel", "redis+cluster"),
        *("rediss", "rediss+sentinel", "rediss+cluster"),
    )


class MongoQueryset(Queryset):
    """Documents in a MongoDB: ``MongoQueryset('mongodb://127.0.0.1:27017/todos')``."""

    schemes = ("mongodb", "mongodb+srv")
