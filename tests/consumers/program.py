"""A program with a consumer that notes every change in a file, and fails now and then."""

from __future__ import annotations

import json
import os
from pathlib import Path

from brubeck import Brubeck
from brubeck.consumers import ConsumedChange, Consumer
from brubeck.dictshield.fields import IntField
from brubeck.streams import StreamedDocument, StreamHandler


class Count(StreamedDocument):
    """A number."""

    number = IntField()


class Counts(StreamHandler):
    """Numbers."""

    model = Count
    path = "/counts"


class Note(Consumer):
    """Notes each change in a file, a line each."""

    stream = Counts
    start = "beginning"
    backoff = 0.01

    def changed(self, change: ConsumedChange) -> None:
        """Append a line."""
        number = getattr(change.document, "number", None)
        if number is not None and number % 97 == 0 and change.attempt == 1:
            raise RuntimeError("not at the first attempt")
        line = {"key": change.key, "id": change.id, "op": change.op, "number": number}
        with Path(os.environ["NOTES"]).open("a") as file:
            file.write(json.dumps({**line, "position": change.position}) + "\n")


app = Brubeck(streams=[Counts], consumers=[Note])
