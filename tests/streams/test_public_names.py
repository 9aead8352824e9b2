"""The names that a program subclasses: few, and each of them meant for it."""

from __future__ import annotations

import pytest

from brubeck.streams import AuthStreamHandler, StreamHandler

SHARED = {
    *("model", "path", "partitions", "filters", "page_size", "max_page_size", "max_batch"),
    *("read_only", "accept_created_at", "retain", "keep_deletions", "rate", "cors", "cache"),
    *("feed_title", "storage", "collection", "items", "changes", "access", "spec", "explorer"),
    "description",
    *("admit", "prepare", "on_finish", "feed_entry"),
    *("before_create", "before_update", "before_delete", "after_change"),
}
OF_AUTH = {"schemes", "scopes", "may_read", "may_write", "owned", "get_current_user"}


@pytest.mark.parametrize(
    ("handler", "names"), [(StreamHandler, SHARED), (AuthStreamHandler, SHARED | OF_AUTH)]
)
def test_a_stream_has_the_names_that_are_declared_or_overridden(
    handler: type[StreamHandler], names: set[str]
) -> None:
    """At most 30 for every stream; another one would have to be worth it."""
    annotated = {name for base in handler.__mro__ for name in vars(base).get("__annotations__", ())}
    public = {name for name in {*dir(handler), *annotated} if not name.startswith("_")}
    assert public == names
    assert len(SHARED - {"spec"}) <= 30, "spec is what the others are compiled to"
