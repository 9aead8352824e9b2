"""Their side: Eve on MongoDB, served by gunicorn's threads; it counts no items (its fast setting).

Another page is asked for by a condition on the time: by its number, all before it would be skipped.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

from eve import Eve
from gunicorn.app.base import BaseApplication
from pymongo import MongoClient

from benchmarks.servers.quake_models import Quake, load

URL = sys.argv[1]
DATABASE = "eve"
NUMBERS = ("created_at", "updated_at", "felt", "magnitude", "latitude", "longitude", "depth")


def _kind(name: str) -> str:
    """Return the type of a field as Eve calls it."""
    if name in NUMBERS:
        return "number"
    return "boolean" if name == "tsunami" else "string"


SETTINGS: dict[str, Any] = {
    "MONGO_URI": urlsplit(URL)._replace(path=f"/{DATABASE}").geturl(),  # its database wins
    "OPTIMIZE_PAGINATION_FOR_SPEED": True,
    "RENDERERS": ["eve.render.JSONRenderer"],
    "PAGINATION_DEFAULT": 25,
    "DOMAIN": {
        "quakes": {
            "item_url": 'regex("[a-z0-9]+")',
            "schema": {
                "_id" if name == "id" else name: {"type": _kind(name)}
                for name in Quake.model_fields
            },
            "datasource": {"default_sort": [("created_at", -1), ("_id", -1)]},
        }
    },
}


class _Served(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The application under one worker of gunicorn with threads."""

    def load_config(self) -> None:
        """Set the worker."""
        self.cfg.set("bind", f"127.0.0.1:{sys.argv[2]}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 8)
        self.cfg.set("keepalive", 60)

    def load(self) -> Any:
        """Return the application."""
        return Eve(settings=SETTINGS)


if __name__ == "__main__":
    filling: MongoClient[dict[str, Any]] = MongoClient(URL)
    items = [each.model_dump() for each in load()]
    kept = filling[DATABASE]["quakes"]
    kept.drop()
    kept.insert_many([{"_id": item.pop("id"), **item} for item in items])
    kept.create_index([("created_at", -1), ("_id", -1)])
    filling.close()
    _Served().run()
