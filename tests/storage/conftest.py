"""How many random histories each storage is tried with, said before the suite is imported."""

from __future__ import annotations

import os

from tests.soak import often

os.environ.setdefault("CONFORMANCE_HISTORIES", f"{often(20, 200)}")
