"""Routing: the first match in order, whatever way it was found."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brubeck import Brubeck
from brubeck.autoapi import AutoAPIBase
from brubeck.errors import ConfigError
from brubeck.queryset import DictQueryset
from brubeck.routing import Router, is_closed, literal_prefix
from brubeck.streams import StreamedDocument, StreamHandler

pieces = st.sampled_from(
    [
        *("/", "a", "b", "users", r"\d+", r"(\w+)", "(?P<x>[a-z]*)", "a|b", "(a|b)", "[ab]", "a?"),
        *("b*", "a+", "b{2}", r"\.", r"\/", ".", "(?:a/)?", "$", "(?i:A)", "(a(b|/))", r"\b", "^"),
        "é",
    ]
)
patterns = st.lists(pieces, max_size=6).map("".join)
paths = st.text("/abusers1é.", max_size=10)


def handler() -> None:
    """Stand for a handler."""


@given(st.lists(patterns, max_size=12), paths)
def test_the_first_match_wins_as_if_all_had_been_tried(many: list[str], path: str) -> None:
    """Reading off beginnings changes the speed and nothing else."""
    router = Router()
    known = []
    for pattern in many:
        try:
            router.add(pattern, handler)
        except ConfigError:
            continue
        known.append(pattern)
    wanted = [pattern for pattern in known if re.match(pattern, path)]
    assert [match.route.pattern for match in router.matches(path)] == wanted
    first = router.match(path)
    assert (first and first.route.pattern) == (wanted[0] if wanted else None)


@given(patterns, paths)
def test_every_match_begins_with_the_literal(pattern: str, path: str) -> None:
    """What is read off an expression is never wrong."""
    try:
        found = re.match(pattern, path)
    except re.error:
        return
    if found:
        assert path.startswith(literal_prefix(pattern))


def test_what_groups_capture_becomes_arguments() -> None:
    """By name, or by position; an optional name that is missing is left out."""
    router = Router()
    router.add(r"^/n/(?P<a>\w+)(/(?P<b>\w+))?$", handler)
    router.add(r"^/p/(\w+)/(\w*)$", handler)
    named, positional = router.match("/n/x"), router.match("/p/x/")
    assert named is not None
    assert (named.args, named.kwargs) == ((), {"a": "x"})
    assert positional is not None
    assert (positional.args, positional.kwargs) == (("x", ""), {})


def test_a_bad_pattern_is_refused() -> None:
    """With what is wrong with it."""
    with pytest.raises(ConfigError, match="is not a pattern"):
        Router().add("^/(", handler)


def test_many_routes_are_tried_as_few() -> None:
    """Of a thousand, only those that could match: counted, not timed."""
    router = Router()
    for number in range(1000):
        router.add(rf"^/things{number}/(\w+)$", handler)
    assert len(router._candidates("/things999/x")) == 1
    assert len(router._candidates("/other")) == 0


CLOSED = [
    "",
    "^",
    "/",
    r"^/a$",
    r"^/a\Z",
    r"^/a\/",
    r"^/a\\$",
    "^/a/",
    "^/a/?$",
    "^/a.*",
    "^/a.+?",
    "^/a.*?$",
    "^/a/(?P<rest>.*)",
    "^/a/(.+)",
    "^/a/(.*)?",
    "^/a/(b.*)?",
    r"^/a/([\s\S]*)",
    r"^/a/[\D\d]+",
    r"^/a/(?P<rest>[^?#]*)",
    r"^/a/(\S+)",
    "^/a/.{1,}",
    "^/a(?:/|$)",
    "^/a(/.*|$)",
    "^/a(?=/|$)",
    "^/a(?!b)",
    "^/(a$|b$)",
    "^/a$|^/b/",
    "(?i)^/a$",
    "^/a(?i:B$)",
    "^/a$(?#the end)",
    r"^/[)(|]$",
    r"^/[]x]$",
    "^/(?P<x>a)(?(x)b$|c$)",
]
OPEN = [
    "^/brubeck",
    "/brubeck",
    r"^/a\$",
    r"^/a\\Z",
    "^/a[$]",
    "^/a[/]",
    "^/a/?",
    "^/a/*",
    "^/a(/.*)?",
    "^/a(?:/b/)?",
    "^/a(/){0,1}",
    r"^/(\w+)",
    "^/(?P<name>[^/]+)",
    r"^/\d{4}",
    "^/a.",
    "^/a.{1,3}",
    "^/a$|^/b",
    "^/a|^/b$",
    "^/(a$|b)",
    "^/(a/|b)",
    r"^/a\b",
    r"^/a[\s\s]*",
    "(?i)^/a",
    "^/a(?#$)",
    "^/a(?i:b)",
    "^/a(?<!b)",
    "^/[$/]a",
    "^/(?P<x>a)(?(x)b$|c)",
]


@pytest.mark.parametrize("pattern", [*CLOSED, *OPEN])
def test_an_open_end_is_logged_once(pattern: str, caplog: pytest.LogCaptureFixture) -> None:
    """It matches longer paths than those that the author had in mind."""
    with caplog.at_level(logging.WARNING, "brubeck.app"):
        app = Brubeck(handler_tuples=[(pattern, handler)])
    found = [record for record in caplog.records if record.name == "brubeck.app"]
    assert len(found) == (pattern in OPEN)
    assert all(repr(pattern) in record.getMessage() for record in found)
    # It stays allowed.
    assert app.router.routes[0].pattern == pattern


@given(patterns)
def test_a_dollar_after_any_pattern_closes_it(pattern: str) -> None:
    """Whatever groups, classes and escapes stand before it."""
    try:
        re.compile(pattern)
    except re.error:
        return
    assert is_closed(f"(?:{pattern})$")


def test_routes_of_streams_and_apis_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    """A program is not warned of what it did not write."""
    api = type("Api", (AutoAPIBase,), {"model": StreamedDocument, "queries": DictQueryset()})
    kinds = [
        type("Plain", (StreamHandler,), {"model": StreamedDocument, "path": "/plain"}),
        type("Parts", (StreamHandler,), {"model": StreamedDocument, "path": "/parts/<name>/x"}),
    ]
    app = Brubeck(streams=kinds)
    app.register_api(api)
    assert len(app.router.routes) > 8
    assert not caplog.records
