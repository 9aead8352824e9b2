"""The base of every command: find the program, and report errors in one sentence."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brubeck.errors import BrubeckError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from brubeck.application import Brubeck

PROGRAM = click.argument("program", metavar="MODULE:APP")


def load(program: str) -> Brubeck:
    """Return the application that ``module:app`` names; `ConfigError` when there is none."""
    module_name, _, name = program.partition(":")
    parts = module_name.split(".")
    if parts[-1] == "py" or not all(part.isidentifier() for part in parts):
        raise ConfigError(f'Name the program as module:app, such as quakes:app, not "{program}".')
    from brubeck.application import Brubeck

    sys.path.insert(0, str(Path.cwd()))
    Brubeck.being_loaded = True
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as reason:
        if reason.name is None or not f"{module_name}.".startswith(f"{reason.name}."):
            raise
        raise ConfigError(f'There is no module "{reason.name}" here or installed.') from reason
    finally:
        Brubeck.being_loaded = False
    found = getattr(module, name or "app", None)
    if not isinstance(found, Brubeck):
        apps = [each for each, value in vars(module).items() if isinstance(value, Brubeck)]
        hint = did_you_mean(name or "app", apps) or " It has none at all."
        raise ConfigError(f'"{module_name}" has no application "{name or "app"}".{hint}')
    return found


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the command with one sentence for an error that Brubeck raises on purpose."""
    try:
        yield
    except BrubeckError as reason:
        click.echo(f"brubeck: {reason}", err=True)
        sys.exit(2)


def said(**options: object) -> dict[str, object]:
    """Return only the options that were given."""
    return {name: value for name, value in options.items() if value is not None}
