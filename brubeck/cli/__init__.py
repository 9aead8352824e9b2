"""The command ``brubeck``: run a program, inspect it, and manage its stored data.

Nothing heavy is imported before the engine has patched the standard library, and nothing that a
user can cause ends in a traceback, but for mistakes in the user's own code.
"""

from __future__ import annotations

import click

from brubeck import __version__
from brubeck.cli.checking import check
from brubeck.cli.consuming import consumer_commands
from brubeck.cli.copying import copy_command
from brubeck.cli.demo import demo
from brubeck.cli.exporting import export
from brubeck.cli.importing import import_command
from brubeck.cli.inspecting import index, openapi, shell
from brubeck.cli.mongrel2 import mongrel2
from brubeck.cli.output import Command
from brubeck.cli.reading import get, tail
from brubeck.cli.routes import routes
from brubeck.cli.scaffold import new
from brubeck.cli.serving import run
from brubeck.cli.settings import config_command
from brubeck.cli.stats import stats
from brubeck.cli.stores import store_commands
from brubeck.cli.tokens import token_commands
from brubeck.cli.users import user_commands
from brubeck.cli.working import job_commands, work


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="brubeck")
def main() -> None:
    """Run and inspect Brubeck programs."""


_SERVING = (new, demo, run, work, mongrel2, routes, config_command, check, openapi)
_USING = (get, tail, export, import_command)
_KEEPING = (copy_command, stats, index, shell, store_commands)
_GROUPS = (user_commands, token_commands, job_commands, consumer_commands)

for command in (*_SERVING, *_USING, *_KEEPING, *_GROUPS):
    main.add_command(command)
