"""The documents of webhooks: a subscription, and a delivery to one."""

from __future__ import annotations

from typing import Any, Final

from brubeck.dictshield.fields import (
    BooleanField,
    IntField,
    ListField,
    MillisecondField,
    StringField,
)
from brubeck.streams import OwnedDocument

EVENTS: Final = ("put", "delete")
"""The kinds of changes, as in the changes of a stream."""
STARTS: Final = ("now", "beginning")
PRIVATE_FIELDS: Final = (
    *("secret", "previous_secret", "previous_until"),
    *("start_cursor", "test", "owner_scopes", "owner_is_account", "sent_before"),
)
"""The fields of a subscription that no caller sees; the secret has a path of its own."""


class Subscription(OwnedDocument):
    """A webhook: the URL that gets the changes of a stream.

    The server sets the fields from ``failures`` on. The secret is in no page, feed or export; its
    owner reads it at ``…/secret``.
    """

    _private_fields = list(PRIVATE_FIELDS)

    url = StringField(required=True, max_length=2048, description="The URL of the receiver.")
    stream = StringField(required=True, max_length=512, description="The path of the stream.")
    partition = StringField(max_length=128, description="The partition, where there are some.")
    query = StringField(
        max_length=2000, description="Filters of the stream, such as magnitude__gte=4.5."
    )
    events = ListField(
        StringField(choices=EVENTS), description="The changes to send: put, delete; all if empty."
    )
    start = StringField(
        choices=STARTS, default="now", description="The first change: from now, or the beginning."
    )
    description = StringField(max_length=500, description="A note of the owner.")
    paused = BooleanField(default=False, description="Whether nothing is sent for now.")

    failures = IntField(description="The failed attempts at the message in hand.")
    failing_since = MillisecondField(description="When the first of them failed.")
    next_attempt_at = MillisecondField(description="When the next attempt is due.")
    last_error = StringField(max_length=1000, description="Why the last attempt failed.")
    disabled_at = MillisecondField(description="When the server paused it for its failures.")

    secret = StringField(max_length=128)
    previous_secret = StringField(max_length=128)
    previous_until = MillisecondField()
    start_cursor = StringField(max_length=64)
    test = StringField(max_length=64)
    owner_scopes = ListField(StringField())
    owner_is_account = BooleanField()
    sent_before = IntField()


STATE_FIELDS: Final = ("failures", "failing_since", "next_attempt_at", "last_error", "disabled_at")
"""The fields of a subscription that callers see and the server alone sets."""
CLEARED: Final[dict[str, Any]] = dict.fromkeys(STATE_FIELDS)
"""The changes that make a subscription one without failures."""


class Delivery(OwnedDocument):
    """An attempt at a message, and its result."""

    subscription = StringField(description="The id of the subscription.")
    webhook_id = StringField(max_length=256, description="The id of the message, for repetitions.")
    type = StringField(max_length=600, description="The type of the event, as in the message.")
    item = StringField(max_length=128, description="The id of the item that has changed.")
    attempt = IntField(description="1 for the first attempt.")
    outcome = StringField(choices=("delivered", "failed"), description="delivered or failed.")
    status = IntField(description="The status of the receiver's answer, if there was one.")
    answer = StringField(max_length=500, description="The beginning of the answer's body.")
    error = StringField(max_length=1000, description="Why the attempt failed.")
    duration = IntField(description="How long the attempt took, in milliseconds.")
