"""Querysets: documents kept by their ids, one or many at a time, with the four calls of 0.4.

>>> from brubeck.dictshield.document import Document
>>> from brubeck.dictshield.fields import StringField
>>> class Todo(Document):
...     title = StringField(required=True)

>>> queryset = DictQueryset()
>>> status, todo = queryset.create(Todo(title='Take five'))
>>> status, found = queryset.read(todo.id)

It stands on the storage contract. So memory, SQLite, Redis and MongoDB answer alike, concurrent
writers lose nothing of each other, and a stream may be declared over the same documents.
"""

from __future__ import annotations

from brubeck.queryset.backends import (
    DictQueryset,
    MongoQueryset,
    RedisQueryset,
    SQLiteQueryset,
)
from brubeck.queryset.base import AbstractQueryset, AlreadyThere, Result
from brubeck.queryset.stored import Queryset

__all__ = [
    "AbstractQueryset",
    "AlreadyThere",
    "DictQueryset",
    "MongoQueryset",
    "Queryset",
    "RedisQueryset",
    "Result",
    "SQLiteQueryset",
]
