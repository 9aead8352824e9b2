"""A personal journal: everybody has their own entries in sight, and what others share with them.

    brubeck user add examples.journal:app ella
    brubeck user add examples.journal:app joe
    brubeck run examples.journal:app

    curl -u ella --json '{"text": "How high the moon."}' localhost:6767/journal
    curl -u joe localhost:6767/journal

Joe sees nothing. An entry's ``readers`` are the ids of who may read it, too (``brubeck user list``
tells them). Taken out again, the entry is as good as deleted to them: in pages and in open feeds.
"""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.dictshield.fields import ListField, StringField
from brubeck.streams import AuthStreamHandler, SharedDocument


class Entry(SharedDocument):
    """One entry, which belongs to who wrote it."""

    text = StringField(required=True, max_length=20_000)
    mood = StringField(max_length=20)
    tags = ListField(StringField(max_length=40))


class Journal(AuthStreamHandler):
    """The entries that the caller wrote, or may read."""

    model = Entry
    path = "/journal"
    filters = ("mood", "tags")
    schemes = (BearerAuth(), BasicAuth())
    owned = True


app = Brubeck(streams=[Journal], storage="sqlite:///journal.db")
