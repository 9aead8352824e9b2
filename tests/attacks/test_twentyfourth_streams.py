"""Owners that no stream knows, and pages of the program in shared caches."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import StringField
from brubeck.jobs import JobStream, OwnedJob
from brubeck.streams import (
    AuthStreamHandler,
    FeedEntry,
    OwnedDocument,
    SharedDocument,
    StreamedDocument,
    StreamHandler,
)
from brubeck.streams.access import OpenAccess
from brubeck.streams.collection import Collection
from brubeck.streams.context import Context
from brubeck.streams.representations import Representation
from brubeck.testing import Client
from tests.attacks.people import Badge


class Note(StreamedDocument):
    """An item."""

    text = StringField()


class Owned(OwnedDocument):
    """An item with an owner."""


class Shared(SharedDocument):
    """An item with readers."""


@pytest.mark.parametrize(
    ("base", "model", "declared", "words"),
    [
        (StreamHandler, Owned, {}, "knows no owners"),
        (StreamHandler, Shared, {"read_only": True}, "knows no owners"),
        (JobStream, OwnedJob, {}, "knows no owners"),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),)}, "readers count only in an owned"),
        (StreamHandler, Shared, {"access": type("Asking", (OpenAccess,), {})}, ""),
        (AuthStreamHandler, Owned, {"schemes": (Badge(),)}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "owned": True}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "may_read": "anyone"}, ""),
        (AuthStreamHandler, Shared, {"schemes": (Badge(),), "may_read": "authenticated"}, ""),
    ],
)
def test_owners_that_no_stream_asks_for_are_logged(
    caplog: pytest.LogCaptureFixture,
    base: type,
    model: type,
    declared: dict[str, Any],
    words: str,
) -> None:
    """Everybody could read and change the items of everybody, and nothing told so."""
    Brubeck(streams=[type("Notes", (base,), {"model": model, **declared})], storage="memory://")
    assert words in caplog.text
    assert bool(words) == ("Notes.model" in caplog.text)


class Kept(StreamHandler):
    """A stream that shared caches may keep."""

    model = Note
    path = "/kept"
    cache = "1s"


def tenant(context: Context, _view: object = None) -> bytes:
    """Return a page for the tenant that a header names."""
    return (context.request.header("x-tenant") or "").encode()


@pytest.mark.parametrize("media_type", ["text/plain", "application/atom+xml"])
def test_a_page_of_an_own_renderer_is_for_nobody_else(media_type: str) -> None:
    """A shared cache showed one tenant's page to another one."""
    own = Representation("own", tenant, media_type)
    representations = {**Collection.representations, media_type: own}
    shown = type("Shown", (Collection,), {"representations": representations})
    _is_not_kept(type("Own", (Kept,), {"collection": shown}), "/kept", media_type)


@pytest.mark.parametrize("target", ["/kept.atom", "/kept.feed.json"])
def test_an_entry_of_a_hook_is_for_nobody_else(target: str) -> None:
    """It may look at any header, or at the address."""

    class Own(Kept):
        def feed_entry(self, context: Context, _item: dict[str, Any]) -> FeedEntry:
            """Return an entry for the tenant."""
            return FeedEntry(tenant(context).decode(), "")

    _is_not_kept(Own, target, "*/*")


def _is_not_kept(stream: type[StreamHandler], target: str, accept: str) -> None:
    client = Client(Brubeck(streams=[stream], storage="memory://"))
    assert client.post("/kept", json={"text": "x"}).status == 201
    assert client.get("/kept").headers["Cache-Control"].startswith("public")
    found = client.get(target, headers={"Accept": accept, "X-Tenant": "acme"})
    assert "acme" in found.text
    assert found.headers["Cache-Control"] == "no-cache"
