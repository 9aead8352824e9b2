"""``mongodb://``: streams in a MongoDB, an item a document with its fields at the top level.

MongoDB has no order in which writes become visible, so a write is made in three steps, of which
anybody may do the later ones:

1. It puts the item's new content, with a *pending* token, where nothing is pending.
2. It takes the next position from the stream's own document.
3. It *finalizes* the write: it gives the item that position and takes the token away, where it is
   still its own, and readers see the item. That is `Finalizer.finalize_one`, and for many new items
   at once `Writer._finalize`.

A reader of changes notes the head, *then* finishes whatever is pending, *then* reads up to that
head. A write that was given a place up to there was pending before: it has been finished by then,
perhaps by the reader itself and then with a place past the head. So nothing can appear behind a
reader, however long a writer stands still between two steps, and no step depends on a clock.
"""

from __future__ import annotations

from brubeck.storage.mongo.storage import MongoStorage

__all__ = ["MongoStorage"]
