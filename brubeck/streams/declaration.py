"""`Declaration`: the class attributes by which a stream is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from brubeck.explorer.options import Explorer
from brubeck.handlers import WebMessageHandler
from brubeck.streams.documents import StreamedDocument


class Declaration:
    """The attributes of a stream's class; a class that cannot work is refused when it is made."""

    model: ClassVar[type[StreamedDocument]]
    """The document class of the items."""
    path: ClassVar[str] = ""
    """The path of the stream; by default the model's name in lower case.

    One argument, as in ``/users/<owner>/posts``, makes one stream of each value: a partition.
    """
    partitions: ClassVar[str | Callable[[str], bool] | None] = None
    """The keys of partitions that there may be: an expression that matches a whole key, or a
    function that returns whether there is one. Any other is a 404; None bounds nothing."""
    filters: ClassVar[tuple[str, ...]] = ()
    """The filters: ``network`` for equality, ``magnitude__gte`` and so on."""
    page_size: ClassVar[int] = 25
    """The number of items of a page without ``limit``."""
    max_page_size: ClassVar[int] = 200
    """The maximal number of items of a page."""
    max_batch: ClassVar[int] = 1000
    """The maximal number of items in one POST."""
    read_only: ClassVar[bool] = False
    """Whether only the program itself writes; writes over HTTP get 405."""
    accept_created_at: ClassVar[bool] = False
    """Whether a new item may bring its own ``created_at`` and ``updated_at``, as imports do."""
    retain: ClassVar[str | int | None] = None
    """The age (``'30d'``) or the number of the items that are kept; None keeps them all."""
    keep_deletions: ClassVar[str] = "30d"
    """The time for which deletions are kept for readers that come back; later they start over."""
    rate: ClassVar[str | None] = None
    """The rate limit of a caller: ``'100/minute'``, ``'5/10s'``; None limits nothing."""
    cors: ClassVar[str | tuple[str, ...]] = ()
    """The origins of pages that may use the stream, or ``'*'``; without any, no other may."""
    cache: ClassVar[str | None] = None
    """The time (``'1s'``) for which shared caches may keep pages, items and pages of changes of a
    stream that anyone may read; None for none."""
    feed_title: ClassVar[str] = ""
    """The title of the stream in feeds and HTML pages; by default its path."""
    description: ClassVar[str] = ""
    """A sentence on the stream, shown under the title of its HTML pages."""
    explorer: ClassVar[bool | Explorer] = True
    """Whether the stream has HTML pages, and a place in the index of the program; an `Explorer`
    says how they look."""
    storage: ClassVar[str] = "default"
    """The name of the store that keeps the stream."""
    collection: ClassVar[type[WebMessageHandler] | None] = None
    """A subclass of `Collection` that answers at the stream's path; None for `Collection`."""
    items: ClassVar[type[WebMessageHandler] | None] = None
    """A subclass of `Items` that answers at the path of an item; None for `Items`."""
    changes: ClassVar[type[WebMessageHandler] | None] = None
    """A subclass of `ChangeFeed` that answers at ``…/changes``; None for `ChangeFeed`."""
