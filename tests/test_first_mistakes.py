"""Mistakes of the first hour are told when the program starts, each in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from brubeck import Brubeck, WebMessageHandler
from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.fields import StringField
from brubeck.errors import ConfigError
from brubeck.streams import StreamedDocument, StreamHandler


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("page_size", "25", "page_size is a whole number of at least 1, not '25'"),
        ("page_size", 0, "page_size is a whole number of at least 1"),
        ("page_size", True, "page_size is a whole number of at least 1"),
        ("max_page_size", "200", "max_page_size is a whole number of at least 1"),
        ("max_page_size", 5, "page_size <= max_page_size does not hold"),
        ("max_batch", "5", "max_batch is a whole number of at least 1"),
        ("max_batch", None, "max_batch is a whole number of at least 1"),
        ("read_only", "no", "read_only is True or False, not 'no'"),
        ("accept_created_at", 0, "accept_created_at is True or False, not 0"),
        ("feed_title", 5, "feed_title is a text, not 5"),
    ],
)
def test_a_declaration_of_another_type_is_refused(name: str, value: object, message: str) -> None:
    """Some were a TypeError, and others one at the first request."""
    with pytest.raises(ConfigError, match=message):
        type("Notes", (StreamHandler,), {"model": StreamedDocument, name: value})


def test_a_class_of_fields_is_no_field() -> None:
    """The document had none of that name, and refused everybody's value of it."""
    with pytest.raises(InvalidShield, match=r"write place = StringField\(\)"):
        type("Quake", (StreamedDocument,), {"place": StringField})


@pytest.mark.parametrize("stream", [StreamedDocument, WebMessageHandler, "Notes", None])
def test_what_is_no_stream_is_refused(stream: Any) -> None:
    """A document was told that it has no model."""
    with pytest.raises(ConfigError, match="is no StreamHandler"):
        Brubeck(streams=[stream])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("GET", "get"), ("Post", "post"), ("prepar", "prepare"), ("prepared", "prepare")),
        *(("initialise", "initialize"), ("on_finished", "on_finish")),
    ],
)
def test_a_method_of_a_handler_that_nothing_calls_is_refused(name: str, meant: str) -> None:
    """A guard in it would never have run."""
    with pytest.raises(ConfigError, match=f'{name} is never called. Did you mean "{meant}"'):
        type("Take", (WebMessageHandler,), {name: lambda _self: None})


@pytest.mark.parametrize("name", ["getter", "posts", "report", "finish_up", "Gets", "optional"])
def test_any_other_method_of_a_handler_is_the_programs(name: str) -> None:
    """It calls them itself."""
    assert hasattr(type("Take", (WebMessageHandler,), {name: lambda _self: None}), name)
