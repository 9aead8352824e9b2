"""The description of an application: OpenAPI 3.1, and the JSON Schemas of its documents.

A `Description` is made from everything that the application serves; each kind of thing adds itself
to it. It is read from the declarations and from the parts that requests go through, so it agrees
with the behaviour. Protected streams are described, too: that one exists is no secret.
"""

from __future__ import annotations
