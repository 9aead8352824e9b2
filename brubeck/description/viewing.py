"""``/docs``: the documentation of the API by Swagger UI, which ships with the package.

Nothing is loaded from elsewhere, so the page works offline and tells nobody that it was read. The
files in ``viewer/`` are those of the npm package ``swagger-ui-dist`` (Apache License 2.0, see
``viewer/LICENSE``), compressed; ``scripts/update-viewer`` brings a newer version.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from brubeck.handlers import WebMessageHandler
from brubeck.http import Headers, Response
from brubeck.http.conditions import matches
from brubeck.http.media import accepts_gzip

_FILES: Final = files(__package__) / "viewer"
TYPES: Final = {
    "docs.html": "text/html; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
"""The files of the page and their media types."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The viewer sets styles of its elements by attributes, which no digest can name."""


class _File(msgspec.Struct, frozen=True):
    body: bytes
    compressed: bytes
    tag: str


@cache
def _file(name: str) -> _File:
    packed = _FILES / f"{name}.gz"
    if packed.is_file():
        compressed = packed.read_bytes()
        body = gzip.decompress(compressed)
    else:
        body = (_FILES / name).read_bytes()
        compressed = gzip.compress(body, mtime=0)
    return _File(body, compressed, hashlib.blake2b(body, digest_size=12).hexdigest())


class Viewer(WebMessageHandler):
    """The page at ``/docs`` and the files that it needs."""

    patterns = (r"^/docs$", r"^/docs/(?P<name>start\.js|swagger-ui-bundle\.js|swagger-ui\.css)$")

    def get(self, name: str = "docs.html") -> Response:
        """Return the page, or one of its files."""
        file = _file(name)
        packs = accepts_gzip(self.message.header("accept-encoding"))
        tag = f'"{file.tag}{"-gzip" if packs else ""}"'
        headers = Headers({"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"})
        headers["Content-Security-Policy"] = _POLICY
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if matches(self.message.header("if-none-match"), tag):
            return Response(b"", 304, headers=headers)
        headers["Content-Type"] = TYPES[name]
        if not packs:
            return Response(file.body, 200, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, 200, headers=headers)
