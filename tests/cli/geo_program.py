"""Streams of places for the commands that read and write GeoJSON, and one without coordinates."""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.dictshield.fields import (
    BooleanField,
    DecimalField,
    DictField,
    FloatField,
    GeoPointField,
    ListField,
    StringField,
)
from brubeck.streams import StreamedDocument, StreamHandler


class Quake(StreamedDocument):
    """A position of three numbers, and fields of several kinds."""

    _geometry = ("east", "north", "depth")

    text = StringField()
    east = FloatField()
    north = FloatField()
    depth = FloatField()
    done = BooleanField()
    tags = ListField(StringField())
    extra = DictField()
    price = DecimalField()


class Point(StreamedDocument):
    """A position in one field."""

    at = GeoPointField()


class Note(StreamedDocument):
    """No position."""

    text = StringField()


class Quakes(StreamHandler):
    """Quakes, which an import brings with their times."""

    model = Quake
    path = "/of/<owner>/quakes"
    accept_created_at = True


class Points(StreamHandler):
    """Points, likewise."""

    model = Point
    path = "/of/<owner>/points"
    accept_created_at = True


class Notes(StreamHandler):
    """Notes, which are nowhere."""

    model = Note
    path = "/notes"


app = Brubeck(streams=[Quakes, Points, Notes])
