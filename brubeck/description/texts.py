"""The texts in the description of a stream."""

from __future__ import annotations

from typing import Final

from brubeck.explorer.rendering import MEDIA_TYPE as HTML
from brubeck.streams import atom, csv_rows

FEED: Final = (
    "Server-sent events, for as long as the connection lasts; `contentSchema` is the schema of the "
    "`data` of one event. `put` and `delete` have one change each as `data` and a cursor as `id`; "
    "`checkpoint` moves the reader on at least every 15 seconds; `reset` means that the position "
    "or the right to read is lost, and ends the feed."
)
SHAPES: Final = {
    HTML: "A page for people.",
    atom.MEDIA_TYPE: "The page as Atom (RFC 4287).",
    csv_rows.MEDIA_TYPE: (
        "All items within the bounds, one a row, below a row with the names of the fields; without "
        "`limit` and `total`. `times=rfc3339` makes times readable, `bom=true` is for spreadsheets."
    ),
}
FEATURES: Final = (
    "All items within the bounds as features (RFC 7946), with their coordinates as geometry; with "
    "`limit`, a page of them with `numberReturned` and `links`."
)
EXPORT: Final = (
    "All items within the bounds, one a line; `contentSchema` is the schema of one line. Without "
    "`limit` and `total`."
)
IMPORT: Final = (
    "An import: items, one a line, without a limit on their number; `contentSchema` is the schema "
    "of one line. Without `Idempotency-Key`."
)
RESULTS: Final = (
    "One result a line, for each line of the request that is not blank, in order; `contentSchema` "
    "is the schema of one line: the number and id of the created item, or a problem."
)
EQUAL: Final = "In a body it must be what it is."
IGNORED: Final = "In a body it is ignored: the server sets it."
REFUSED: Final = "A new item may not bring it: the server sets it."


OPERATIONS: Final = {
    "list": (
        "Pages lead from one to the next by `paging.next`, in both orders; a cursor stays good "
        "while items come and go. An export, chosen by `Accept`, has all items at once."
    ),
    "create": (
        "A list answers with a result for each item. An `Idempotency-Key` makes a repeated request "
        "harmless."
    ),
    "follow": (
        "Each change has a place in one order. A reader that goes on from the last `cursor` it has "
        "seen misses nothing."
    ),
    "read": "`If-None-Match` with the `ETag` of an earlier answer saves a second transfer.",
    "replace": "`If-Match` with the `ETag` of the item refuses to overwrite somebody's change.",
    "change": (
        "Members that are given replace those of the item, and null removes one. `If-Match` "
        "refuses to overwrite somebody's change."
    ),
    "delete": "Followers are told of the deletion; afterwards the item is 410, not 404.",
}
"""The description of each operation."""
