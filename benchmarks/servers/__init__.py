"""The servers that are measured; each is a module that serves on the port given as its argument."""

from __future__ import annotations

BODY = b'{"tune":"' + b"Take Five. " * 455 + b'"}'
"""The fixed body: 5 kB of JSON."""
