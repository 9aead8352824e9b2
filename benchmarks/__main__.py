"""``make bench``: measure everything and print the tables of ``benchmarks/README.md``.

Name some of ``server``, ``page``, ``posts``, ``stored``, ``routes``, ``documents``, ``listeners``,
``longpolls``, ``caches``, ``jobs``, ``bulk``, ``engines``, ``sqlite``, ``redis``, ``mongo`` to
measure only these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import msgspec

from benchmarks import (
    bulk,
    caches,
    engines,
    jobs,
    listeners,
    longpolls,
    posts,
    routes,
    storages,
    stored_pages,
)
from benchmarks.side_by_side import Contestant, compare, table

OURS = "Brubeck"
OTHER_PAGES = Path(__file__).with_name("other_pages.lua")


def server() -> str:
    """Return the table of a fixed body of 5 kB."""
    figures = compare(
        [
            Contestant(OURS, "benchmarks.servers.brubeck_fixed"),
            Contestant("eventlet.wsgi, bare", "benchmarks.servers.eventlet_fixed"),
            Contestant("uvicorn (uvloop, httptools), bare", "benchmarks.servers.uvicorn_fixed"),
        ],
        "/fixed",
    )
    targets = {"eventlet.wsgi, bare": 3.0, "uvicorn (uvloop, httptools), bare": 1.0}
    return table("Embedded server, a fixed JSON body of 5 kB", figures, targets)


PEER = "FastAPI, pydantic response model"
ZIPPING = f"{PEER}, GZipMiddleware"
PAGES = [
    Contestant(OURS, "benchmarks.servers.brubeck_pages"),
    Contestant(PEER, "benchmarks.servers.fastapi_pages"),
]


def check_page(url: str) -> None:
    """Refuse an answer that is not a page of 25."""
    with urlopen(url) as reply:
        found = msgspec.json.decode(reply.read())
    if "_items" in found:  # Eve's own format
        found = {"data": found["_items"], "paging": found["_links"]}
    if len(found["data"]) != 25 or not found["paging"]["next"]:
        raise SystemExit(f"{url} is not a page of 25")


def page() -> str:
    """Return the tables of a page of 25 from memory: the first one, and another each time."""
    first = compare(PAGES, "/quakes", check=check_page)
    packers = [PAGES[0], Contestant(ZIPPING, "benchmarks.servers.fastapi_pages", ("gzip",))]
    zipped = compare(packers, "/quakes", header="Accept-Encoding: gzip")
    other = compare(
        PAGES, "/quakes", check=check_page, script=str(OTHER_PAGES), sample=stored_pages.OTHER_PAGE
    )
    return "\n".join(
        [
            table("A page of 25 from memory, over HTTP: the first page", first, {PEER: 5.0}),
            table("The same in gzip", zipped, {ZIPPING: 5.0}),
            table("The same, another page each time", other, {PEER: 3.0}),
        ]
    )


def document() -> str:
    """Return the tables of documents; their module prints by itself."""
    from benchmarks import documents

    documents.main()
    return ""


TABLES: dict[str, Callable[[], str]] = {
    "server": server,
    "page": page,
    "posts": posts.table,
    "stored": partial(stored_pages.tables, check_page),
    "routes": routes.table,
    "documents": document,
    "listeners": listeners.table,
    "longpolls": longpolls.table,
    "caches": caches.table,
    "jobs": jobs.table,
    "bulk": bulk.table,
    "engines": engines.table,
    **{name: partial(storages.table, name) for name in storages.BENCHES},
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        print(TABLES[name](), flush=True)
