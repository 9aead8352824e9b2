"""Broadcasts: thousands of open feeds that stand at the same place share one read and one encoding.

A feed that has caught up joins the broadcast of its stream, filters and fields. One thread waits
there for all of them, takes the next step along the change order, and hands every reader the same
bytes. A reader that cannot take them without waiting goes on by itself, from its own cursor,
until it has caught up again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from brubeck import green
from brubeck.http.sharing import Group, Receiver, Share
from brubeck.storage import Changes, ChangesQuery, Queryset, StorageError

Frames = Callable[[Changes], bytes]

_TURN: Final = 500
"""How many readers are handed something before others get their turn."""


class Seat(Share):
    """A feed's subscription to a broadcast; ``found`` is the last step that the feed has sent."""

    __slots__ = ("_broadcast", "found", "receiver")

    def __init__(self, broadcast: Broadcast, found: Changes) -> None:
        self._broadcast = broadcast
        self.found = found
        self.receiver: Receiver | None = None

    def join(self, receiver: Receiver) -> bool:
        """Take the place, if the broadcast stands where the feed does."""
        self.receiver = receiver
        return self._broadcast.add(self)

    def leave(self) -> None:
        """Give the place up."""
        self._broadcast.discard(self)


class Broadcast:
    """The feeds that ask for the same and stand at the same place."""

    def __init__(
        self,
        queryset: Callable[[], Queryset],
        query: ChangesQuery,
        frames: Frames,
        checkpoint: Frames,
        times: tuple[float, float],
    ) -> None:
        self._queryset = queryset
        self._query = query
        self._frames = frames
        self._checkpoint = checkpoint
        self._patience, self._every = times
        self._seats: dict[Seat, None] = {}
        self._found: Changes | None = None
        self._casting = False

    def __len__(self) -> int:
        return len(self._seats)

    def add(self, seat: Seat) -> bool:
        """Let a feed join that stands where the others do; the first one says where that is."""
        found = seat.found
        if self._found is None or not self._casting:
            self._found = found
        elif (found.position, found.era) != (self._found.position, self._found.era):
            return False
        self._seats[seat] = None
        if not self._casting:
            self._casting = True
            green.spawn(self._cast)
        return True

    def discard(self, seat: Seat) -> None:
        """Leave a feed out."""
        self._seats.pop(seat, None)

    def _cast(self) -> None:
        """Send new changes to the subscribed feeds for as long as there are any."""
        said, behind = time.monotonic(), False
        try:
            while self._seats and (found := self._found) is not None:
                try:
                    if found.caught_up:
                        self._queryset().wait(found.head, self._patience)
                    found = self._step(found)
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

    def _step(self, found: Changes) -> Changes:
        query = msgspec.structs.replace(
            self._query, after=found.position, era=found.era, began=found.began
        )
        return self._queryset().changes(query)

    def _tell(self, data: bytes, found: Changes) -> None:
        groups: dict[Group, dict[Receiver, Seat]] = {}
        for number, seat in enumerate(list(self._seats), 1):
            if seat not in self._seats:
                continue  # it left while others were sent the data
            seat.found = found
            receiver = seat.receiver
            if not data or receiver is None:
                continue
            if receiver.group is not None:
                groups.setdefault(receiver.group, {})[receiver] = seat
            elif not receiver.receive(data):
                self._let_go(seat, receiver)
            if number % _TURN == 0:
                green.sleep(0)
        for group, seats in groups.items():
            for receiver in group.send(list(seats), data):
                self._let_go(seats[receiver], receiver)

    def _let_go(self, seat: Seat, receiver: Receiver) -> None:
        self._seats.pop(seat, None)
        receiver.release()

    def _release_all(self) -> None:
        seats, self._seats = self._seats, {}
        for seat in seats:
            if seat.receiver is not None:
                seat.receiver.release()


class Broadcasts:
    """Every broadcast of an application, by its key: the stream and the parameters of its feeds."""

    def __init__(self) -> None:
        self._all: dict[object, Broadcast] = {}

    def seat(self, key: object, found: Changes, make: Callable[[], Broadcast]) -> Seat:
        """Return a place in a broadcast for a feed that has caught up; it has to be joined yet."""
        broadcast = self._all.get(key)
        if broadcast is None:
            for other in [each for each, known in self._all.items() if not len(known)]:
                del self._all[other]
            broadcast = self._all[key] = make()
        return Seat(broadcast, found)
