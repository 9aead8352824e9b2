"""The sixteenth attack: jobs of the smallest values, and a form that said too much."""

from __future__ import annotations

from typing import ClassVar

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.streams import AuthStreamHandler, StreamedDocument
from brubeck.testing import Client
from tests.attacks.measuring import measured
from tests.attacks.people import as_caller
from tests.attacks.test_ninth import Scoped


def test_a_job_of_many_small_values_lets_others_be_served() -> None:
    """Two decodings of it, with the collector of garbage at work, took 0.3 s in one go."""
    holds = measured("held_by_sending")
    assert {name: hold for name, hold in holds.items() if hold > 0.2} == {}


class Note(StreamedDocument):
    """An item of any length."""

    text = StringField()


class Log(AuthStreamHandler):
    """A stream with a scope to read and one to write."""

    model = Note
    path = "/log"
    schemes = (Scoped(),)
    scopes: ClassVar = {"read": "r", "write": "w"}


def test_a_form_says_no_more_of_an_item_than_a_patch() -> None:
    """A caller that may not read learned from it which items of others are long."""
    app = Brubeck(streams=[Log], storage="memory://")
    client = Client(app)
    app.stream(Log).insert({"id": "long", "text": "x" * 70_000})
    app.stream(Log).insert({"id": "short", "text": "x"})
    given = {**as_caller("joe w"), "Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    pages = []
    for item_id in ("long", "short"):
        form = {"action": "update", "id": item_id, "position": "1", "item.text": "guess"}
        page = client.post("/log", form=form, headers=given)
        pages.append((page.status, page.text.replace(item_id, "")))
    assert pages[0] == pages[1]
    assert pages[0][0] == 412
