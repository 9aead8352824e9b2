"""A program with webhooks, as the tests of killed processes run it."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.auth import BearerAuth
from brubeck.dictshield.fields import IntField
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.webhooks import Webhooks


class Count(StreamedDocument):
    """A number."""

    number = IntField()


class Counts(StreamHandler):
    """Numbers."""

    model = Count
    path = "/hooked-counts"


class Hooks(Webhooks):
    """Their webhooks."""

    sources = (Counts,)
    schemes = (BearerAuth(),)
    allow_private = True
    retries = (0.01,)


app = Brubeck(streams=[Counts, Hooks])
