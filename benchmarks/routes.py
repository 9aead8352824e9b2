"""A thousand routes beside one, through the whole application."""

from __future__ import annotations

from statistics import median
from timeit import timeit

from brubeck import Brubeck, Request, Response, render

ROUNDS, CALLS = 15, 2000


def application(number: int) -> Brubeck:
    """Return a program with so many routes."""
    app = Brubeck()

    def handler(_application: Brubeck, _message: Request, name: str) -> Response:
        return render(name)

    for each in range(number):
        app.add_route_rule(rf"^/things{each}/(?P<name>[\w-]+)$", handler)
    return app


def ratio() -> float:
    """Return the time of the last of a thousand routes over the time of a single one."""
    one, thousand = application(1), application(1000)
    ratios = []
    for _ in range(ROUNDS):
        single = timeit(lambda: one.respond(Request("GET", "/things0/take-five")), number=CALLS)
        last = timeit(
            lambda: thousand.respond(Request("GET", "/things999/take-five")), number=CALLS
        )
        ratios.append(last / single)
    return median(ratios)


def table() -> str:
    """Return the measurement as Markdown."""
    return "\n".join(
        [
            "### The last of 1,000 routes, beside a single one",
            "",
            "| | time | must be |",
            "| --- | ---: | ---: |",
            f"| 1,000 routes | {ratio():.2f} x | ≤ 1.3 x |",
            "",
        ]
    )
