"""Checks that a MongoDB meets the requirements of writes and of ordered reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import uuid4

from pymongo.database import Database
from pymongo.errors import OperationFailure

from brubeck.storage.checking import Finding, fine, note, of_clock, wrong
from brubeck.storage.mongo.client import DatabaseClient
from brubeck.storage.mongo.documents import Document
from brubeck.storage.mongo.finalizing import STREAMS
from brubeck.timekeeping import curtime, datetime_to_millis

TESTED: Final = (6, 0)
"""The version that the tests run with."""
UNAUTHORIZED: Final = 13
"""The error code of a command that a user may not run."""


def findings(server: DatabaseClient) -> list[Finding]:
    """Return the findings about a MongoDB."""
    with server.database() as database:
        admin = database.client.admin
        hello, version = admin.command("hello"), admin.command("buildInfo")["version"]
        found = [_version(version, server.shown), *_kind(admin, hello)]
        found.append(of_clock(curtime(), datetime_to_millis(hello["localTime"])))
        rights = _rights(database)
        found.append(rights)
        if rights.grade == "wrong":
            return found
        # Nothing is there to change; but the answer waits for all that was written before.
        database[STREAMS].update_one({"_id": ""}, {"$unset": {"nothing": ""}})
        by = "the majority" if server.replicated else "the server's journal"
        found.append(fine(f"a write is acknowledged by {by}"))
    with server.reading() as (database, session):
        database[STREAMS].find_one({"_id": ""}, session=session)
        found.append(fine("the primary answers reads, with the concern that order needs"))
    return found


def _rights(database: Database[Document]) -> Finding:
    """Try each action that a storage needs, on a collection of its own, and clean up."""
    rows = database[f"brubeck.check.{uuid4().hex}"]
    actions: dict[str, Callable[[], object]] = {
        "insert": lambda: rows.insert_one({"_id": "a"}),
        "find": lambda: rows.find_one({"_id": "a"}),
        "update": lambda: rows.update_one({"_id": "a"}, {"$set": {"b": 1}}),
        "createIndex": lambda: rows.create_index("b"),
        "remove": lambda: rows.delete_one({"_id": "a"}),
        "dropCollection": rows.drop,
    }
    if "setName" in database.client.admin.command("hello"):
        actions["changeStream"] = lambda: rows.watch(max_await_time_ms=1).close()
    refused = [name for name, action in actions.items() if _is_refused(action)]
    if refused:
        return wrong(
            f"the user may not {', '.join(refused)}: give it the role readWrite on the database "
            f"{database.name}"
        )
    return fine("the user may read, write, create indexes and watch")


def _is_refused(action: Callable[[], object]) -> bool:
    try:
        action()
    except OperationFailure as reason:
        if reason.code != UNAUTHORIZED:
            raise
        return True
    return False


def _version(version: str, shown: str) -> Finding:
    text = f"MongoDB {version} at {shown}"
    if tuple(int(part) for part in version.split(".")[:2]) >= TESTED:
        return fine(text)
    return note(f"{text}; older than {'.'.join(map(str, TESTED))}, which is tested")


def _kind(admin: Any, hello: dict[str, Any]) -> Iterator[Finding]:
    if hello.get("msg") == "isdbgrid":
        yield note("it is a sharded cluster, which is not tested")
    elif "setName" in hello:
        yield from _replica_set(admin, hello["setName"])
    else:
        yield note("it stands alone: a killed server keeps what it acknowledged, nobody takes over")


def _replica_set(admin: Any, name: str) -> Iterator[Finding]:
    try:
        config: dict[str, Any] = admin.command("replSetGetConfig")["config"]
    except OperationFailure:
        yield note(f"it is the replica set {name}; how that is set up may not be asked")
        return
    members = config["members"]
    keeping = sum(not each.get("arbiterOnly") for each in members)
    text = f"it is the replica set {name}, of which {keeping} keep data"
    yield fine(text) if keeping > 2 else note(f"{text}: losing one may stop all writes")
    if config.get("writeConcernMajorityJournalDefault", True):
        yield fine("the majority has in its journal what it acknowledges")
    else:
        yield wrong(
            "writeConcernMajorityJournalDefault is false: the majority acknowledges what is in "
            "no journal; set it to true"
        )
