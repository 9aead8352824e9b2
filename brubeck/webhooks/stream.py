"""`Webhooks`: the subscriptions of a program as a stream, of which each caller has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec

from brubeck.auth import Caller, Scheme
from brubeck.callables import check_answer
from brubeck.config.values import duration
from brubeck.consumers.track import beginning_of
from brubeck.errors import ConfigError
from brubeck.handlers.program import Program
from brubeck.http import Problem
from brubeck.streams import AuthStreamHandler, Context, StreamedDocument, StreamHandler
from brubeck.streams.spec import StreamSpec
from brubeck.streams.writing import invalid
from brubeck.webhooks.actions import ACTIONS
from brubeck.webhooks.addresses import Refused, parse_url
from brubeck.webhooks.deliveries import DeclaredDeliveries, deliveries_of
from brubeck.webhooks.documents import (
    CLEARED,
    EVENTS,
    PRIVATE_FIELDS,
    STATE_FIELDS,
    Subscription,
)
from brubeck.webhooks.quota import SubscriptionQuota
from brubeck.webhooks.rights import check_source, conditions_of, may_read, source_of
from brubeck.webhooks.signatures import new_secret

_FIXED: Final = ("stream", "partition", "start")
"""The fields of a subscription that do not change."""
_LIST_OF_NUMBERS: Final = "a tuple of seconds, such as (5, 300, 1800)"


class Webhooks(AuthStreamHandler):
    """The subscriptions to some streams: callers make them, and `brubeck work` sends the messages.

    >>> from brubeck.auth import BearerAuth
    >>> class Quakes(StreamHandler):
    ...     model = Quake
    >>> class Hooks(Webhooks):
    ...     sources = (Quakes,)
    ...     schemes = (BearerAuth(),)

    Rules:

    - A subscription gets each change of its stream at least once and in order, signed, with the
      same ``webhook-id`` each time. No subscription waits for another.
    - An attempt that fails is repeated for as long as ``give_up_after`` says; then the subscription
      is paused, and its owner sees why.
    - It gets what its owner may read (`brubeck.webhooks.rights`), without private fields.
    """

    sources: ClassVar[tuple[type[StreamHandler], ...]]
    """The streams that there are subscriptions to."""
    path = "/webhooks"
    filters = ("stream", "paused")
    owned = True
    allow_private: ClassVar[bool] = False
    """Whether ``http://`` and private addresses are allowed; for development alone."""
    timeout: ClassVar[float] = 15.0
    """Seconds of an attempt; the look-up of a name ends when the resolver gives up."""
    retries: ClassVar[Sequence[float]] = (5, 300, 1800, 7200, 18_000, 36_000)
    """Seconds before each further attempt; the last is repeated."""
    give_up_after: ClassVar[str] = "3d"
    """The time of failures after which a subscription is paused."""
    keep_deliveries: ClassVar[str] = "7d"
    """The time for which attempts are kept, at ``/webhooks/deliveries``."""
    max_subscriptions: ClassVar[int] = 100
    """The maximal number of subscriptions of a caller."""
    deliveries: ClassVar[type[AuthStreamHandler]]
    """The stream of the attempts; it is made with the class."""
    _actions = ACTIONS
    _declared_deliveries: ClassVar[DeclaredDeliveries | None] = None
    _quota: SubscriptionQuota | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if not hasattr(cls, "model"):
            cls.model = Subscription
        super().__init_subclass__(**kwargs)

    # To be overridden.

    def may_subscribe(
        self,
        application: Program,  # noqa: ARG002, for subclasses
        caller: Caller,
        stream: type[StreamHandler],
        partition: str,  # noqa: ARG002
    ) -> bool:
        """Return whether a caller may have the changes of a stream, or of a partition of it.

        Asked when a subscription is made or enabled, and again before messages are sent.
        """
        return may_read(stream, caller)

    # The hooks.

    def before_create(self, context: Context, document: StreamedDocument) -> None:
        """Check a new subscription, and give it a secret and the place where it begins."""
        subscription = _subscription(document)
        stream = self._check(context, subscription)
        partition = subscription.partition or ""
        self._check_number(context, subscription.id or "")
        local = context.application.stream(stream)
        subscription.start_cursor = beginning_of(
            local.opened(partition), subscription.start or "now"
        )
        subscription.secret = new_secret()
        subscription.events = _in_order(subscription.events)

    def before_update(
        self, context: Context, document: StreamedDocument, stored: StreamedDocument
    ) -> None:
        """Check a change of a subscription; another URL, or its end of pause, begins anew."""
        new, old = _subscription(document), _subscription(stored)
        for name in _FIXED:
            if getattr(new, name) != getattr(old, name):
                raise invalid(f"/{name}", "It does not change; make another subscription.")
        new.events = _in_order(new.events)
        is_enabled = bool(old.paused) and not new.paused
        if is_enabled or (new.url, new.query) != (old.url, old.query):
            self._check(context, new)
            for name in CLEARED:
                setattr(new, name, None)

    def _check(self, context: Context, subscription: Subscription) -> type[StreamHandler]:
        """Return the stream of a subscription that its owner may have; else a `Problem`."""
        try:
            parse_url(subscription.url or "", allow_private=self.allow_private)
        except Refused as reason:
            raise invalid("/url", str(reason)) from None
        stream = source_of(type(self), subscription.stream or "")
        if stream is None:
            known = ", ".join(each.path for each in self.sources)
            raise invalid("/stream", f"There are webhooks for {known}.")
        partition = subscription.partition or ""
        if bool(partition) != bool(stream.spec.path.partition):
            needed = "A partition is required." if not partition else "It has no partitions."
            raise invalid("/partition", needed)
        self._check_right(context, stream, partition)
        conditions_of(stream, subscription)
        subscription.owner_scopes = sorted(context.caller.scopes)
        subscription.owner_is_account = _is_account(context)
        return stream

    def _check_right(self, context: Context, stream: type[StreamHandler], partition: str) -> None:
        """Refuse a caller without the right to read (403), and a partition that cannot be (422).

        Who may not read the stream does not learn which partitions there can be.
        """
        caller = context.identified
        if caller is None:
            raise Problem(422, "A subscription requires an owner.")
        try:
            stream.spec.check_partition(partition)
        except ValueError:
            if may_read(stream, caller):
                raise invalid("/partition", "There is no such partition.") from None
            allowed = False
        else:
            decided = self.may_subscribe(context.application, caller, stream, partition)
            allowed = check_answer(decided, "may_subscribe")
        if not allowed:
            raise Problem(403, f"The right to read {stream.path} is required to subscribe to it.")

    def _check_number(self, context: Context, item_id: str) -> None:
        """Refuse more subscriptions than a caller may have, also by many requests at once."""
        self._quota = self._quota or SubscriptionQuota(context, self.max_subscriptions)
        self._quota.take(item_id)

    @classmethod
    def _compile(cls) -> StreamSpec:
        if not issubclass(cls.model, Subscription):
            raise ConfigError(f"{cls.__name__}.model must be a Subscription.")
        spec = super()._compile()
        if shown := sorted(set(PRIVATE_FIELDS) - spec.hidden):
            raise ConfigError(
                f"{cls.__name__}.model shows {', '.join(shown)}: add its _private_fields to those "
                "of Subscription."
            )
        _check_declaration(cls, spec)
        declared = deliveries_of(cls, spec)
        if "deliveries" not in vars(cls) or cls._declared_deliveries not in (None, declared):
            cls._declared_deliveries = declared  # again when a decorator has changed the class
            cls.deliveries = declared.stream()
        cls._companions = (cls.deliveries,)
        fixed = (*spec.set_by_server, *STATE_FIELDS)
        return msgspec.structs.replace(spec, set_by_server=fixed)


def _check_declaration(cls: type[Webhooks], spec: StreamSpec) -> None:
    """Refuse a declaration that cannot work with a `ConfigError`."""
    name = cls.__name__
    sources: Any = getattr(cls, "sources", ())
    if not isinstance(sources, tuple | list) or not sources:
        raise ConfigError(f"{name}.sources is a tuple of streams: sources = (Quakes,).")
    decides = cls.may_subscribe is not Webhooks.may_subscribe
    for each in sources:
        check_source(each, cls, spec, decides=decides)
    if not cls.owned or cls.read_only:
        raise ConfigError(f"{name} is owned and not read_only: callers have their subscriptions.")
    if "<" in cls.path:
        raise ConfigError(f"{name}.path takes no argument: a caller sees its own subscriptions.")
    try:
        duration(cls.give_up_after)
        duration(cls.keep_deliveries)
    except ValueError as reason:
        raise ConfigError(f"{name}.give_up_after and keep_deliveries: {reason}.") from None
    numbers = cls.retries
    if not isinstance(numbers, tuple | list) or not numbers or not all(map(_is_seconds, numbers)):
        raise ConfigError(f"{name}.retries is {_LIST_OF_NUMBERS}.")
    if not _is_seconds(cls.timeout):
        raise ConfigError(f"{name}.timeout is a number of seconds.")
    if not isinstance(cls.allow_private, bool):
        raise ConfigError(f"{name}.allow_private is True or False.")


def _is_account(context: Context) -> bool | None:
    """Return whether the caller is an account; None where the program itself has found it."""
    scheme = context.request.found_by
    return scheme.uses_accounts if isinstance(scheme, Scheme) else None


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _in_order(events: list[str] | None) -> list[str]:
    return [each for each in EVENTS if each in (events or ())]


def _subscription(document: StreamedDocument) -> Subscription:
    if not isinstance(document, Subscription):
        raise TypeError(f"{type(document).__name__} is no Subscription")
    return document
