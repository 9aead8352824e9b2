"""Consumers: what a program does upon every change of a stream, at least once and in order.

class Notify(Consumer):
    stream = Quakes

    def changed(self, change):
        send_mail(change.document)

app = Brubeck(streams=[Quakes], consumers=[Notify])

``brubeck work`` runs them.
"""

from brubeck.consumers.consumer import ConsumedChange, Consumer
from brubeck.consumers.runner import catch_up

__all__ = ["ConsumedChange", "Consumer", "catch_up"]
