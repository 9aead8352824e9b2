"""`Consumer`: the class that a program derives its consumers from, and the changes it is given."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, ClassVar, Final, Literal

import msgspec

from brubeck.callables import check_methods
from brubeck.errors import ConfigError, did_you_mean
from brubeck.handlers.program import Program
from brubeck.streams import StreamedDocument, StreamHandler

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STARTS: Final = ("now", "beginning")


class ConsumedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an item, as a consumer gets it.

    ``key`` names the change: it is the same each time that the change is delivered, so a consumer
    can tell a repetition. ``stream`` is the path of the stream or partition, ``document`` the item
    as it was written, None for a deletion. ``version`` counts the writes of this life of the item,
    from 1, and is 0 for a deletion. ``attempt`` counts from 1.
    """

    key: str
    stream: str
    partition: str
    op: Literal["put", "delete"]
    id: str
    document: StreamedDocument | None
    position: int
    cursor: str
    version: int = 0
    attempt: int = 1


class Consumer:
    """An action upon every change of a stream; a subclass declares it and defines `changed`.

    Rules:

    - Changes of a stream, or of a partition of it, come in their order, one at a time, to one
      process of all that run the consumer.
    - Each comes at least once: after a crash, or when a process loses its lease, the last ones come
      again, with the same ``key``. Of several changes of an item only the last may be left.
    - What `changed` raises is tried again, ``attempts`` times in all; then the change is a dead
      letter, and the next one follows.
    """

    stream: ClassVar[type[StreamHandler] | tuple[type[StreamHandler], ...]]
    """The stream, or the streams, of which the consumer gets every change."""
    name: ClassVar[str] = ""
    """The name under which its position is kept; by default that of the class."""
    start: ClassVar[str] = "now"
    """Where it begins when it runs for the first time: ``'now'`` or ``'beginning'``."""
    attempts: ClassVar[int] = 5
    """The number of attempts at a change."""
    backoff: ClassVar[float] = 1.0
    """Seconds between the first two attempts; then it doubles, up to a minute."""
    timeout: ClassVar[float] = 60.0
    """Seconds of an attempt; on plain threads, which cannot be interrupted, it is not enforced."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_methods(cls)
        if hasattr(cls, "stream"):
            _check(cls)

    def __init__(self, application: Program) -> None:
        self.application = application

    def changed(self, change: ConsumedChange) -> None:
        """Act upon a change; an exception lets it come again. A subclass has to define it."""
        raise NotImplementedError

    def lost(self, stream: str) -> None:
        """Note that deletions of a stream were forgotten before this consumer got to them.

        It was away for longer than ``keep_deletions``, or the storage was restored. It starts over
        from the beginning: every item that is there comes again.
        """


_KNOWN: Final = ("stream", "name", "start", "attempts", "backoff", "timeout", "changed", "lost")


def _check(cls: type[Consumer]) -> None:
    """Refuse a declaration that cannot work with a `ConfigError`."""
    name = cls.__name__
    streams: tuple[object, ...] = streams_of(cls)
    are_streams = (isinstance(each, type) and issubclass(each, StreamHandler) for each in streams)
    if not streams or not all(are_streams):
        raise ConfigError(f"{name}.stream is a stream's class, or a tuple of them.")
    if cls.changed is Consumer.changed:
        raise ConfigError(f"{name} defines no changed(self, change), so nothing would follow.")
    if not _NAME.fullmatch(name_of(cls)):
        raise ConfigError(f"{name}.name is 1 to 64 letters, digits, - and _, not {cls.name!r}.")
    if cls.start not in _STARTS:
        hint = did_you_mean(str(cls.start), _STARTS)
        raise ConfigError(f"{name}.start is 'now' or 'beginning', not {cls.start!r}.{hint}")
    if type(cls.attempts) is not int or cls.attempts < 1:
        raise ConfigError(f"{name}.attempts is a whole number of at least 1.")
    for each in ("backoff", "timeout"):
        value = getattr(cls, each)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 86_400:
            raise ConfigError(f"{name}.{each} is a number of seconds, less than a day.")
    for each in vars(cls):
        near = [] if each in _KNOWN else get_close_matches(each, _KNOWN, n=1, cutoff=0.8)
        if near:
            raise ConfigError(f'{name}.{each} declares nothing. Did you mean "{near[0]}"?')


def name_of(consumer: type[Consumer]) -> str:
    """Return the name under which a consumer's position is kept."""
    return consumer.name or consumer.__name__


def streams_of(consumer: type[Consumer]) -> tuple[type[StreamHandler], ...]:
    """Return the streams of a consumer."""
    found: Any = consumer.stream
    return found if isinstance(found, tuple) else (found,)
