"""What an application says of itself: OpenAPI 3.1, and the JSON Schemas of its documents.

A `Description` is made from whatever the application serves; each kind of thing adds itself to it.
What is described is read off the declarations and the parts that requests go through, so that it
is what really happens. Nobody is left out: that a protected stream exists is no secret.
"""

from __future__ import annotations
