"""The same file into the same store by the store's own tool, which validates and orders nothing.

``sqlite-utils insert`` for SQLite, ``redis-cli --pipe`` for Redis (a `SET` for each item, a `ZADD`
for its time), and for MongoDB `insert_many` by PyMongo with the concern of Brubeck's writes, since
``mongoimport`` comes in no package that is at hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient, WriteConcern

BATCH: Final = 1000


def load(url: str, source: Path, folder: Path) -> tuple[str, float]:
    """Return the name of the tool, and the seconds that it takes for a file of NDJSON."""
    scheme = url.partition(":")[0]
    began = time.monotonic()
    tool = {"sqlite": _sqlite, "redis": _redis, "mongodb": _mongo}[scheme](url, source, folder)
    return tool, time.monotonic() - began


def _sqlite(_url: str, source: Path, folder: Path) -> str:
    command = [sys.executable, "-m", "sqlite_utils", "insert", str(folder / "tool.db"), "items"]
    subprocess.run([*command, str(source), "--nl", "--pk", "id"], check=True)
    return "sqlite-utils"


def _redis(url: str, source: Path, _folder: Path) -> str:
    command = ["redis-cli", "-u", url, "--pipe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        for line in source.open("rb"):
            item = json.loads(line)
            name = b"tool:" + item["id"].encode()
            process.stdin.write(_command(b"SET", name, line.strip()))
            moment = str(item["created_at"]).encode()
            process.stdin.write(_command(b"ZADD", b"tool", moment, item["id"].encode()))
    if process.returncode:
        raise SystemExit(f"redis-cli ended with {process.returncode}")
    return "redis-cli --pipe"


def _command(*words: bytes) -> bytes:
    parts = (b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b" % (len(words), b"".join(parts))


def _mongo(url: str, source: Path, _folder: Path) -> str:
    with MongoClient[dict[str, Any]](url) as client, source.open("rb") as file:
        concern = WriteConcern(w="majority", j=True)
        rows = client["tool"].get_collection("items", write_concern=concern)
        items = _documents(file)
        while batch := list(islice(items, BATCH)):
            rows.insert_many(batch, ordered=False)
        rows.create_index("created_at")
    return "insert_many"


def _documents(file: Any) -> Iterator[dict[str, Any]]:
    for line in file:
        item = json.loads(line)
        yield {"_id": item.pop("id"), **item}
