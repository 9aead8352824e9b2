"""Partitions: one stream for each value of a path's argument."""

from __future__ import annotations

import gc
import threading
from uuid import uuid4
from weakref import ref

import pytest

from brubeck import Brubeck
from brubeck.errors import ConfigError
from brubeck.storage import Storage
from brubeck.streams import StreamedDocument, StreamHandler
from brubeck.streams.paths import declare_path
from brubeck.testing import Client


class Post(StreamedDocument):
    """A post."""


def test_each_key_is_a_stream_of_its_own(any_storage: Storage) -> None:
    """With its own items, changes and links; and the application can list them."""
    path = f"/{uuid4().hex[:8]}/<owner>/posts"
    posts = type("Posts", (StreamHandler,), {"model": Post, "path": path, "retain": 2})
    app = Brubeck(streams=[posts], storage={"default": any_storage})
    client = Client(app)
    for key, count in (("ella", 3), ("a:b", 1)):
        at = path.replace("<owner>", key)
        for number in range(count):
            reply = client.post(at, json={"id": f"p{number}"})
            assert reply.headers["Location"] == f"{at}/p{number}"
        page = client.get(at, params={"limit": 1}).json()
        assert page["paging"]["changes"].startswith(f"{at}/changes?")
        assert len(client.get(f"{at}/changes").json()["data"]) == count
        assert client.get(f"{at}/p0").status == 200
        if count > 1:
            assert client.get(page["paging"]["next"]).json()["data"][0]["id"] == "p1"
    assert client.get(path.replace("<owner>", "nobody")).json()["data"] == []
    assert app.stream(posts).partitions() == ["a:b", "ella"]
    assert app.stream(posts).sweep().items == 1
    assert client.get(path.replace("<owner>", "ella")).json()["data"][-1]["id"] == "p1"


def test_partitions_that_are_only_looked_at_are_not_held(
    any_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can think of many; but what is in one stays, and who waits there hears of it."""
    monkeypatch.setattr("brubeck.streams.stream.KEPT_PARTITIONS", 5)
    path = f"/{uuid4().hex[:8]}/<owner>/posts"
    posts = type("Posts", (StreamHandler,), {"model": Post, "path": path})
    app = Brubeck(streams=[posts], storage={"default": any_storage})
    client = Client(app)
    ella = path.replace("<owner>", "ella")
    assert client.post(ella, json={"id": "p"}).status == 201
    looked_at = [ref(app.stream(posts).records(f"n{number}")) for number in range(30)]
    for number in range(30):
        assert client.get(path.replace("<owner>", f"n{number}")).json()["data"] == []
    gc.collect()
    assert sum(each() is not None for each in looked_at) <= 5
    assert app.stream(posts).partitions() == ["ella"]
    start = client.get(ella).json()
    assert [each["id"] for each in start["data"]] == ["p"]
    found: list[str] = []

    def follow() -> None:
        data = client.get(f"{start['paging']['changes']}&wait=30").json()["data"]
        found.extend(each["id"] for each in data)

    waiting = threading.Thread(target=follow)
    waiting.start()
    for number in range(10):
        client.get(path.replace("<owner>", f"m{number}"))
    gc.collect()
    assert client.post(ella, json={"id": "q"}).status == 201
    waiting.join(30)
    assert found == ["q"]


@pytest.mark.parametrize("key", ["-x", "a b", "%2e", "x" * 129, "%C3%A9"])
def test_a_key_has_the_alphabet_of_an_id(key: str) -> None:
    """Anything else is nowhere."""
    posts = type("Posts", (StreamHandler,), {"model": Post, "path": "/users/<owner>/posts"})
    client = Client(Brubeck(streams=[posts]))
    for rest in ("", "/changes", "/p1"):
        assert client.get(f"/users/{key}/posts{rest}").status == 404


@pytest.mark.parametrize("path", ["/<a>/<b>", "/<a", "/a>", "/<>", "/<A>", "/x<a>", "/<ids>"])
def test_a_path_that_cannot_be_is_refused(path: str) -> None:
    """When the class is made."""
    with pytest.raises(ConfigError, match=r"Posts\.path"):
        type("Posts", (StreamHandler,), {"model": Post, "path": path})


def test_two_streams_that_would_be_one_are_refused() -> None:
    """Their paths differ, and their storage would not know it."""
    attributes = {"model": Post, "path": "/users/<owner>/posts"}
    posts = type("Posts", (StreamHandler,), attributes)
    other = type("Other", (StreamHandler,), attributes | {"path": "/<users>/owner/posts"})
    with pytest.raises(ConfigError, match="one stream in a storage"):
        Brubeck(streams=[posts, other])


def test_no_two_streams_share_a_name() -> None:
    """Whatever keys they are given."""
    paths = ["/users/owner/posts", "/users/<owner>/posts", "/users/<owner>", "/users"]
    names = [
        declare_path(path, "Posts").stream(key)
        for path in paths
        for key in (["x", "x:posts", "owner:posts"] if "<" in path else [""])
    ]
    assert len(set(names)) == len(names)
