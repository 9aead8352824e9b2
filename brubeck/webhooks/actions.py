"""The actions on a subscription: ``secret``, ``rotate``, ``test`` and ``redeliver``.

They are resources of the stream of subscriptions, with its schemes, scopes, rate and protection
against forms of other sites; a subscription of another owner does not exist (404).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast
from uuid import uuid4

from brubeck.consumers.track import beginning_of
from brubeck.http import Problem, Response
from brubeck.storage import Record
from brubeck.storage.ids import is_id
from brubeck.streams import StreamHandler
from brubeck.streams.cursors import parse_change_cursor, parse_time
from brubeck.streams.parameters import no_parameters
from brubeck.streams.projection import json_bytes
from brubeck.streams.resource import Resource
from brubeck.streams.stream import Stream
from brubeck.streams.writing import invalid, parse_json
from brubeck.webhooks.documents import CLEARED, Subscription
from brubeck.webhooks.messages import sample_id, track_of
from brubeck.webhooks.rights import source_of
from brubeck.webhooks.signatures import ROTATION, new_secret

_ROUNDS: Final = 100
_MAX_BODY: Final = 4096
"""The maximal length of an action's body; a longer one is not decoded."""
_STRING: Final = {"type": "string"}
_INTEGER: Final = {"type": "integer"}
_TIME: Final = {
    "type": ["integer", "string"],
    "description": "Milliseconds since the epoch, RFC 3339, or `now`.",
}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with some members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


class Action(Resource):
    """``/webhooks/<id>/<action>``; the attributes describe it in ``/openapi.json``."""

    method: ClassVar[str] = "post"
    status: ClassVar[int] = 200
    button: ClassVar[str]
    """The text of its button in the explorer."""
    about: ClassVar[str]
    """The sentence beside the button."""
    takes: ClassVar[Mapping[str, Any] | None] = None
    """The schema of the request's body."""
    gives: ClassVar[Mapping[str, Any]]
    """The schema of the answer's ``data``."""

    def subscription(self, item_id: str) -> Subscription:
        """Return the caller's subscription; a `Problem` (403, 404, 410) where it has none."""
        no_parameters(self.message.query_pairs)
        found = None
        if is_id(item_id):
            (found,) = self.context.records.get([item_id], self.context.viewer)
        if not isinstance(found, Record):
            raise Problem(404 if found is None else 410, f"There is no item {item_id[:160]}.")
        self.access.check_change(self.context, found)  # a reader of a shared one is not its owner
        return cast("Subscription", self.spec.model.decode_stored(found.body))

    def source(self, subscription: Subscription) -> Stream:
        """Return the stream of a subscription; a `Problem` (409) where it has none any more."""
        declaration: Any = self.make_hooks
        stream: type[StreamHandler] | None = source_of(declaration, subscription.stream or "")
        if stream is None:
            raise Problem(409, f"There are no webhooks for {subscription.stream} any more.")
        return cast("Stream", self.application.stream(stream))

    def change(self, subscription: Subscription, changes: Mapping[str, Any]) -> None:
        """Change fields that the server sets."""
        self.application.stream(self.make_hooks).update(subscription.id, changes)

    def kept_nowhere(self, data: Mapping[str, Any]) -> Response:
        """Return an answer that no cache may keep."""
        headers = {"Cache-Control": "no-store"}
        return self.answer(b'{"data":%b}' % json_bytes(data), self.status, headers)

    @property
    def now(self) -> int:
        """The time in milliseconds since the epoch."""
        return self.stream.clock.micros() // 1000


class Secret(Action):
    """``GET …/secret``: the secret that messages are signed with."""

    method = "get"
    button = "Show the secret"
    about = "Messages are signed with the secret; keep it to yourself and the receiver."
    gives = _object(secret=_STRING)

    def get(self, ids: str) -> Response:
        """Return the secret; 403 without the right to write, since it makes messages credible."""
        subscription = self.subscription(ids)
        needed = self.spec.scopes.get("write")
        if not self.context.caller.may(needed):
            raise Problem(403, f"The scope {needed} is required to read a secret.")
        return self.kept_nowhere({"secret": subscription.secret})


class Rotate(Action):
    """``POST …/rotate``: a new secret; for a day messages are signed with both."""

    button = "Make a new secret"
    about = "Messages are signed with the new secret, and for a day with the former one, too."
    gives = _object(secret=_STRING, previous_until=_INTEGER)

    def post(self, ids: str) -> Response:
        """Make a new secret and return it; for a day messages are signed with both."""
        subscription, secret = self.subscription(ids), new_secret()
        until = self.now + ROTATION * 1000
        changes = {
            "secret": secret,
            "previous_secret": subscription.secret,
            "previous_until": until,
        }
        self.change(subscription, changes)
        return self.kept_nowhere({"secret": secret, "previous_until": until})


class Test(Action):
    """``POST …/test``: a message to try the receiver with."""

    status = 202
    button = "Send a test"
    about = "A message to try the receiver with is sent soon, even to a paused subscription."
    gives = _object(webhook_id=_STRING)

    def post(self, ids: str) -> Response:
        """Let a message be sent soon, also to a paused subscription; return its id."""
        subscription, test = self.subscription(ids), uuid4().hex
        self.change(subscription, {"test": test})
        return self.kept_nowhere({"webhook_id": sample_id(ids, test)})


class Redeliver(Action):
    """``POST …/redeliver``: the changes since a time come again."""

    status = 202
    button = "Send again"
    about = "All changes since a time are sent again; with the time now, those before are left out."
    takes = _object(since=_TIME)
    gives = takes

    def post(self, ids: str) -> Response:
        """Go back, or ahead, to a time: ``{"since": "2026-01-01T00:00:00Z"}``, or ``"now"``."""
        subscription = self.subscription(ids)
        if len(self.message.body) > _MAX_BODY:
            raise Problem(413, f"A body of an action has at most {_MAX_BODY} bytes.")
        body = parse_json(self.message.body)
        if not isinstance(body, dict) or body.keys() != {"since"}:
            raise invalid("/since", 'The body is {"since": <a time>}, or {"since": "now"}.')
        source = self.source(subscription)
        cursor = self._cursor(body["since"], source, subscription)
        track = track_of(source, subscription)
        place = track.read()
        reached = 0 if place is None else parse_change_cursor(place.cursor).position
        again = {"sent_before": max(reached, subscription.sent_before or 0)}
        self.change(subscription, again)  # first: it decides what is recorded
        for _ in range(_ROUNDS):
            if track.read() is None:
                track.begin(cursor)
            elif track.move(cursor):
                break
        else:
            raise Problem(409, "The subscription is being changed by other writers; retry.")
        if not subscription.paused:
            self.change(subscription, CLEARED)
        return self.kept_nowhere({"since": body["since"]})

    def _cursor(self, since: object, source: Stream, subscription: Subscription) -> str:
        if since == "now":
            return beginning_of(source.opened(subscription.partition or ""), "now")
        if isinstance(since, bool) or not isinstance(since, int | str):
            raise invalid("/since", "It is a time: milliseconds, or RFC 3339.")
        try:
            millis = parse_time(str(since), "up")
        except ValueError as reason:
            raise invalid("/since", str(reason)) from None
        if millis > self.now:
            raise invalid("/since", 'It is in the future; "now" skips undelivered changes.')
        return str(max(0, millis * 1000 - 1))


ACTIONS: Final[Mapping[str, type[Resource]]] = {
    "secret": Secret,
    "rotate": Rotate,
    "test": Test,
    "redeliver": Redeliver,
}
"""The actions by the last part of their paths."""
