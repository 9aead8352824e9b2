"""``brubeck new``: the files of a small project."""

from __future__ import annotations

import keyword
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

import click

from brubeck.cli.output import AS_JSON, print_json, print_lines, print_text
from brubeck.cli.programs import FAILURE, plain_errors
from brubeck.errors import BrubeckError, ConfigError

FILES: Final = {
    "app.py": "app.py.txt",
    "test_app.py": "test_app.py.txt",
    "brubeck.toml": "brubeck.toml.txt",
    "Dockerfile": "Dockerfile.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
}
"""The files of a project, and the templates that they are made of."""
_TAKEN: Final = frozenset(("app", "test_app", "brubeck"))


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@AS_JSON
def new(folder: Path, *, as_json: bool) -> None:
    """Create a small project in the new folder NAME: a stream, its tests, settings, a Dockerfile.

    The last part of NAME is the name of the stream, and has to be one of a Python package.
    """
    with plain_errors():
        name = folder.resolve().name
        _check_name(name)
        try:
            create_project(folder, name)
        except OSError as reason:
            print_text(f"brubeck: {folder} cannot be written: {reason.strerror}.", err=True)
            sys.exit(FAILURE)
    if as_json:
        print_json({"folder": str(folder), "files": list(FILES)})
        return
    print_text(f"Created {folder} with {', '.join(FILES)}. Next:")
    print_lines(f"  cd {folder}\n  brubeck run app:app")


def _check_name(name: str) -> None:
    """Raise `ConfigError` for a name that no Python package and no stream can have."""
    if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        raise ConfigError(
            f'"{name}" is not the name of a Python package: use letters, digits and underscores.'
        )
    if name in _TAKEN or name in sys.stdlib_module_names:
        raise ConfigError(f'"{name}" is the name of another module; choose a different one.')


def create_project(folder: Path, name: str) -> None:
    """Write the files of a project; `BrubeckError` where the folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BrubeckError(f"{folder} exists already and is not an empty folder.")
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_files(folder, name)
    except OSError:
        _remove(folder, made)
        raise


def _write_files(folder: Path, name: str) -> None:
    templates = files("brubeck.cli") / "project"
    for target, source in FILES.items():
        text = (templates / source).read_text(encoding="utf-8")
        (folder / target).write_text(Template(text).substitute(name=name), encoding="utf-8")


def _remove(folder: Path, made: list[Path]) -> None:
    """Remove an incomplete project, and the folders that were made for it."""
    with suppress(OSError):
        for target in FILES:
            (folder / target).unlink(missing_ok=True)
        for each in made:
            each.rmdir()
