"""``brubeck config``: every setting, its value and the source of the value."""

from __future__ import annotations

from typing import Any

import click

from brubeck.cli.output import AS_JSON, print_json, print_table
from brubeck.cli.programs import load, plain_errors
from brubeck.cli.serving import configure, sections_of, setting_options


@click.command("config")
@click.argument("program", metavar="[MODULE:APP]", required=False)
@setting_options
@AS_JSON
def config_command(program: str | None, *, as_json: bool, **options: Any) -> None:
    """List the settings in force, each with its source; secrets are shown as ***.

    Without MODULE:APP the arguments of the program are left out. The options are those of
    `brubeck run`, to see their effect.
    """
    with plain_errors():
        from brubeck import config

        if program is None:
            file, given = config.default_file(), sections_of(options)
            found = config.explain(command_line=given, file=file)
        else:
            app = load(program)
            configure(app, options)
            found = app.explain_settings()
    if as_json:
        names = ("section", "key", "value", "source")
        print_json([{name: getattr(each, name) for name in names} for each in found])
        return
    rows = [(f"{each.section}.{each.key}", _text(each.value), each.source) for each in found]
    print_table(("SETTING", "VALUE", "SOURCE"), rows)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
    return str(value) if value != "" else "-"
