"""Images of the explorer, each at a URL of the program: the outline for maps, and an icon."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from brubeck.explorer.rendering import FILES
from brubeck.handlers import WebMessageHandler
from brubeck.http import Headers, Response

PATTERN: Final = r"^/brubeck/(?P<name>world|icon)\.svg$"
_YEAR: Final = 31_536_000


@cache
def _image(name: str) -> tuple[bytes, str]:
    body = (FILES / f"{name}.svg").read_bytes()
    return body, hashlib.blake2b(body, digest_size=6).hexdigest()


def image_url(prefix: str, name: str) -> str:
    """Return the URL of an image, which changes when the image does."""
    return f"{prefix}/brubeck/{name}.svg?v={_image(name)[1]}"


class Image(WebMessageHandler):
    """An image, which browsers need to load once."""

    def get(self, name: str) -> Response:
        """Return the image; at the URL of another version, for now only."""
        body, version = _image(name)
        known = self.message.query == f"v={version}"
        headers = Headers(
            {
                "Content-Type": "image/svg+xml",
                "Cache-Control": f"public, max-age={_YEAR}, immutable" if known else "no-cache",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
            }
        )
        return Response(body, 200, headers=headers)
