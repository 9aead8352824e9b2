"""Topics: thousands of open feeds at the same position share one read and one encoding.

A feed that has caught up subscribes to the topic of its stream, filters and fields. One thread
waits there for all of them, takes the next step along the change order, and hands every reader the
same bytes. A reader that cannot take them without waiting goes on by itself, from its own cursor,
until it has caught up again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import random
from typing import Final

import msgspec

from brubeck import green
from brubeck.http.subscription import Group, Receiver, Subscription
from brubeck.storage import Changes, ChangesQuery, RecordStream, StorageError

Frames = Callable[[Changes], bytes]

_TURN: Final = 500
"""How many readers are handed something before others get their turn."""

_FEW: Final = 64
"""How many topics of a stream are kept without looking for those that have no feeds."""


class TopicSubscription(Subscription):
    """A feed's subscription to a topic; ``found`` is the last step that the feed has sent."""

    __slots__ = ("_topic", "found", "receiver")

    def __init__(self, topic: Topic, found: Changes) -> None:
        self._topic = topic
        self.found = found
        self.receiver: Receiver | None = None

    def join(self, receiver: Receiver) -> bool:
        """Subscribe, if the topic is at the position of the feed."""
        self.receiver = receiver
        return self._topic.add(self)

    def leave(self) -> None:
        """Unsubscribe."""
        self._topic.discard(self)


class Topic:
    """The feeds that ask for the same and stand at the same place."""

    def __init__(
        self,
        open_records: Callable[[], RecordStream],
        query: ChangesQuery,
        frames: Frames,
        checkpoint: Frames,
        times: tuple[float, float],
    ) -> None:
        self._open_records = open_records
        self._query = query
        self._frames = frames
        self._checkpoint = checkpoint
        self._patience, self._every = times
        self._subscriptions: dict[TopicSubscription, None] = {}
        self._found: Changes | None = None
        self._casting = False

    def __len__(self) -> int:
        return len(self._subscriptions)

    def add(self, subscription: TopicSubscription) -> bool:
        """Let a feed join that stands where the others do; the first one says where that is."""
        found = subscription.found
        if self._found is None or not self._casting:
            self._found = found
        elif (found.position, found.era) != (self._found.position, self._found.era):
            return False
        self._subscriptions[subscription] = None
        if not self._casting:
            self._casting = True
            green.spawn(self._cast)
        return True

    def discard(self, subscription: TopicSubscription) -> None:
        """Leave a feed out."""
        self._subscriptions.pop(subscription, None)

    def _cast(self) -> None:
        """Send new changes to the subscribed feeds for as long as there are any."""
        # Feeds that were opened together do not all take a step at the same moment for ever.
        said, behind = time.monotonic() - self._every * random(), False  # noqa: S311, no secret hangs on it
        records = self._open_records()  # once: of thousands of partitions few are kept open
        try:
            while self._subscriptions and (found := self._found) is not None:
                try:
                    if found.caught_up and not self._has_news(records, found, said):
                        continue
                    found = self._step(records, found)
                except StorageError:
                    return  # each of them finds out what it is, and says so
                data = self._frames(found) if found.changes else b""
                if time.monotonic() - said >= self._every or (behind and found.caught_up):
                    data += self._checkpoint(found)
                    said = time.monotonic()
                behind = not found.caught_up
                self._found = found
                self._tell(data, found)
        finally:
            self._casting = False
            self._release_all()

    def _has_news(self, records: RecordStream, found: Changes, said: float) -> bool:
        """Wait for further changes; return whether there are some, or it is time for a checkpoint.

        A step for each of thousands of topics that stand still would be all that a process does.
        """
        moved = records.wait(found.head, self._patience)
        return moved or time.monotonic() - said >= self._every

    def _step(self, records: RecordStream, found: Changes) -> Changes:
        query = msgspec.structs.replace(
            self._query, after=found.position, era=found.era, began=found.began
        )
        green.take_turn()  # many topics may wake at one write, each with a scan of its own
        return records.changes(query)

    def _tell(self, data: bytes, found: Changes) -> None:
        groups: dict[Group, dict[Receiver, TopicSubscription]] = {}
        for number, subscription in enumerate(list(self._subscriptions), 1):
            if subscription not in self._subscriptions:
                continue  # it left while others were sent the data
            subscription.found = found
            receiver = subscription.receiver
            if not data or receiver is None:
                continue
            if receiver.group is not None:
                groups.setdefault(receiver.group, {})[receiver] = subscription
            elif not receiver.receive(data):
                self._let_go(subscription, receiver)
            if number % _TURN == 0:
                green.sleep(0)
        for group, subscriptions in groups.items():
            for receiver in group.send(list(subscriptions), data):
                self._let_go(subscriptions[receiver], receiver)

    def _let_go(self, subscription: TopicSubscription, receiver: Receiver) -> None:
        self._subscriptions.pop(subscription, None)
        receiver.release()

    def _release_all(self) -> None:
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions:
            if subscription.receiver is not None:
                subscription.receiver.release()


class Topics:
    """The topics of a stream, by the parameters of their feeds."""

    def __init__(self) -> None:
        self._all: dict[object, Topic] = {}
        self._most = _FEW

    def subscription(
        self, key: object, found: Changes, make: Callable[[], Topic]
    ) -> TopicSubscription:
        """Return the subscription of a feed that has caught up; it has to `join` yet."""
        topic = self._all.get(key)
        if topic is None:
            if len(self._all) >= self._most:
                self._drop_empty()
            topic = self._all[key] = make()
        return TopicSubscription(topic, found)

    def _drop_empty(self) -> None:
        """Forget the topics without feeds; done again when there are twice as many as are left."""
        self._all = {key: topic for key, topic in self._all.items() if len(topic)}
        self._most = max(_FEW, 2 * len(self._all))
