"""What docstrings show is what happens."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from brubeck import Brubeck
from brubeck.dictshield.fields import FloatField, StringField
from brubeck.streams import StreamedDocument, StreamHandler

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "brubeck").rglob("*.py")
    if ">>>" in path.read_text()
)


class Quake(StreamedDocument):
    """The model that examples speak of."""

    place = StringField()
    network = StringField()
    magnitude = FloatField()


class Quakes(StreamHandler):
    """The stream that examples ask."""

    model = Quake
    path = "/quakes"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    """In order, each module's by themselves."""
    module = import_module(name)
    given: dict[str, Any] = {
        "app": Brubeck(streams=[Quakes]),
        "Quake": Quake,
        "StreamHandler": StreamHandler,
    }
    failed, tried = doctest.testmod(module, extraglobs=given)
    assert tried
    assert not failed
