"""All the examples and an AutoAPI in one program; ella may do everything there, joe may not."""

from __future__ import annotations

import sys
from contextlib import suppress

from brubeck import Brubeck
from brubeck.auth import guesses
from brubeck.autoapi import AutoAPIBase
from brubeck.dictshield.document import Document
from brubeck.dictshield.fields import BooleanField, ListField, StringField
from brubeck.models.errors import UsernameTaken
from examples.bulletin import Bulletins
from examples.earthquakes.app import Quakes
from examples.journal import Journal
from examples.timelines import Posts


class Board(Bulletins):
    """The board, with a limit that the tests do not reach."""

    rate = "1000000/minute"


class Todo(Document):
    """Something to be done."""

    title = StringField(required=True, max_length=80)
    completed = BooleanField(default=False)
    steps = ListField(StringField(max_length=20))


class TodosAPI(AutoAPIBase):
    """What there is to do."""

    model = Todo


if "pytest" not in sys.modules:  # where tests import it, the limits are theirs
    # One address tries many wrong passwords with all the streams together.
    guesses.OF_A_NAME = guesses.OF_A_NETWORK = 1_000_000  # type: ignore[misc]

app = Brubeck(
    streams=[Quakes, Board, Journal, Posts],
    title="Examples",
    api_info={
        "license": {"name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"},
        "contact": {"name": "Ella", "url": "https://example.org"},
    },
)
app.register_api(TodosAPI)

with suppress(UsernameTaken):
    app.accounts.users.create("ella", "a-tisket", scopes=["bulletin:read", "bulletin:write"])
    app.accounts.users.create("joe", "flying-home")
