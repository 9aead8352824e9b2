"""Combined reads: a stream's own document and what is read after it, in one command.

A command costs a driver and a server more than most of what it reads. So a step is one aggregation
that begins with the stream's own document and looks up the rest, stage by stage, in an order that
the promises stand on: the head before the rows, whatever is pending between them.

``$lookup`` runs its pipeline for a document that came to it, and so after all that an earlier stage
has read for that document. A server has one storage transaction at a time for a command: each stage
reads what the one before it has seen, or a later state; with the majority's concern, a state that
the majority has by then. So a head that is read first is never ahead of the rows: a write with a
place up to that head was pending before it took the place, and is seen by each later stage, pending
or finished. The whole need not be of one moment.

Servers of a sharded cluster know of no common order without a causally consistent session, so
there every part is read by itself.
"""

from __future__ import annotations

from typing import Any, Final

from pymongo.database import Database
from pymongo.errors import OperationFailure

from brubeck.storage.mongo.documents import Document
from brubeck.storage.mongo.finalizing import STREAMS

_TOO_LARGE: Final = (4568, 10334, 13548)
"""The error codes of a server whose answer would be one document of more than 16 MiB."""
_STATE: Final = {"position": 1, "era": 1, "horizon": 1, "floor": 1, "version": 1}


def stream_steps(name: str) -> list[Document]:
    """Return the steps that read the state of a stream, without its set of indexes."""
    return [{"$match": {"_id": name}}, {"$project": _STATE}]


def look_up(collection: str, steps: list[Document], name: str) -> Document:
    """Return the stage that reads a collection into a field of a name, as a list."""
    return {"$lookup": {"from": collection, "pipeline": steps, "as": name}}


def combined(database: Database[Document], name: str, stages: list[Document]) -> Document | None:
    """Return a stream's own document with what further stages add to it.

    None where the stream has no document, where a stage lets it go no further, and where all of it
    would be too large to be sent as one.
    """
    try:
        found: Any = database[STREAMS].aggregate([*stream_steps(name), *stages])
    except OperationFailure as reason:
        if reason.code in _TOO_LARGE:
            return None
        raise
    return next(found, None)
