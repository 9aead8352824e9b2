"""Runs the example's mirror, and prints its copy, a line each time."""

from __future__ import annotations

import json
import sys

from examples.clients.mirror import mirror

for items in mirror(sys.argv[1]):
    print(json.dumps(sorted(items.values(), key=lambda item: str(item["id"]))), flush=True)
