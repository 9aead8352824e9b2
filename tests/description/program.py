"""All the examples in one program, with one person who may do everything and one who may not."""

from __future__ import annotations

from contextlib import suppress

from brubeck import Brubeck
from brubeck.models.errors import UsernameTaken
from examples.bulletin import Bulletins
from examples.earthquakes.app import Quakes
from examples.journal import Journal
from examples.timelines import Posts


class Board(Bulletins):
    """The board, with a limit that the tests do not reach."""

    rate = "1000000/minute"


app = Brubeck(streams=[Quakes, Board, Journal, Posts])

with suppress(UsernameTaken):
    app.accounts.users.create("ella", "a-tisket", scopes=["bulletin:read", "bulletin:write"])
    app.accounts.users.create("joe", "flying-home")
