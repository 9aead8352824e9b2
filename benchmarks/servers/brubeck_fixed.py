"""Our side: a handler of the classic kind on the embedded server."""

from __future__ import annotations

import sys

from benchmarks.servers import BODY
from brubeck import Brubeck, Response, WebMessageHandler


class Fixed(WebMessageHandler):
    """Answers with the fixed body."""

    def get(self) -> Response:
        """Return the body."""
        self.set_body(BODY, headers={"Content-Type": "application/json"})
        return self.render()


if __name__ == "__main__":
    Brubeck(f"http://127.0.0.1:{sys.argv[1]}", [(r"^/fixed$", Fixed)]).run()
