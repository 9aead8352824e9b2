"""The example of long polling, as people copy it; here nobody loses patience."""

from __future__ import annotations

import sys

from brubeck import green

if __name__ == "__main__":
    green.patch()  # as `brubeck run` does, before the program makes a condition
    from examples import demo_longpolling

    demo_longpolling.PATIENCE = 600.0
    demo_longpolling.app.configure(server={"listen": f"http://127.0.0.1:{sys.argv[1]}"})
    demo_longpolling.app.run()
