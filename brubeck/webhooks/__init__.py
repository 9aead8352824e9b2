"""Webhooks: the changes of streams, sent to the URLs of subscribers, signed and in order.

class Hooks(Webhooks):
    sources = (Quakes,)
    schemes = (BearerAuth(),)

app = Brubeck(streams=[Quakes, Hooks])

Callers keep their subscriptions at ``/webhooks``; ``brubeck work`` sends.
"""

from brubeck.webhooks.connection import deliver
from brubeck.webhooks.documents import Delivery, Subscription
from brubeck.webhooks.stream import Webhooks

__all__ = ["Delivery", "Subscription", "Webhooks", "deliver"]
