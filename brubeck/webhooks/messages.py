"""Messages: the body and the headers of the requests to a receiver (Standard Webhooks)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from brubeck.consumers.track import Track
from brubeck.storage import Change
from brubeck.streams.following import element
from brubeck.streams.projection import projection
from brubeck.streams.spec import StreamSpec
from brubeck.streams.stream import Stream
from brubeck.timekeeping import millis_to_rfc3339
from brubeck.webhooks.documents import Subscription
from brubeck.webhooks.signatures import signature

_AGENT: Final = "Brubeck-Webhooks"


class Message(msgspec.Struct, frozen=True):
    """One message: the same id, type and body each time that it is sent.

    ``item`` is the id of the item that has changed, and ``position`` that of the change; empty
    and 0 where there is none.
    """

    id: str
    type: str
    body: bytes
    item: str = ""
    position: int = 0

    def headers(self, keys: list[str], now_millis: int) -> dict[str, str]:
        """Return the headers of an attempt, signed with each of the secrets."""
        timestamp = now_millis // 1000
        return {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "webhook-id": self.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(keys, self.id, timestamp, self.body),
        }


def change_message(stream: Stream, subscription: Subscription, change: Change) -> Message:
    """Return the message of a change, as the owner of a subscription sees it."""
    op = "delete" if change.record is None else "put"
    data = element(change, projection(None, stream.spec.hidden))
    return Message(
        f"{subscription.id}-{change.position}",
        *_typed(stream, subscription, op, change.position // 1000, data),
        change.id,
        change.position,
    )


def reset_message(stream: Stream, subscription: Subscription, cursor: str, now: int) -> Message:
    """Return the message that deletions after a cursor were forgotten: all items follow.

    Its id does not show the position, which may be that of an item of another owner.
    """
    name = blake2b(cursor.encode(), digest_size=8).hexdigest()
    typed = _typed(stream, subscription, "reset", now, b'{"op":"reset"}')
    return Message(f"{subscription.id}-reset-{name}", *typed)


def sample_message(subscription: Subscription, now: int) -> Message:
    """Return the message that an owner has asked for as a test."""
    body = b'{"type":"webhook.test","timestamp":"%b","data":{"subscription":"%b"}}' % (
        millis_to_rfc3339(now).encode(),
        str(subscription.id).encode(),
    )
    return Message(sample_id(str(subscription.id), str(subscription.test)), "webhook.test", body)


def sample_id(subscription: str, test: str) -> str:
    """Return the id of the message of a test."""
    return f"{subscription}-test-{test}"


def event_type(spec: StreamSpec, op: str) -> str:
    """Return the type of an event: the fixed parts of the stream's path, and the kind of change."""
    parts = [each for each in spec.path.template.split("/") if each and not each.startswith("<")]
    return ".".join([*parts, op])


def keys_of(subscription: Subscription, now_millis: int) -> list[str]:
    """Return the secrets that sign now: for a day after a rotation, the previous one, too.

    Raises `ValueError` where there is none: a message that anybody could have signed is not sent.
    """
    if not subscription.secret:
        raise ValueError(f"the subscription {subscription.id} has no secret to sign with")
    keys = [subscription.secret]
    if subscription.previous_secret and (subscription.previous_until or 0) > now_millis:
        keys.append(subscription.previous_secret)
    return keys


def track_of(
    stream: Stream, subscription: Subscription, owner: str = "", lease: float = 0.0
) -> Track:
    """Return the track of a subscription: its place, and the lease of the process that sends."""
    partition = subscription.partition or ""
    return Track(f"webhook.{subscription.id}", stream, partition, owner, lease)


def _typed(
    stream: Stream, subscription: Subscription, op: str, millis: int, data: bytes
) -> tuple[str, bytes]:
    """Return the type and the body of a message; the moment is that of the event."""
    name = event_type(stream.spec, op)
    body = b'{"type":%b,"timestamp":"%b","stream":%b,"data":%b}' % (
        msgspec.json.encode(name),
        millis_to_rfc3339(millis).encode(),
        msgspec.json.encode(stream.spec.path.at(subscription.partition or "")),
        data,
    )
    return name, body
