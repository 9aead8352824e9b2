"""A stream of earthquakes, for who looks at it with a browser."""

from __future__ import annotations

import sys

from brubeck import Brubeck
from brubeck.dictshield.fields import (
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    ListField,
    MillisecondField,
    NumberField,
    StringField,
)
from brubeck.streams import StreamedDocument, StreamHandler, following

if "pytest" not in sys.modules:  # where tests import it, it is theirs
    following.RETRY_MS = 20  # a test does not wait as long as a person may


class Quake(StreamedDocument):
    """An earthquake."""

    place = StringField(required=True)
    magnitude = FloatField()


class Quakes(StreamHandler):
    """Earthquakes, as they happen."""

    model = Quake
    path = "/quakes"
    filters = ("magnitude__gte",)
    page_size = 3


class Value(StreamedDocument):
    """A value of any kind."""

    text = StringField()
    number = NumberField()
    truth = BooleanField()
    moment = DateTimeField()
    millis = MillisecondField()
    texts = ListField(StringField())
    more = DictField()


class Values(StreamHandler):
    """Values of every kind, all on one page."""

    model = Value
    path = "/values"
    page_size = max_page_size = 200


app = Brubeck(streams=[Quakes, Values])
