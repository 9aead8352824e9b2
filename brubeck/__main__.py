"""``python -m brubeck``: the command."""

from brubeck.cli import main

main(prog_name="brubeck")
