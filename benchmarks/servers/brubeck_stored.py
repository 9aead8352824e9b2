"""Our side on another storage: the earthquakes example at the URL given first."""

from __future__ import annotations

import sys

from brubeck import green

if __name__ == "__main__":
    green.patch()
    from examples.earthquakes.__main__ import load
    from examples.earthquakes.app import app
    from examples.earthquakes.week import quakes

    app.configure(
        server={
            "listen": f"http://127.0.0.1:{sys.argv[-1]}",
            "workers": 2 if "workers=2" in sys.argv else 1,
        },
        storage={"default": sys.argv[1]},
    )
    if not app.stream(app.streams[0]).records().head().position:
        load(list(quakes()))
    app.run()
