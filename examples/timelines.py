"""A timeline for each user: everybody reads them all, and writes their own.

    brubeck user add examples.timelines:app ella
    brubeck user add examples.timelines:app joe
    brubeck run examples.timelines:app

    curl -u ella --json '{"text": "A-tisket, a-tasket."}' localhost:6767/users/ella/posts
    curl -u joe localhost:6767/users/ella/posts

Each timeline is a stream of its own, with its own order, changes and retention. So however many
there are, none waits for another.
"""

from __future__ import annotations

from brubeck import Brubeck, Problem
from brubeck.auth import BasicAuth, BearerAuth
from brubeck.dictshield.fields import StringField
from brubeck.streams import AuthStreamHandler, Context, OwnedDocument, StreamedDocument


class Post(OwnedDocument):
    """What somebody has to say."""

    text = StringField(required=True, max_length=500)


class Posts(AuthStreamHandler):
    """The posts of one user."""

    model = Post
    path = "/users/<name>/posts"
    schemes = (BearerAuth(), BasicAuth())
    retain = 1000  # posts, of each user

    def before_create(self, context: Context, _document: StreamedDocument) -> None:
        """Refuse posts in the timeline of another user."""
        if context.caller.username != context.partition:
            raise Problem(403, f"This is the timeline of {context.partition}.")


app = Brubeck(streams=[Posts], storage="sqlite:///timelines.db")
