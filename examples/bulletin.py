"""A protected stream: a bulletin board that some read and few write.

    brubeck user add examples.bulletin:app dave --scope bulletin:read --scope bulletin:write
    brubeck user add examples.bulletin:app paul --scope bulletin:read
    brubeck run examples.bulletin:app

    curl -u dave --json '{"title": "Rehearsal", "text": "Friday at five."}' localhost:6767/bulletins
    curl -u paul localhost:6767/bulletins

A program comes with a token of its own: ``brubeck token new examples.bulletin:app paul``, and then
``Authorization: Bearer brb_…``.
"""

from __future__ import annotations

from brubeck import Brubeck
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.dictshield.fields import BooleanField, StringField
from brubeck.streams import AuthStreamHandler, StreamedDocument


class Bulletin(StreamedDocument):
    """What hangs on the board."""

    title = StringField(required=True, max_length=80)
    text = StringField(max_length=4000)
    urgent = BooleanField(default=False)


class Bulletins(AuthStreamHandler):
    """The board: whoever may read it sees all of it."""

    model = Bulletin
    path = "/bulletins"
    filters = ("urgent",)
    schemes = (BearerAuth(), BasicAuth())
    scopes = {"read": "bulletin:read", "write": "bulletin:write"}
    rate = "600/minute"
    retain = "90d"


app = Brubeck(streams=[Bulletins], storage="sqlite:///bulletin.db")
