"""Arguments: values become texts, and what cannot be right is refused before anything is sent."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from brubeck.client import Bearer, Stream

BERLIN = timezone(timedelta(hours=1))


def queries(call: Callable[[Stream], object]) -> list[str]:
    """Return the queries of the requests that a call sends."""
    seen: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        paging = {"next": None, "previous": None, "changes": "/notes/changes?after=1~a"}
        return httpx.Response(200, json={"data": [], "paging": paging})

    with Stream("https://api.example/notes/", transport=httpx.MockTransport(reply)) as notes:
        call(notes)
    return seen


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (4.5, "4.5"),
        (Decimal("4.50"), "4.50"),
        ("a b&c=d", "a%20b%26c%3Dd"),
        ("\N{SNOWMAN}+", "%E2%98%83%2B"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
        (datetime(2026, 1, 1, 0, 0, 0, 5000, tzinfo=BERLIN), "2025-12-31T23:00:00.005000Z"),
        (datetime(2026, 1, 1), "2026-01-01T00:00:00Z"),  # noqa: DTZ001, that is the case
        (date(2026, 1, 1), "2026-01-01"),
        (["a", "b"], "a&kind=b"),
    ],
    ids=str,
)
def test_a_value_becomes_the_text_that_the_server_reads(value: object, text: str) -> None:
    """In a filter and in a bound."""
    assert queries(lambda notes: list(notes.items(kind=value))) == [f"kind={text}"]
    if not isinstance(value, list):
        assert queries(lambda notes: list(notes.pages(since=value))) == [f"since={text}"]


def test_all_parameters_of_a_page() -> None:
    """As they are named over HTTP; one that is None is left out."""
    found = queries(
        lambda notes: list(
            notes.pages(limit=5, order="oldest", until=9, fields=["kind", "text"], total=True)
        )
    )
    assert found == ["limit=5&order=oldest&until=9&total=true&fields=kind,text"]
    assert queries(lambda notes: list(notes.pages(limit=None, fields="kind"))) == ["fields=kind"]


WRONG: list[tuple[str, Callable[[Any], object]]] = [
    ("limit", lambda notes: notes.pages(limit=0)),
    ("limit", lambda notes: notes.items(limit=True)),
    ("limit", lambda notes: notes.pages(limit="5")),
    ("order", lambda notes: notes.items(order="up")),
    ("since", lambda notes: notes.items(since=math.nan)),
    ("size__gte", lambda notes: notes.items(size__gte=math.inf)),
    ("kind", lambda notes: notes.items(kind=None)),
    ("kind", lambda notes: notes.items(kind={})),
    ("kind__in", lambda notes: notes.items(kind__in=[])),
    ("wait", lambda notes: notes.items(wait=3)),
    ("fields", lambda notes: notes.items(fields=[])),
    ("start", lambda notes: notes.pages(start="/notes?before=1", limit=3)),
    ("order", lambda notes: notes.follow(order="oldest")),
    ("after", lambda notes: notes.follow(after="then")),
    ("after", lambda notes: notes.follow(after=7.5)),
    ("limit", lambda notes: notes.mirror(limit=3)),
    ("id", lambda notes: notes.get("")),
    ("id", lambda notes: notes.get("a,b")),
    ("id", lambda notes: notes.delete("../a")),
    ("id", lambda notes: notes.update("changes", {})),
    ("mapping", lambda notes: notes.create([("id", "a")])),
    ("JSON", lambda notes: notes.create({"size": math.nan})),
    ("JSON", lambda notes: notes.create({"size": object()})),
    ("document 1", lambda notes: notes.create_many([{}, {"size": math.inf}])),
    ("ETag", lambda notes: notes.update("a", {}, if_match=None)),
    ("ETag", lambda notes: notes.delete("a", if_match=None)),
    ("etag", lambda notes: notes.update("a", {}, if_match="7")),
    ("etag", lambda notes: notes.update("a", {}, if_match='"7"\r\nX: y')),
    ("exclude", lambda notes: notes.replace("a", {}, if_match='"1"', if_absent=True)),
]


@pytest.mark.parametrize(("name", "call"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_right_is_refused_at_once(name: str, call: Callable[[Any], object]) -> None:
    """By the call itself, by name, and before a request."""

    def refused(notes: Stream) -> None:
        with pytest.raises(ValueError, match=name):
            call(notes)

    assert queries(refused) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example:port/notes",
        *("", "notes", "/notes", "ftp://api.example/notes", "https://"),
        *("https://ella:secret@api.example/notes", "https://api.example/notes?kind=a"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused(url: str) -> None:
    """With the remedy; a password is not repeated."""
    with pytest.raises(ValueError, match=r".") as caught:
        Stream(url)
    assert "secret" not in str(caught.value)


def test_options_are_checked() -> None:
    """A token alone is no auth."""
    for wrong in (
        {"auth": "token"},
        {"auth": ("ella",)},
        {"timeout": 0},
        {"retries": -1},
        {"silence": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Stream("https://api.example/notes", **wrong)
    for headers in ({"X-Note": "a\r\nX: b"}, {"X Note": "a"}, {"X-Note": "\N{SNOWMAN}"}):
        with pytest.raises(ValueError, match="header"):
            Stream("https://api.example/notes", headers=headers)
    with pytest.raises(ValueError, match="header"):
        Stream("https://api.example/notes", auth=Bearer("sec\nret"))
    assert "secret" not in repr(Bearer("secret"))


def test_importing_it_loads_no_server_and_no_engine() -> None:
    """Nor httpx, before a client is made; without httpx the error has the remedy."""
    code = (
        "import sys; from brubeck.client import Stream;"
        "print([name for name in ('httpx', 'eventlet', 'brubeck.http', 'brubeck.streams',"
        "'brubeck.application') if name in sys.modules]);"
        "sys.modules['httpx'] = None\n"
        "try: Stream('https://api.example/notes')\n"
        "except Exception as reason: print(reason)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\nThe client needs httpx: pip install 'brubeck[client]'.\n"
