"""The password of a test: a line that costs nearly nothing to make and to check.

A line of `brubeck.auth.hash_password` costs a third of a second of processor time, in each process
that makes or checks one. Tests of the hashing itself use it; all others take lines of this hasher.
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher

CHEAP: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
