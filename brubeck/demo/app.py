"""A week of earthquakes as a stream: ``brubeck run brubeck.demo.app:app``.

The stream starts empty here; ``brubeck demo`` fills it, or plays the week live.
"""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.dictshield.fields import BooleanField, FloatField, IntField, StringField, URLField
from brubeck.streams import StreamedDocument, StreamHandler


class Quake(StreamedDocument):
    """One earthquake, as the USGS reports it."""

    _geometry = ("longitude", "latitude", "depth")

    place = StringField(max_length=200, required=True, description="Where it was, in words.")
    magnitude = FloatField(min_value=-3, max_value=10)
    magnitude_type = StringField(max_length=8)
    network = StringField(max_length=8, description="Who reported it first.")
    kind = StringField(max_length=40, description="An earthquake, or something else that shook.")
    latitude = FloatField(min_value=-90, max_value=90)
    longitude = FloatField(min_value=-180, max_value=180)
    depth = FloatField(description="Kilometres.")
    felt = IntField(min_value=0, description="How many people reported that they felt it.")
    tsunami = BooleanField()
    status = StringField(max_length=16, description="Whether a person has reviewed it.")
    url = URLField()


class Quakes(StreamHandler):
    """The stream at ``/quakes``."""

    model = Quake
    path = "/quakes"
    feed_title = "Earthquakes"
    description = "One week of earthquakes, as the USGS reports them."
    filters = ("network", "kind", "magnitude__gte", "magnitude__lt", "bbox")
    page_size, max_page_size = 25, 200
    accept_created_at = True  # a quake's place in the timeline is when it happened


app = Brubeck(streams=[Quakes], features="/ogc")
