"""The page on the command line shows what there is, and its commands run as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from brubeck.cli import main
from tests.servers.programs import Program, brubeck, brubeck_run
from tests.test_docs import session

TEXT = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
COMMANDS = [(shlex.split(command), output) for command, output in session(TEXT)]
ITEM = '{"id": "a", "title": "Take five", "kind": "jazz", "amount": 5}\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the project of the page, with an item."""
    folder = tmp_path_factory.mktemp("page")
    (_, *arguments), output = next(each for each in COMMANDS if each[0][1] == "new")
    assert brubeck(folder, *arguments).stdout == output.rstrip() + "\n"
    done = brubeck(folder / "events", "import", "-", "app:app", "events", given=ITEM)
    assert done.returncode == 0, done.stderr
    return folder / "events"


@pytest.fixture(scope="module")
def served(project: Path) -> Iterator[Program]:
    """Serve the project."""
    with brubeck_run("app:app", cwd=project) as program:
        yield program


RUN = [
    (arguments, output)
    for arguments, output in COMMANDS
    if arguments[1] not in ("new", "run", "tail", "import")
]


@pytest.mark.parametrize(("arguments", "output"), RUN, ids=lambda each: " ".join(each)[:40])
def test_a_command_of_the_page_runs(
    project: Path, served: Program, arguments: list[str], output: str
) -> None:
    """And prints what is shown below it, but for the spaces between columns."""
    given = [each.replace(":6767", f":{served.port}") for each in arguments[1:]]
    done = brubeck(project, *given)
    assert done.returncode == 0, done.stderr
    printed = [line.split() for line in done.stdout.splitlines() if line.strip()]
    shown = [line.split() for line in output.splitlines() if line.strip()]
    assert printed[: len(shown)] == shown


def test_every_command_is_on_the_page_and_explains_itself() -> None:
    """With a sentence for itself, and one for each option."""
    for name, command in main.commands.items():
        assert f"`{name}`" in TEXT or f"brubeck {name}" in TEXT, name
        assert command.help or command.short_help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("shell", re.findall(r"_COMPLETE=(\w+)_source", TEXT))
def test_the_shell_completes_commands(shell: str) -> None:
    """By the script that click makes."""
    env = os.environ | {"_BRUBECK_COMPLETE": f"{shell}_source"}
    code = "from brubeck.cli import main; main(prog_name='brubeck')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "_BRUBECK_COMPLETE" in done.stdout
    env |= {"_BRUBECK_COMPLETE": "zsh_complete", "COMP_CWORD": "1", "COMP_WORDS": "brubeck ro"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "routes" in done.stdout
