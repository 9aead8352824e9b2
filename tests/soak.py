"""How long the tests take: short with every ``make test``, long with ``make soak``.

What proves more the longer it runs asks here how much it is to do. Hypothesis follows one of two
profiles; the tests that say a number of examples for themselves say it by `often`.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

NAME: Final = "BRUBECK_SOAK"
SOAK: Final = float(os.environ.get(NAME) or 0)
"""Seconds that a long test is to take; 0 is the short version."""

# On a busy machine any example may take long to be made or done, whatever it is.
settings.register_profile(
    "short", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40
)
settings.register_profile("soak", settings.get_profile("short"), max_examples=1000)
settings.load_profile("soak" if SOAK else "short")


def often(short: int, long: int) -> int:
    """Tell how often something is to be done."""
    return long if SOAK else short
