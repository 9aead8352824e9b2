"""The page on authentication is true."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import click

from brubeck import auth
from brubeck.auth import Scheme
from brubeck.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "auth.md"


def test_every_example_does_what_it_says() -> None:
    """In order, with the results that stand there."""
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    runner.run(parser.get_doctest(PAGE.read_text(), {}, PAGE.name, None, 0), out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries > 25


def test_every_scheme_is_named() -> None:
    """In the table."""
    text = PAGE.read_text()
    for name in auth.__all__:
        found = getattr(auth, name)
        if isinstance(found, type) and issubclass(found, Scheme) and found is not Scheme:
            assert f"| `{name}(" in text


def test_every_command_is_one() -> None:
    """With its options, and none is missing."""
    shown = re.findall(r"^\$ brubeck (\w+) (\w+) (.*)$", PAGE.read_text(), re.MULTILINE)
    groups = {name: main.commands[name] for name in ("user", "token")}
    known = set()
    for name, group in groups.items():
        assert isinstance(group, click.Group)
        known |= {(name, command) for command in group.commands}
        for _, command, rest in (each for each in shown if each[0] == name):
            options = {text for each in group.commands[command].params for text in each.opts}
            assert set(re.findall(r"--[\w-]+", rest)) <= options
    assert {(group, command) for group, command, _ in shown} == known
