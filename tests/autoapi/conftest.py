"""The storages that querysets are tested with."""

from __future__ import annotations

from tests.queryset.conftest import storage, url

__all__ = ["storage", "url"]
