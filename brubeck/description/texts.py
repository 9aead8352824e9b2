"""The texts in the description of a stream."""

from __future__ import annotations

from typing import Final

from brubeck.explorer.rendering import MEDIA_TYPE as HTML
from brubeck.streams import atom, csv_rows

FEED: Final = (
    "Server-sent events, for as long as the connection lasts; `contentSchema` is the schema of the "
    "`data` of one event. `put` and `delete` have one change each as `data` and a cursor as `id`; "
    "`checkpoint` moves the reader on at least every 15 seconds; `reset` means that the cursor "
    "is no longer valid or the right to read was revoked, and ends the feed."
)
SHAPES: Final = {
    HTML: "An HTML page.",
    atom.MEDIA_TYPE: "The page as Atom (RFC 4287).",
    csv_rows.MEDIA_TYPE: (
        "All items within the bounds, one a row, below a row with the names of the fields; without "
        "`limit` and `total`. `times=rfc3339` and `bom=true` are for spreadsheets."
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
EQUAL: Final = "In a body it must be unchanged."
IGNORED: Final = "In a body it is ignored: the server sets it."
REFUSED: Final = "A new item must not have it: the server sets it."


OPERATIONS: Final = {
    "list": (
        "Each page links to the next one by `paging.next`, in both orders; cursors stay valid "
        "during writes. An export, chosen by `Accept`, has all items at once."
    ),
    "create": (
        "A list returns a result for each item. An `Idempotency-Key` makes it safe to retry the "
        "request."
    ),
    "follow": (
        "Each change has a position in one order. A reader that continues from its last `cursor` "
        "misses no change."
    ),
    "read": "`If-None-Match` with the `ETag` of an earlier response returns 304 if it is current.",
    "replace": "`If-Match` with the `ETag` of the item prevents overwriting concurrent changes.",
    "change": (
        "The given members replace those of the item, and null removes one. `If-Match` "
        "prevents overwriting concurrent changes."
    ),
    "delete": "Followers receive the deletion; afterwards the item is a 410, not a 404.",
}
"""The description of each operation."""
