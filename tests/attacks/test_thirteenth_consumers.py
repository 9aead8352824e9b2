"""The thirteenth attack: a caller whose partition never comes to its end."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import ClassVar

from brubeck import Brubeck
from brubeck.consumers import ConsumedChange, Consumer
from brubeck.consumers.connection import ConsumersConnection
from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamedDocument, StreamHandler
from tests.servers import wait_until

OTHERS = {"aaa", "bob", "zed"}


class Note(StreamedDocument):
    """A note."""

    text = StringField()


class Notes(StreamHandler):
    """Notes of each user."""

    model = Note
    path = "/<user>/notes"


class Collects(Consumer):
    """Follows the partition of one user, who writes again before each change is done."""

    stream = Notes
    start = "beginning"
    seen: ClassVar[set[str]] = set()

    def changed(self, change: ConsumedChange) -> None:
        """Note the partition."""
        if change.partition == "max":
            self.application.stream(Notes).insert({"text": "again"}, partition="max")
        self.seen.add(change.partition)


def test_a_partition_that_is_always_written_holds_up_no_other(tmp_path: Path) -> None:
    """The others had their turn only when it had come to its end."""
    app = Brubeck(streams=[Notes], consumers=[Collects], storage=f"sqlite:///{tmp_path}/notes")
    notes = app.stream(Notes)
    notes.insert_many([{"text": "first"} for _ in range(300)], partition="max")
    connection = ConsumersConnection(app)
    thread = Thread(target=connection.serve, daemon=True)
    thread.start()
    wait_until(lambda: "max" in Collects.seen)
    for user in OTHERS:
        notes.insert({"text": "first"}, partition=user)
    wait_until(lambda: Collects.seen >= OTHERS)
    connection.stop()
    thread.join(20)
    assert not thread.is_alive()
