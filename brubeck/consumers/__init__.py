"""Consumers: actions of a program upon every change of a stream, at least once and in order.

class Notify(Consumer):
    stream = Quakes

    def changed(self, change):
        send_mail(change.document)

app = Brubeck(streams=[Quakes], consumers=[Notify])

``brubeck work`` runs them.
"""

from brubeck.consumers.connection import catch_up
from brubeck.consumers.consumer import ConsumedChange, Consumer

__all__ = ["ConsumedChange", "Consumer", "catch_up"]
