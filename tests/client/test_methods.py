"""Every method against a real server, in memory and in SQLite, with both faces."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from brubeck.client import Bearer, NotFound, PreconditionFailed, Problem
from tests.client.program import TOKEN
from tests.servers.programs import Program

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def ids(items: Any) -> list[str]:
    """Return the ids of items."""
    return [item["id"] for item in items]


def test_an_item_from_its_creation_to_its_end(notes: Any) -> None:
    """Created, read, updated, replaced and deleted, each time with its tag."""
    made = notes.create({"id": "a", "kind": "x", "text": "Ely", "when": WHEN})
    assert (made.id, made["when"]) == ("a", "2026-01-02T03:04:05Z")
    found = notes.get("a")
    assert found == made
    assert found.etag == made.etag
    assert notes.get("a", fields=["kind"]) == {"id": "a", "kind": "x"}
    changed = notes.update("a", {"text": None, "size": 2}, if_match=found.etag)
    assert (changed.get("text"), changed["size"], changed["kind"]) == (None, 2.0, "x")
    assert notes.get("a").etag == changed.etag != found.etag
    replaced = notes.replace("a", {"kind": "y"}, if_match=changed.etag)
    assert (replaced["kind"], "size" in replaced) == ("y", False)
    assert notes.delete("a", if_match=replaced.etag) is None
    with pytest.raises(NotFound) as caught:
        notes.get("a")
    assert caught.value.status == 410


@pytest.mark.parametrize("fields", [None, ["kind"]])
def test_an_item_is_the_one_of_exactly_that_id(notes: Any, fields: list[str] | None) -> None:
    """And not the one that has the same path as JSON."""
    name = f"r{uuid4().hex}"  # what others have deleted is known as deleted
    notes.create({"id": name, "kind": "x"})
    with pytest.raises(NotFound) as caught:
        notes.get(f"{name}.json", fields=fields)
    assert caught.value.status == 404
    notes.create({"id": f"{name}.json", "kind": "y"})
    assert notes.get(f"{name}.json", fields=fields)["kind"] == "y"
    assert notes.get(name, fields=fields)["kind"] == "x"
    notes.delete(f"{name}.json")
    with pytest.raises(NotFound) as caught:
        notes.get(f"{name}.json", fields=fields)
    assert caught.value.status == 410


def test_an_id_is_made_where_none_is_given(notes: Any) -> None:
    """And replace creates what is not there."""
    made = notes.create({"kind": "x"})
    assert notes.get(made.id) == made
    assert notes.replace("b", {"kind": "y"}, if_absent=True)["kind"] == "y"
    with pytest.raises(PreconditionFailed):
        notes.replace("b", {"kind": "z"}, if_absent=True)
    assert notes.get("b")["kind"] == "y"


def test_one_of_two_writers_wins(notes: Any) -> None:
    """The other one is told, by each method."""
    first = notes.create({"id": "a"})
    second = notes.update("a", {"kind": "x"})
    writes: list[Callable[[], object]] = [
        lambda: notes.update("a", {"kind": "z"}, if_match=first.etag),
        lambda: notes.replace("a", {"kind": "z"}, if_match=first.etag),
        lambda: notes.delete("a", if_match=first.etag),
    ]
    for write in writes:
        with pytest.raises(PreconditionFailed):
            write()
    assert notes.get("a") == second


def test_errors_say_what_is_wrong(notes: Any) -> None:
    """Every failing field, an unknown filter, an id that is taken, one that never was."""
    with pytest.raises(Problem) as caught:
        notes.create({"kind": "x" * 21, "nope": 1, "size": "big"})
    assert caught.value.status == 422
    assert {pointer for pointer, _ in caught.value.errors} == {"/kind", "/nope", "/size"}
    assert "/nope: Unknown field." in str(caught.value)
    with pytest.raises(Problem, match='Did you mean "kind"'):
        list(notes.items(kinds="x"))
    notes.create({"id": "a"})
    with pytest.raises(Problem) as caught:
        notes.create({"id": "a"})
    assert caught.value.status == 409
    calls: list[Callable[[], object]] = [
        lambda: notes.get("never"),
        lambda: notes.update("never", {}),
        lambda: notes.delete("never"),
    ]
    for call in calls:
        with pytest.raises(NotFound) as missing:
            call()
        assert missing.value.status == 404
        assert missing.value.headers["content-type"] == "application/problem+json"


@pytest.mark.reads("Brubeck's client", "pages")
def test_pages_and_items_walk_the_timeline(notes: Any) -> None:
    """In both orders, filtered, projected and bounded."""
    made = [notes.create({"id": f"n{n}", "kind": "ab"[n % 2], "size": n}) for n in range(7)]
    assert ids(notes.items(limit=2)) == [f"n{n}" for n in reversed(range(7))]
    assert ids(notes.items(limit=3, order="oldest")) == [f"n{n}" for n in range(7)]
    assert ids(notes.items(kind="a", size__gte=2, order="oldest")) == ["n2", "n4", "n6"]
    assert ids(notes.items(kind__in=["a", "b"], limit=100)) == [f"n{n}" for n in reversed(range(7))]
    assert list(notes.items(fields="kind", order="oldest"))[1] == {"id": "n1", "kind": "b"}
    pages = list(notes.pages(limit=3, order="oldest", total=True))
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert (pages[0].total, pages[0].total_exact) == (7, True)
    assert pages[0].previous is None
    assert pages[-1].next is None
    assert ids(next(iter(notes.pages(start=pages[1].previous))).items) == ["n0", "n1", "n2"]
    assert [ids(page.items) for page in notes.pages(start=pages[0].next)] == [
        ids(page.items) for page in pages[1:]
    ]
    created = made[0]["created_at"]
    moment = datetime.fromtimestamp(created / 1000, UTC) + timedelta(days=1)
    assert ids(notes.items(since=moment)) == []
    assert len(ids(notes.items(since=created, until=moment))) == 7
    assert ids(notes.items(when__gte=WHEN)) == []


def test_many_documents_have_a_result_each(notes: Any) -> None:
    """In their order, in requests of a thousand, and each by itself."""
    notes.create({"id": "taken"})
    documents = [{"id": f"m{n}", "size": n} for n in range(1100)]
    documents[1050] = {"id": "taken"}
    documents[7] = {"id": "m7", "size": "big"}
    results = notes.create_many(iter(documents))
    assert len(results) == 1100
    failed = {n: result.status for n, result in enumerate(results) if result.problem}
    assert failed == {7: 422, 1050: 409}
    assert results[7].problem.errors[0][0] == "/size"
    assert results[1099].item["id"] == "m1099"
    assert len(list(notes.items(limit=200))) == 1099
    assert notes.create_many([]) == []


def test_lists_that_are_too_long_go_in_parts(server: Program, connect: Callable[..., Any]) -> None:
    """For a stream with a lower bound, and by their bytes."""
    short = connect(f"http://127.0.0.1:{server.port}/short")
    results = short.create_many([{"text": str(n)} for n in range(30)])
    assert [result.item["text"] for result in results] == [str(n) for n in range(30)]
    assert len(list(short.items())) == 30
    large = short.create_many([{"text": "x" * 900_000} for _ in range(8)] + [{"text": "y" * 2**21}])
    assert [result.status for result in large] == [201] * 8 + [413]
    for item in list(short.items(fields="kind")):
        short.delete(item.id)


def test_a_protected_stream_takes_a_password_or_a_token(
    server: Program, connect: Callable[..., Any]
) -> None:
    """And a caller without either is told the ways."""
    url = f"http://127.0.0.1:{server.port}/locked"
    for auth in (("ella", "secret"), Bearer(TOKEN)):
        locked = connect(url, auth=auth)
        made = locked.create({"text": "mine"})
        assert made in list(locked.items())
        assert next(iter(locked.follow(after="0"))).position > 0
        locked.delete(made.id)
    for wrong in ({}, {"auth": Bearer(f"{TOKEN}x")}):
        stranger = connect(url, **wrong)
        for call in (
            lambda stranger=stranger: list(stranger.items()),
            lambda stranger=stranger: stranger.create({}),
            lambda stranger=stranger: next(iter(stranger.follow())),
            lambda stranger=stranger: stranger.mirror().__enter__(),
        ):
            with pytest.raises(Problem) as caught:
                call()
            assert caught.value.status == 401
        assert "www-authenticate" in caught.value.headers
