"""Our side: the earthquakes example, empty, in the store at a URL."""

from __future__ import annotations

import sys

from brubeck import green

if __name__ == "__main__":
    green.patch()
    from examples.earthquakes.app import app

    listen = f"http://127.0.0.1:{sys.argv[-1]}"
    app.configure(server={"listen": listen}, storage={"default": sys.argv[1]})
    app.run()
