"""Programs with features: the earthquakes, and streams that are open to some callers or to none."""

from __future__ import annotations

from typing import Any

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, GeoPointField, StringField
from brubeck.http import Problem
from brubeck.streams import OwnedDocument, StreamedDocument, StreamHandler
from brubeck.streams.context import Context
from examples.earthquakes.app import Quakes
from examples.earthquakes.week import quakes
from tests.streams.people import Known


class Place(StreamedDocument):
    """A place with a secret."""

    _private_fields = ("secret",)

    name = StringField()
    latitude = FloatField()
    longitude = FloatField()
    secret = StringField()


class Own(OwnedDocument):
    """A place of somebody."""

    at = GeoPointField()


class Places(StreamHandler):
    """Places for everybody, at a path of two parts."""

    model = Place
    path = "/open/places"
    filters = ("bbox", "name")
    accept_created_at = True
    page_size, max_page_size = 3, 50


class Unlisted(StreamHandler):
    """Places without a filter by box: no collection."""

    model = Place
    path = "/unlisted"


class Parted(StreamHandler):
    """Places in partitions: no collection."""

    model = Place
    path = "/users/<owner>/places"
    filters = ("bbox",)


RIGHTS = {"ann": frozenset({"r", "w"}), "bob": frozenset({"r", "w"}), "eve": frozenset[str]()}


class Scoped(Known):
    """Places for those with the scope to read them."""

    model = Place
    path = "/scoped"
    filters = ("bbox",)
    may_read = "authenticated"
    scopes = {"read": "r", "write": "w"}
    rights = RIGHTS


class Owned(Known):
    """Places of which everybody sees the own."""

    model = Own
    path = "/owned"
    filters = ("bbox",)
    owned = True
    rights = RIGHTS


class Guarded(StreamHandler):
    """Places that a hook of the program guards."""

    model = Place
    path = "/guarded"
    filters = ("bbox",)

    def admit(self, context: Context) -> None:
        """Let in who says so."""
        if context.request.header("x-name") != "ann":
            raise Problem(403, "Only Ann may look at these places.")


class Limited(StreamHandler):
    """Places of which a caller reads some a minute."""

    model = Place
    path = "/limited"
    filters = ("bbox",)
    rate = "3/minute"


def program(*streams: type[StreamHandler], **options: Any) -> Brubeck:
    """Return a program with features at ``/ogc``."""
    return Brubeck(streams=list(streams), features="/ogc", **options)


def earthquakes() -> Brubeck:
    """Return a program with the earthquakes of a week."""
    app = program(type("Week", (Quakes,), {}))
    app.stream(app.streams[0]).insert_many(quakes())
    return app
